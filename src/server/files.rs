//! The only reader of the configuration's files.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use exchange::config::{self, Config, Files};
use exchange::model::{Diagnostic, limits};

/// Files of one kind in one folder.
const MOST_FILES: usize = 1_000;
/// Sounds of one process, and how deep their folders go.
const MOST_SOUNDS: usize = 10_000;
const DEPTH: usize = 8;

/// A sound on disk.
#[derive(Debug)]
pub(crate) struct SoundFile {
    /// For a person.
    pub(crate) path: PathBuf,
    root: Arc<Dir>,
    inside: PathBuf,
    pub(crate) language: String,
    /// Without `.wav`; folders below the language's by `/`.
    pub(crate) name: String,
}

impl SoundFile {
    /// What is in it; never what lies outside the folder of prompts.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        self.root.read(&self.inside)
    }
}

/// A variable of the environment; only the configuration asks for them.
#[expect(clippy::disallowed_methods, reason = "the configuration's own door")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads a folder. The configuration is `None` when a diagnostic says why.
///
/// # Errors
/// When a folder cannot be read at all: one sentence.
pub(crate) fn read(folder: &Path) -> anyhow::Result<(Option<Config>, Vec<Diagnostic>)> {
    let config = yaml(folder).with_context(|| {
        format!(
            "there is no configuration folder {} (name one with --config)",
            folder.display()
        )
    })?;
    if config.is_empty() {
        bail!("no *.yaml in the configuration folder {}", folder.display());
    }
    let paths = config::paths(&config, &environment, folder);
    let flows = yaml(&paths.flows)
        .with_context(|| format!("cannot read the folder of flows {}", paths.flows.display()))?;
    let (found, _) = sounds(&paths.prompts);
    let files = Files {
        config,
        flows,
        sounds: found
            .into_iter()
            .map(|sound| (sound.language, sound.name))
            .collect::<BTreeSet<_>>(),
    };
    Ok(config::load(&files, &environment, folder))
}

/// The `*.yaml` directly in a folder, by name.
fn yaml(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "yaml") && path.is_file() {
            paths.push(path);
        }
    }
    if paths.len() > MOST_FILES {
        bail!("more than {MOST_FILES} files in {}", folder.display());
    }
    paths.sort();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let text = text(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push((path.display().to_string(), text));
    }
    Ok(files)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let most = u64::try_from(limits::YAML_BYTES)?;
    let mut bytes = Vec::new();
    // One byte more than allowed, so that the reader of YAML says that it is too large.
    fs::File::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    String::from_utf8(bytes).context("it is not UTF-8")
}

/// Every `*.wav` below the folders of languages, in order, and what went wrong. Links are
/// not followed: a prompt is what lies here.
pub(crate) fn sounds(prompts: &Path) -> (Vec<SoundFile>, Vec<String>) {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    let root = match Dir::open_ambient_dir(prompts, ambient_authority()) {
        Ok(root) => Arc::new(root),
        Err(error) => return (found, vec![format!("{}: {error}", prompts.display())]),
    };
    let mut folders = vec![(PathBuf::from("."), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match root.read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                problems.push(format!("{}: {error}", prompts.join(&folder).display()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let inside = folder.join(entry.file_name());
            if kind.is_dir() && depth < DEPTH {
                folders.push((inside, depth + 1));
            } else if kind.is_file() && found.len() < MOST_SOUNDS {
                found.extend(sound((&root, prompts), inside));
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    (found, problems)
}

fn sound((root, prompts): (&Arc<Dir>, &Path), inside: PathBuf) -> Option<SoundFile> {
    if inside.extension()? != "wav" {
        return None;
    }
    let inside = inside.strip_prefix(".").ok()?;
    let bare = inside.with_extension("");
    let mut parts = bare.components().map(|part| part.as_os_str().to_str());
    let language = parts.next()??.to_owned();
    let name: Option<Vec<&str>> = parts.collect();
    let name = name?.join("/");
    (!name.is_empty()).then(|| SoundFile {
        path: prompts.join(inside),
        root: Arc::clone(root),
        inside: inside.to_owned(),
        language,
        name,
    })
}
