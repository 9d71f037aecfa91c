//! The folder of recordings: a file in it is named by a recording's id, and nothing else.
//!
//! Invariant: what a name says, or a link that lies there, never leads out of the folder.
//! The system sees to that (`openat2` with `RESOLVE_BENEATH`, or cap-std step by step).

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use exchange::model::RecordingId;

/// A file for its owner alone: it is somebody's voice.
const MODE: u32 = 0o600;

/// The folder, open.
#[derive(Debug)]
pub(crate) struct Vault(Dir);

impl Vault {
    /// Opens the folder that is there.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(folder, ambient_authority()).map(Self)
    }

    /// Makes the folder, for its owner alone, if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        Self::open(folder)
    }

    /// Makes a file that grows; one that is there already is left alone.
    pub(super) fn create(&self, name: &RecordingId) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(MODE);
        let file = self.0.open_with(part(name), &options)?;
        Ok(file.into_std())
    }

    /// Opens one that is whole.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn read(&self, name: &RecordingId) -> io::Result<File> {
        Ok(self.0.open(whole(name))?.into_std())
    }

    /// Opens one that was left while it grew.
    pub(super) fn reopen(&self, name: &RecordingId) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        Ok(self.0.open_with(part(name), &options)?.into_std())
    }

    /// Gives one that grew its name.
    pub(super) fn keep(&self, name: &RecordingId) -> io::Result<()> {
        self.0.rename(part(name), &self.0, whole(name))
    }

    /// Deletes one that grows.
    ///
    /// # Errors
    /// What the system says, of one that is not there too.
    pub(crate) fn remove_part(&self, name: &RecordingId) -> io::Result<()> {
        self.0.remove_file(part(name))
    }

    /// Deletes one that is whole.
    ///
    /// # Errors
    /// What the system says, of one that is not there too.
    pub(crate) fn remove(&self, name: &RecordingId) -> io::Result<()> {
        self.0.remove_file(whole(name))
    }

    /// Those that grow, or were left while they did.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn parts(&self) -> io::Result<Vec<RecordingId>> {
        let entries = self.0.entries()?.flatten();
        let names = entries.filter_map(|entry| {
            let name = entry.file_name();
            let name = Path::new(&name);
            let grows = name.extension() == Some(OsStr::new("part"));
            grows.then(|| name.file_stem()?.to_str().map(Into::into))?
        });
        Ok(names.collect())
    }
}

fn whole(name: &RecordingId) -> String {
    format!("{name}.wav")
}

fn part(name: &RecordingId) -> String {
    format!("{name}.part")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::server::store::tests::Folder;

    #[test]
    fn no_name_and_no_link_leads_out_of_the_folder() {
        let folder = Folder::new();
        let root = folder.database().parent().unwrap().to_owned();
        let vault = Vault::make(&root.join("sound")).unwrap();
        for end in ["wav", "part"] {
            let outside = root.join("secret").with_extension(end);
            fs::write(&outside, "secret").unwrap();
            symlink(&outside, root.join("sound/link").with_extension(end)).unwrap();
            symlink(
                Path::new("../secret").with_extension(end),
                root.join("sound/near").with_extension(end),
            )
            .unwrap();
        }
        let absolute = root.join("secret").display().to_string();
        for name in ["../secret", "sound/../../secret", "link", "near", &absolute] {
            let name = RecordingId::from(name);
            assert!(vault.read(&name).is_err(), "{name}");
            assert!(vault.reopen(&name).is_err(), "{name}");
            assert!(vault.create(&name).is_err(), "{name}");
            if name.as_str().contains("secret") {
                assert!(vault.remove(&name).is_err(), "{name}");
                assert!(vault.remove_part(&name).is_err(), "{name}");
                assert!(vault.keep(&name).is_err(), "{name}");
            }
        }
        for end in ["wav", "part"] {
            let outside = root.join("secret").with_extension(end);
            assert_eq!(fs::read(outside).unwrap(), b"secret");
        }
    }
}
