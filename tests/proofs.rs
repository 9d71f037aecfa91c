//! The page of standards names tests and scenarios that are there, and each of its tests
//! names the section that it is a proof of.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// What stands above a test, in one line; `None` when there is no such test.
fn doc(place: &str, name: &str) -> Option<String> {
    let files = [format!("src/{place}.rs"), format!("tests/{place}.rs")];
    files.iter().find_map(|file| {
        let text = text(file)?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let start = format!("fn {name}(");
        let at = lines.iter().position(|line| line.starts_with(&start))?;
        let above = lines.iter().take(at).rev();
        let above: Vec<&str> = above
            .take_while(|line| line.starts_with("///") || line.starts_with("#["))
            .copied()
            .collect();
        above.contains(&"#[test]").then(|| {
            let docs = above.iter().rev();
            let docs = docs.filter_map(|line| line.strip_prefix("/// "));
            docs.collect::<Vec<_>>().join(" ")
        })
    })
}

/// Whether a text names a section of an RFC, or a part of it.
fn names(doc: &str, rfc: &str, section: &str) -> bool {
    let mut said = doc.split("RFC ").filter_map(|said| said.strip_prefix(rfc));
    said.any(|said| {
        let part = format!("{section}.");
        let mut words = said.split(|c: char| !c.is_ascii_digit() && c != '.');
        section == "all"
            || words.any(|word| word.trim_end_matches('.') == section || word.starts_with(&part))
    })
}

/// Every scenario that a test names.
fn played() -> String {
    let folder = fs::read_dir(root().join("tests/interop")).expect("the folder");
    let files = folder.flatten().map(|entry| entry.path());
    let texts = files.filter_map(|path| fs::read_to_string(path).ok());
    texts.collect()
}

#[test]
fn the_page_of_standards_names_proofs_that_are_there() {
    let page = text("docs/standards.md").expect("the page");
    let played = played();
    let (mut wrong, mut rows) = (String::new(), 0);
    for row in page.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, rfc, section, _, proofs, _] = cells[..] else {
            writeln!(wrong, "four cells a row: {row}").ok();
            continue;
        };
        rows += 1;
        for proof in proofs.split(", ").map(|proof| proof.trim_matches('`')) {
            let fault = match (proof.split_once("::"), proof.strip_suffix(".xml")) {
                (Some((place, name)), _) => match doc(place, name) {
                    None => "is no test",
                    Some(doc) if !names(&doc, rfc, section) => "does not name the section",
                    Some(_) => continue,
                },
                (None, Some(scenario)) => {
                    let file = format!("tests/interop/scenarios/{proof}");
                    if text(&file).is_some() && played.contains(&format!("\"{scenario}\"")) {
                        continue;
                    }
                    "is not played"
                }
                (None, None) => "is no proof",
            };
            writeln!(wrong, "RFC {rfc} section {section}: {proof} {fault}").ok();
        }
    }
    assert!(rows > 0 && wrong.is_empty(), "{rows} rows\n{wrong}");
}
