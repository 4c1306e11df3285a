//! Why a data directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::TOKEN;
use super::passphrase::PassphraseError;
use super::sealed::SealedError;
use crate::cli::quoted;
use crate::files::RESTORE;
use crate::roster::RosterError;
use crate::store::StoreError;

/// Why a data directory cannot be used. One line; [`hint`](Self::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// There is no member in it.
    #[error("{} holds no member", dir.display())]
    NotAMember {
        /// The directory.
        dir: PathBuf,
    },
    /// There is a member in it already.
    #[error("{} already holds a member", dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
    /// Another node runs on it.
    #[error("another node is running on {}", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// It was found to be a copy of another when its node last ran.
    #[error("{} is a copy of a data directory that has run since", dir.display())]
    IsCopy {
        /// The directory.
        dir: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read a secret file.
    #[error("others can read {}", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node ran here, and what it must not forget is gone.
    #[error("{} is gone: without it the node could say again, and otherwise, what it said before", path.display())]
    StoreGone {
        /// Where it was.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// A backup of shares that were refreshed since.
    #[error("{}: the network has other keys by now", path.display())]
    OldBackup {
        /// Which.
        path: PathBuf,
    },
    /// Another passphrase opens the file.
    #[error("wrong passphrase for {}", path.display())]
    WrongPassphrase {
        /// Which.
        path: PathBuf,
        /// What names a file that holds the right one.
        flag: &'static str,
    },
    /// The keys that stood here are no longer here.
    #[error("{} is gone, and with it this organisation's keys", path.display())]
    KeysGone {
        /// Where they were.
        path: PathBuf,
    },
    /// A backup is not what it should be.
    #[error("{}: {}", path.display(), flaw.words())]
    Backup {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        flaw: BackupFlaw,
    },
    /// Nothing can be sealed with this.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// A card, network file or file of dealt keys is not accepted.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The network is one of others.
    #[error("{name:?} is not a member of the network {network:?}")]
    NotInRoster {
        /// Our name.
        name: String,
        /// The network's name.
        network: String,
    },
    /// One directory, one network.
    #[error("another network was joined here: {network:?}")]
    OtherNetwork {
        /// Its name.
        network: String,
    },
    /// Dealt keys that are another member's or network's.
    #[error("the dealt keys are not those of {name:?} in this network")]
    OtherKeys {
        /// Our name.
        name: String,
    },
    /// Other keys were made or dealt before.
    #[error("{name:?} has other keys in this network already")]
    HasKeys {
        /// Our name.
        name: String,
    },
    /// The network has no keys here yet.
    #[error("{name:?} has no keys in its network yet")]
    NoKeys {
        /// Our name.
        name: String,
    },
    /// No network was joined.
    #[error("{} has joined no network", dir.display())]
    NotJoined {
        /// The directory.
        dir: PathBuf,
    },
}

/// What is wrong with a backup.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackupFlaw {
    /// It is not what was written, or no backup at all; and how that shows.
    Unusable(&'static str),
    /// Of another member.
    OtherMember,
    /// Of this member in another network.
    OtherNetwork,
}

impl BackupFlaw {
    const fn words(self) -> &'static str {
        match self {
            Self::Unusable(how) => how,
            Self::OtherMember => "it is a backup of another member",
            Self::OtherNetwork => "it is a backup of another network",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Unusable(_) => "use another copy of the backup",
            Self::OtherMember | Self::OtherNetwork => {
                "name the data directory that it is of with --data-dir, or another backup"
            }
        }
    }
}

impl HomeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAMember { dir } => {
                format!("quorate init --org NAME --data-dir {}", dir.display())
            }
            Self::Exists { .. } => "use another --data-dir".to_owned(),
            Self::InUse { .. } => "stop it first, or use another --data-dir".to_owned(),
            Self::Exposed { path } => format!("chmod 600 {}", path.display()),
            Self::Roster(error) => return error.hint(),
            Self::NotInRoster { .. } => {
                "send member.toml to whoever writes the network file".to_owned()
            }
            Self::OtherNetwork { .. } => {
                "one data directory belongs to one network: use another --data-dir".to_owned()
            }
            Self::Store(error) => return error.hint(),
            Self::IsCopy { .. } => "run the one that ran last; if that is lost, restore from a \
                                    backup: quorate key restore FILE --data-dir NEW"
                .to_owned(),
            Self::StoreGone { .. } => RESTORE.to_owned(),
            Self::KeysGone { .. } => {
                "put this file back, or restore from a backup: quorate key restore FILE --data-dir \
                 NEW"
                .to_owned()
            }
            Self::OtherKeys { .. } => "ask the dealer for the file with your name".to_owned(),
            Self::HasKeys { .. } => {
                "use the keys of the first deal, or begin anew in another --data-dir".to_owned()
            }
            Self::NotJoined { .. } => {
                "quorate join INVITE if that is not done yet, then quorate ceremony".to_owned()
            }
            Self::NoKeys { .. } => "make them with the other members: quorate ceremony".to_owned(),
            Self::WrongPassphrase { flag, .. } => {
                format!("type it again, or name the file that holds it with {flag}")
            }
            Self::Backup { flaw, .. } => flaw.hint().to_owned(),
            Self::OldBackup { .. } => "make a new backup: quorate key backup -o FILE".to_owned(),
            Self::Passphrase(_) => "choose some words that nobody would guess".to_owned(),
            Self::File { path, .. } | Self::Malformed { path, .. } if path.ends_with(TOKEN) => {
                new_token(path)
            }
            Self::File { .. } | Self::Malformed { .. } => return None,
        })
    }
}

/// How another token of the interface is made: nothing is sealed with it.
pub(crate) fn new_token(path: &Path) -> String {
    let path = quoted(path);
    format!("(umask 077; openssl rand -hex 32 > {path}), then start the node again")
}

impl HomeError {
    /// A file that cannot be read or written, to be completed with the reason.
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        |source| Self::File { path: path.to_owned(), source }
    }

    /// A file that is not what it should be.
    pub(super) fn malformed(path: &Path, reason: &'static str) -> Self {
        Self::Malformed { path: path.to_owned(), reason }
    }

    /// A sealed file that does not open.
    pub(super) fn sealed(path: &Path, error: SealedError) -> Self {
        match error {
            SealedError::WrongPassphrase => {
                Self::WrongPassphrase { path: path.to_owned(), flag: "--passphrase-file" }
            }
            other => Self::malformed(path, other.words()),
        }
    }

    /// A backup that does not open.
    pub(super) fn sealed_backup(path: &Path, error: SealedError) -> Self {
        match error {
            SealedError::WrongPassphrase => {
                Self::WrongPassphrase { path: path.to_owned(), flag: "--backup-passphrase-file" }
            }
            SealedError::Memory => Self::malformed(path, error.words()),
            other => Self::backup(path, BackupFlaw::Unusable(other.words())),
        }
    }

    /// A backup that is not what it should be.
    pub(super) fn backup(path: &Path, flaw: BackupFlaw) -> Self {
        Self::Backup { path: path.to_owned(), flaw }
    }
}
