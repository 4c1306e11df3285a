//! Files that are written at the end of a long run: that they can be is seen before it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file that is written whole or not at all.
pub(super) struct Whole {
    path: PathBuf,
    /// Beside it, and not there any more if nothing comes of it.
    new: NamedTempFile,
}

impl Whole {
    /// Begins one.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn begin(path: PathBuf) -> Result<Self, String> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let new = if path.is_dir() {
            Err(io::Error::from(io::ErrorKind::IsADirectory))
        } else {
            builder.tempfile_in(folder.unwrap_or(Path::new(".")))
        };
        let new = new.map_err(|error| cannot(&path, &error))?;
        Ok(Self { path, new })
    }

    /// Writes it.
    ///
    /// # Errors
    /// The disk is full, or somebody else is in the way now.
    pub(super) fn write(mut self, text: &str) -> Result<(), String> {
        let written = self.new.write_all(text.as_bytes());
        let written = written.and_then(|()| Ok(self.new.persist(&self.path)?));
        written.map(drop).map_err(|error| cannot(&self.path, &error))
    }
}

fn cannot(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        drop(Whole::begin(path.clone()).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        Whole::begin(path.clone()).unwrap().write("a page").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a page");
        for wrong in [folder.path().to_owned(), folder.path().join("none").join("page.html")] {
            let error = Whole::begin(wrong).err().unwrap();
            assert!(error.contains("cannot be written"), "{error}");
        }
    }
}
