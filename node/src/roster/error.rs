//! Why a roster is not accepted.

use std::io;
use std::path::PathBuf;

/// Why a network file, member card or file of dealt keys is not accepted. One line; [`hint`](Self::hint)
/// says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// In this file.
    #[error("{}: {reason}", path.display())]
    In {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: Box<RosterError>,
    },
    /// Not TOML of the right shape.
    #[error("{0}")]
    Syntax(String),
    /// Of a later version.
    #[error("format {0} is not known to this version of quorate")]
    Format(u32),
    /// One of our files, but not the one that is asked for.
    #[error("this is {found}, not {wanted}")]
    OtherKind {
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// Too few to tolerate a faulty member.
    #[error("{n} members cannot tolerate a faulty one: at least 4 are needed")]
    TooFew {
        /// Number of members.
        n: usize,
    },
    /// Marked as an insecure small network, and is none.
    #[error("a network of {n} members cannot be marked as insecure and small")]
    NotSmall {
        /// Number of members.
        n: usize,
    },
    /// More than this implementation supports.
    #[error("{n} members are more than the {max} that are supported")]
    TooMany {
        /// Number of members.
        n: usize,
        /// Most that are supported.
        max: usize,
    },
    /// A name that could confuse.
    #[error("{name:?} is not a name: {reason}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// One name twice.
    #[error("there are two members called {name:?}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// One key twice, in one purpose or two.
    #[error("{first} and {second} are the same key")]
    DuplicateKey {
        /// Whose and which.
        first: String,
        /// Whose and which.
        second: String,
    },
    /// Not a key.
    #[error("the {which} of {owner:?} is not a valid key")]
    BadKey {
        /// Whose.
        owner: String,
        /// Which.
        which: &'static str,
    },
    /// An address that cannot be connected to.
    #[error("{address:?} is not an address for members: {reason}")]
    BadAddress {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One address twice.
    #[error("{first:?} and {second:?} have the same address {address}")]
    DuplicateAddress {
        /// A member.
        first: String,
        /// Another.
        second: String,
        /// The address.
        address: String,
    },
    /// No member of this name.
    #[error("{name:?} is no member of the network")]
    NoMember {
        /// The name.
        name: String,
    },
    /// The card of another organisation than the one that is replaced.
    #[error("the card is of {card:?}, not of {member:?}")]
    OtherName {
        /// Whose card.
        card: String,
        /// Who is replaced.
        member: String,
    },
    /// A replacement that the members did not decide.
    #[error("the members did not decide to replace one of them with epoch {epoch}")]
    NotReplaced {
        /// With which it is said to be replaced.
        epoch: u64,
    },
    /// A number that no file can hold.
    #[error("epoch {0} is too large")]
    Epoch(u64),
}

impl RosterError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::In { reason, .. } => return reason.hint(),
            Self::TooFew { .. } => {
                "add members, or, to try things out where everybody trusts everybody, pass \
                 --insecure-small"
            }
            Self::DuplicateKey { .. } => {
                "each member makes its own keys with `quorate init`; ask these two for their cards \
                 again"
            }
            Self::BadAddress { .. } => "use HOST:PORT, for example 192.0.2.7:7001",
            Self::OtherKind { .. } => {
                "a network file is written by `quorate network new`, a member card (member.toml) \
                 by `quorate init`, and dealt keys by `quorate network deal`"
            }
            Self::NoMember { .. } => "the members: quorate status",
            Self::OtherName { .. } => {
                "make the card with the member's name: quorate init --org NAME --data-dir NEW"
            }
            Self::Format(_) => "update quorate",
            Self::BadKey { .. } => "ask the member for its member.toml again",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
