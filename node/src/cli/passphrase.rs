//! Where a passphrase comes from.
//!
//! In this order: `--passphrase-file`, the file named by `QUORATE_PASSPHRASE_FILE`, the credential
//! `quorate-passphrase` of a systemd unit, a prompt. Never the command line or the environment
//! itself: other users of the machine, child processes and the shell's history would see it there.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::prompt::hidden_line;
use crate::files;
use crate::home::{Home, HomeError, Passphrase, PassphraseError, Unlocked};

/// Names the file with the passphrase.
const VARIABLE: &str = "QUORATE_PASSPHRASE_FILE";
/// Where systemd puts the credentials of a unit, and which of them is ours.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const CREDENTIAL: &str = "quorate-passphrase";

/// Bytes of a passphrase file: the longest passphrase and a line break.
const MAX_FILE: usize = 1026;

/// Where the passphrase of a data directory comes from.
#[derive(clap::Args, Clone, Default, Debug)]
pub struct Source {
    /// File with the passphrase of the data directory's keys [default: QUORATE_PASSPHRASE_FILE,
    /// the systemd credential quorate-passphrase, or a prompt]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Source {
    /// Opens what is sealed in a data directory.
    ///
    /// # Errors
    /// No passphrase, or not the right one.
    pub fn unlock(&self, home: &Home) -> Result<Unlocked, Failure> {
        let ask = format!("passphrase of {}: ", home.dir().display());
        let passphrase = match self.named() {
            Some(file) => file.read()?,
            None => prompt(&ask, FLAG)?,
        };
        Ok(home.unlock(&passphrase)?)
    }

    /// A passphrase for a new data directory; a person types it twice.
    ///
    /// # Errors
    /// There is none, or it is too weak.
    pub fn choose(&self) -> Result<Passphrase, Failure> {
        match self.named() {
            Some(file) => file.read(),
            None => prompt_twice("new passphrase for this organisation's keys: ", FLAG),
        }
    }

    /// The file that holds the passphrase, if one is named.
    fn named(&self) -> Option<PassphraseFile> {
        source(self.passphrase_file.as_deref(), |name| std::env::var_os(name))
    }
}

/// A file with a passphrase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassphraseFile {
    path: PathBuf,
    /// The system that put it there sees to who may read it.
    is_credential: bool,
}

impl PassphraseFile {
    /// A file that was named.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), is_credential: false }
    }

    /// The passphrase in it.
    ///
    /// # Errors
    /// It cannot be read, others can read it, or it holds none.
    pub fn read(&self) -> Result<Passphrase, Failure> {
        let path = &self.path;
        let unreadable = |error: io::Error| Failure::unreadable(path, &error);
        let private = files::is_private(path).map_err(unreadable)?;
        if !private && !self.is_credential {
            return Err(HomeError::Exposed { path: path.clone() }.into());
        }
        let bytes = Zeroizing::new(files::read(path, MAX_FILE).map_err(unreadable)?);
        let bad = |what: &dyn std::fmt::Display| {
            Failure::new(Exit::Invalid, format!("{}: {what}", path.display()))
                .hint("the file holds the passphrase in one line of text, and nothing else")
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| bad(&"it is not text in UTF-8"))?;
        Passphrase::new(text).map_err(|error| bad(&error))
    }
}

/// The file that comes first in the order. One that is named is used or is an error: the next is
/// no substitute for it.
fn source(
    flag: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PassphraseFile> {
    if let Some(path) = flag {
        return Some(PassphraseFile::new(path));
    }
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set(VARIABLE) {
        return Some(PassphraseFile::new(&path));
    }
    let credential = set(CREDENTIALS).map(|folder| folder.join(CREDENTIAL));
    let credential = credential.filter(|path| path.exists());
    credential.map(|path| PassphraseFile { path, is_credential: true })
}

/// What to type where there is no terminal.
const FLAG: &str = "--passphrase-file FILE, or QUORATE_PASSPHRASE_FILE=FILE";

/// Asks for a passphrase. `instead` is what names a file that holds it.
///
/// # Errors
/// There is no terminal, it was cancelled, or it is no passphrase.
pub fn prompt(ask: &str, instead: &str) -> Result<Passphrase, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::NotAuthorised,
            "the passphrase is missing, and there is no terminal to ask for it",
        )
        .hint(format!("name a file that holds it: {instead}")));
    }
    Passphrase::new(&hidden_line(ask)?).map_err(refused)
}

/// Asks for a passphrase that must be typed twice the same.
pub fn prompt_twice(ask: &str, instead: &str) -> Result<Passphrase, Failure> {
    same_twice(ask, |ask| prompt(ask, instead))
}

fn same_twice(
    ask: &str,
    mut prompt: impl FnMut(&str) -> Result<Passphrase, Failure>,
) -> Result<Passphrase, Failure> {
    let first = prompt(ask)?;
    let again = prompt("the same again: ")?;
    if first.expose() == again.expose() {
        return Ok(first);
    }
    Err(Failure::new(Exit::Invalid, "the two passphrases differ, nothing was done")
        .hint("run the command again"))
}

fn refused(error: PassphraseError) -> Failure {
    HomeError::from(error).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_flag_comes_before_the_variable_and_the_variable_before_the_credential() {
        let folder = tempfile::tempdir().unwrap();
        let all = |name: &str| match name {
            VARIABLE => Some("/variable".into()),
            CREDENTIALS => Some(folder.path().into()),
            _ => None,
        };
        let path = |file: Option<PassphraseFile>| file.map(|file| file.path);
        assert_eq!(path(source(Some(Path::new("flag")), all)), Some("flag".into()));
        assert_eq!(path(source(None, all)), Some("/variable".into()));
        let without = |name: &str| all(name).filter(|_| name != VARIABLE);
        assert_eq!(source(None, without), None, "a unit with other credentials only");
        let credential = folder.path().join(CREDENTIAL);
        std::fs::write(&credential, "of the unit\n").unwrap();
        assert_eq!(path(source(None, without)), Some(credential));
        assert_eq!(source(None, |_| None), None);
        assert_eq!(source(None, |_| Some("".into())), None);
    }

    #[test]
    fn a_new_passphrase_is_typed_twice_the_same() {
        let type_in = |words: [&str; 2]| {
            let mut words = words.into_iter();
            same_twice("new: ", |_| Ok(Passphrase::new(words.next().unwrap()).unwrap()))
        };
        assert_eq!(type_in(["some words", "some words"]).unwrap().expose(), "some words");
        let failure = type_in(["some words", "some swords"]).unwrap_err();
        assert_eq!(failure.exit, Exit::Invalid);
        assert!(!failure.what.contains("words,") && failure.hint.is_some());
    }

    #[test]
    fn a_passphrase_file_is_closed_to_others_and_holds_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        let write = |bytes: &[u8], mode| {
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            PassphraseFile::new(&path).read()
        };
        assert_eq!(write(b"some words\n", 0o600).unwrap().expose(), "some words");
        assert_eq!(write(b"some words\n", 0o644).unwrap_err().exit, Exit::SafetyStop);
        let credential = PassphraseFile { path: path.clone(), is_credential: true };
        assert_eq!(credential.read().unwrap().expose(), "some words");
        for bad in [&b"two\nlines\n"[..], b"", b"\xff\xfe\n", &[b'x'; 2000]] {
            let failure = write(bad, 0o600).unwrap_err();
            assert_eq!(failure.exit, Exit::Invalid);
            assert!(failure.hint.is_some() && !failure.what.contains("two"));
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(PassphraseFile::new(&path).read().unwrap_err().exit, Exit::NotFound);
    }
}
