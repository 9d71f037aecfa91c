//! Sounds from disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use exchange::media::{Library, wav};

use crate::server::files::{self, SoundFile};

/// Reads every sound under the folder of prompts. A file that is no sound is left out,
/// and said why; flows that want it are refused by the check that follows.
pub(crate) fn load_library(prompts: &Path) -> (Library, BTreeSet<(String, String)>, Vec<String>) {
    let mut library = Library::default();
    let mut names = BTreeSet::new();
    let (found, mut problems) = files::sounds(prompts);
    for file in found {
        let sound = file
            .read()
            .map_err(|error| error.to_string())
            .and_then(|bytes| wav::read(&bytes).map_err(|error| error.to_string()));
        match sound {
            Ok(sound) => {
                let SoundFile { language, name, .. } = file;
                library.insert(&language, &name, Arc::new(sound));
                names.insert((language, name));
            }
            Err(why) => problems.push(format!("{}: {why}", file.path.display())),
        }
    }
    (library, names, problems)
}
