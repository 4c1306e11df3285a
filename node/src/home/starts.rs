//! The starts of the node on a data directory, and of the other members' nodes.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Home, HomeError};
use crate::files::{self, Access};
use crate::roster::text;

/// The number of the last start.
const NUMBER: &str = "start.number";
/// What it holds instead in a directory that was found to be a copy.
const COPY: &str = "copy";
/// What the other members' nodes have signed.
const SEEN: &str = "starts.seen";

/// The first number in a directory has the seconds since 1970 above so many bits: a directory that is
/// restored from a backup begins above all numbers of the one that was lost.
const STARTS: u32 = 24;

impl Home {
    /// The number of the start that begins: one more than that of the last. Durable when it returns.
    ///
    /// # Errors
    /// The directory was found to be a copy, or the file cannot be read or written.
    pub fn next_start(&self) -> Result<u64, HomeError> {
        let path = self.dir().join(NUMBER);
        let number = if path.exists() {
            let last = text::read(&path, |text| Ok(text.trim().to_owned()))?;
            if last == COPY {
                return Err(HomeError::IsCopy { dir: self.dir().to_owned() });
            }
            let malformed = |_| HomeError::malformed(&path, "not the number of a start");
            last.parse::<u64>().map_err(malformed)?.saturating_add(1)
        } else {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            now.as_secs() << STARTS
        };
        let written = files::write(&path, format!("{number}\n").as_bytes(), Access::Private);
        written.map_err(HomeError::file(&path))?;
        Ok(number)
    }

    /// No node starts on this directory any more: it is a copy, and others know more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn refuse_starts(&self) -> Result<(), HomeError> {
        let path = self.dir().join(NUMBER);
        files::write(&path, COPY.as_bytes(), Access::Private).map_err(HomeError::file(&path))
    }

    /// Where the last starts of the other members are kept.
    pub fn starts_seen(&self) -> PathBuf {
        self.dir().join(SEEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_the_next_number_and_a_later_directory_higher_ones() {
        let folder = tempfile::tempdir().unwrap();
        let home = |name: &str| {
            let home = Home::create_for_tests(&folder.path().join(name), "org", vec![]);
            home.home().clone()
        };
        let first = home("first");
        let number = first.next_start().unwrap();
        assert_eq!(first.next_start().unwrap(), number + 1);
        assert_eq!(Home::open(first.dir()).unwrap().next_start().unwrap(), number + 2);
        assert!(number > 1_700_000_000 << STARTS, "restored later, it would begin higher");

        std::fs::write(first.dir().join(NUMBER), "many").unwrap();
        assert!(matches!(first.next_start(), Err(HomeError::Malformed { .. })));
        first.refuse_starts().unwrap();
        assert!(matches!(first.next_start(), Err(HomeError::IsCopy { .. })));
    }
}
