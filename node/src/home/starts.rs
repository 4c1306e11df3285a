//! The starts of the node on a data directory, and of the other members' nodes.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Home, HomeError};
use crate::files::{self, Access};
use crate::net::Memory;
use crate::roster::Network;
use crate::roster::text;

/// The number of the last start.
const NUMBER: &str = "start.number";
/// What it holds instead in a directory that is a copy, while the node runs on another one.
const COPY: &str = "copy";
/// What comes before the number, if that is one of a later start, on another directory.
const OLDER: &str = "older than ";
/// What the other members' nodes have signed.
const SEEN: &str = "starts.seen";

/// The first number in a directory has the seconds since 1970 above so many bits: a directory that is
/// restored from a backup begins above all numbers of the one that was lost.
const STARTS: u32 = 24;

/// What is known of the starts on a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// There was none.
    Nothing,
    /// The number of the last one.
    Last(u64),
    /// Elsewhere there was one of this number, later than all here.
    OlderThan(u64),
    /// There must be none any more.
    Copy,
}

impl Home {
    /// The number of the start that begins: one more than that of the last. Durable when it returns.
    ///
    /// # Errors
    /// The directory is a copy or was found to be older than another, or the file cannot be read or
    /// written.
    pub fn next_start(&self) -> Result<u64, HomeError> {
        let number = match self.starts()? {
            Known::Last(last) => last.saturating_add(1),
            Known::Nothing => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                now.as_secs() << STARTS
            }
            // Whoever raises the number has marked the store before.
            Known::OlderThan(_) | Known::Copy => {
                return Err(HomeError::IsCopy { dir: self.dir().to_owned() });
            }
        };
        self.write_starts(&number.to_string())?;
        Ok(number)
    }

    /// Writes down that there was a start of this number elsewhere: this directory is an older copy.
    /// Durable when it returns. Nothing starts here before what may be lost is marked.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn note_older(&self, than: u64) -> Result<(), HomeError> {
        let than = match self.starts()? {
            Known::Copy => return Ok(()),
            Known::Last(number) | Known::OlderThan(number) => number.max(than),
            Known::Nothing => than,
        };
        self.write_starts(&format!("{OLDER}{than}"))
    }

    /// The number of a later start elsewhere, if this directory was found to be older and nothing has
    /// started here since.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn older_than(&self) -> Result<Option<u64>, HomeError> {
        Ok(match self.starts()? {
            Known::OlderThan(number) => Some(number),
            _ => None,
        })
    }

    /// What may be lost here is marked, durably: the next start comes after the one elsewhere.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn begin_after_older(&self) -> Result<(), HomeError> {
        match self.older_than()? {
            Some(number) => self.write_starts(&number.to_string()),
            None => Ok(()),
        }
    }

    /// No node starts on this directory any more: it is a copy, and others know more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn refuse_starts(&self) -> Result<(), HomeError> {
        self.write_starts(COPY)
    }

    /// Makes sure, without writing anything, that a node may start here as far as that depends on
    /// starts.
    ///
    /// # Errors
    /// The directory is a copy, or a file cannot be read.
    pub fn check_starts(&self, network: &Network) -> Result<(), HomeError> {
        if self.starts()? == Known::Copy {
            return Err(HomeError::IsCopy { dir: self.dir().to_owned() });
        }
        self.open_seen(network).map(drop)
    }

    /// The last starts of the other members.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn open_seen(&self, network: &Network) -> Result<Memory, HomeError> {
        let path = self.starts_seen();
        let known = |party| network.member(party).map(|member| member.identity);
        let memory = Memory::open(path.clone(), network.digest().as_bytes(), known);
        memory.map_err(HomeError::file(&path))
    }

    fn starts(&self) -> Result<Known, HomeError> {
        let path = self.dir().join(NUMBER);
        if !path.exists() {
            return Ok(Known::Nothing);
        }
        let text = text::read(&path, |text| Ok(text.trim().to_owned()))?;
        let malformed = |_| HomeError::malformed(&path, "not the number of a start");
        let number = |text: &str| text.parse::<u64>().map_err(malformed);
        match text.strip_prefix(OLDER) {
            _ if text == COPY => Ok(Known::Copy),
            Some(than) => number(than).map(Known::OlderThan),
            None => number(&text).map(Known::Last),
        }
    }

    fn write_starts(&self, text: &str) -> Result<(), HomeError> {
        let path = self.dir().join(NUMBER);
        let text = format!("{text}\n");
        files::write(&path, text.as_bytes(), Access::Private).map_err(HomeError::file(&path))
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

        // Elsewhere it was started more often.
        first.note_older(number + 9).unwrap();
        first.note_older(number + 5).unwrap();
        assert!(matches!(first.next_start(), Err(HomeError::IsCopy { .. })), "nothing is marked");
        assert_eq!(first.older_than().unwrap(), Some(number + 9));
        first.begin_after_older().unwrap();
        assert_eq!(first.older_than().unwrap(), None);
        assert_eq!(first.next_start().unwrap(), number + 10);
        first.begin_after_older().unwrap();
        assert_eq!(first.next_start().unwrap(), number + 11);

        std::fs::write(first.dir().join(NUMBER), "many").unwrap();
        assert!(matches!(first.next_start(), Err(HomeError::Malformed { .. })));
        first.refuse_starts().unwrap();
        first.note_older(u64::MAX).unwrap();
        assert!(matches!(first.next_start(), Err(HomeError::IsCopy { .. })));
    }
}
