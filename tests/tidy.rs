//! Rules about the source that no lint knows: the order of the rooms, purity, sizes, signs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 16] = [
    "model",
    "sip",
    "sdp",
    "rtp",
    "media",
    "operator",
    "registrar",
    "flow",
    "dispatch",
    "queue",
    "config",
    "call",
    "shard",
    "record",
    "metric",
    "sim",
];

/// What a pure room may not name.
const IMPURE: [&str; 9] = [
    "tokio::",
    "std::fs",
    "std::thread",
    "std::env",
    "UdpSocket",
    "TcpStream",
    "async fn",
    "mio::",
    "rusqlite",
];

const BANNED: [&str; 6] = [
    "ringbuf",
    "unsafe {",
    "todo!(",
    "unimplemented!(",
    "TODO",
    "FIXME",
];

const FILE_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The part of a file before its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

/// A file of tests beside the code, such as `tests.rs` and `stress_tests.rs`.
fn only_tests(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str());
    name.is_some_and(|name| name == "tests" || name.ends_with("_tests"))
}

fn lines_with(text: &str, words: &[String], rule: &str, path: &Path, wrong: &mut String) {
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        if let Some(word) = words.iter().find(|word| code.contains(word.as_str())) {
            writeln!(wrong, "{}:{}: {rule}: `{word}`", path.display(), number + 1).ok();
        }
    }
}

fn check(find: impl Fn(&mut String)) {
    let mut wrong = String::new();
    find(&mut wrong);
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_map_lists_the_rooms_in_reading_order() {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("the map");
    let listed: Vec<_> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(listed, ROOMS);
}

#[test]
fn a_room_names_only_rooms_above_it() {
    check(|wrong| {
        for (at, room) in ROOMS.iter().enumerate() {
            let below: Vec<_> = ROOMS
                .iter()
                .skip(at + 1)
                .map(|later| format!("crate::{later}::"))
                .collect();
            for path in sources(&root().join("src").join(room)) {
                let text = fs::read_to_string(&path).expect("a file");
                lines_with(
                    &text,
                    &below,
                    "a room names only rooms above it",
                    &path,
                    wrong,
                );
            }
        }
    });
}

#[test]
fn a_pure_room_touches_nothing() {
    let impure: Vec<_> = IMPURE.iter().map(|word| (*word).to_owned()).collect();
    check(|wrong| {
        for path in ROOMS
            .iter()
            .flat_map(|room| sources(&root().join("src").join(room)))
            .filter(|path| !only_tests(path))
        {
            let text = fs::read_to_string(&path).expect("a file");
            lines_with(
                code(&text),
                &impure,
                "a pure room touches nothing",
                &path,
                wrong,
            );
        }
    });
}

#[test]
fn files_are_short_and_every_door_has_its_sign() {
    let banned: Vec<_> = BANNED.iter().map(|word| (*word).to_owned()).collect();
    check(|wrong| {
        for path in sources(&root().join("src")) {
            let text = fs::read_to_string(&path).expect("a file");
            let length = text.lines().count();
            if length > FILE_LINES {
                writeln!(
                    wrong,
                    "{}:{length}: a file has at most {FILE_LINES} lines",
                    path.display()
                )
                .ok();
            }
            if !text.starts_with("//!")
                && !path.ends_with("tests.rs")
                && !path.to_string_lossy().ends_with("_tests.rs")
            {
                writeln!(
                    wrong,
                    "{}:1: a file begins with its sign, //!",
                    path.display()
                )
                .ok();
            }
            lines_with(
                &text,
                &banned,
                "a word that has no place here",
                &path,
                wrong,
            );
        }
    });
}

#[test]
fn each_dependency_says_why() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let mut wrong = String::new();
    let (mut inside, mut why) = (false, false);
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
            why = false;
        } else if line.starts_with('#') {
            why = true;
        } else if inside && line.contains(" = ") && !why {
            writeln!(
                wrong,
                "Cargo.toml:{}: no comment above says why: {line}",
                number + 1
            )
            .ok();
        } else if line.trim().is_empty() {
            why = false;
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
