//! What parties send each other, and what jobs send their own party.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agreement::rbc;
use crate::committee::PartyId;
use crate::crypto::merkle;
use crate::crypto::seal::Opener;
use crate::fault::SharingFault;
use crate::secret::Secret;
use crate::wire::Bytes;

use super::dealing::Dealing;
use super::public::Verified;
use super::scheme::Scheme;

/// A message of one dealing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The broadcast of the public part.
    Rbc(rbc::Message),
    /// From the dealer: the recipient's shard of every ciphertext, in roster order of owners.
    Shards(Vec<Shard>),
    /// The sender's shard of the recipient's ciphertext.
    Forward(Shard),
    /// The sender holds its share, and all checks passed.
    Ok,
    /// The sender knows that the sharing will complete everywhere.
    Done,
    /// The dealer gave the sender no valid share.
    Complain(Complaint),
    /// The sender's share vector and salt: the dealer was proven corrupt.
    Reveal(Bytes),
    /// What a job of ours found. Never on the wire.
    #[serde(skip)]
    Local(Local),
}

/// A piece of an erasure-coded ciphertext, under the ciphertext's root at its holder's place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// The piece.
    pub bytes: Bytes,
    /// Why it belongs to the root.
    pub path: merkle::Path,
}

/// Why a party has no valid share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Complaint {
    /// The ciphertext does not open to a share vector that passes all checks.
    BadShare {
        /// The ciphertext that was dispersed.
        ciphertext: Bytes,
        /// The complainer's key to it.
        opener: Box<Opener>,
    },
    /// The shards under the root are not of one ciphertext: `t + 1` of them, by holder.
    BadDispersal {
        /// Holders and their shards.
        shards: Vec<(PartyId, Shard)>,
    },
}

impl Complaint {
    /// What it proves of the dealer if its evidence holds.
    pub(super) const fn proves(&self) -> SharingFault {
        match self {
            Self::BadShare { .. } => SharingFault::BadShare,
            Self::BadDispersal { .. } => SharingFault::BadDispersal,
        }
    }
}

/// The result of heavy work, sent to oneself.
#[derive(Clone, Debug)]
pub enum Local {
    /// Our dealing is ready to be sent.
    Dealt(Box<Dealing>),
    /// A public part was checked.
    Vetted(Vetted),
    /// Our ciphertext was put together: our share vector, or why there is none.
    Retrieved(Result<Secret<Vec<u8>>, Box<Complaint>>),
    /// A complaint was judged.
    Judged {
        /// Who complained.
        complainer: PartyId,
        /// What its evidence proves of the dealer.
        proven: Option<SharingFault>,
    },
    /// A revealed share vector was checked.
    Checked {
        /// Whose it is.
        from: PartyId,
        /// The vector, if it passed.
        share: Option<Secret<Vec<u8>>>,
    },
    /// Our shares, encoded, interpolated from `t + 1` revealed vectors.
    Recovered(Secret<Vec<u8>>),
}

/// The verdict on a payload. What is in a payload that holds depends on the scheme, of which
/// messages do not know.
#[derive(Clone)]
pub struct Vetted {
    payload: Bytes,
    content: Option<Arc<dyn Any + Send + Sync>>,
}

impl Vetted {
    pub(super) fn new<S: Scheme>(payload: Bytes, batch: Option<Arc<Verified<S>>>) -> Self {
        Self { payload, content: batch.map(|batch| batch as _) }
    }

    pub(super) fn into_parts<S: Scheme>(self) -> (Bytes, Option<Arc<Verified<S>>>) {
        (self.payload, self.content.and_then(|content| content.downcast().ok()))
    }
}

impl fmt::Display for Vetted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.content.is_some() { "(payload holds)" } else { "(payload is bad)" })
    }
}

impl fmt::Debug for Vetted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rbc(message) => write!(f, "rbc/{message}"),
            Self::Shards(shards) => write!(f, "SHARDS {}", shards.len()),
            Self::Forward(shard) => write!(f, "FORWARD {} bytes", shard.bytes.len()),
            Self::Ok => f.write_str("OK"),
            Self::Done => f.write_str("DONE"),
            Self::Complain(Complaint::BadShare { .. }) => f.write_str("COMPLAIN share"),
            Self::Complain(Complaint::BadDispersal { .. }) => f.write_str("COMPLAIN dispersal"),
            Self::Reveal(_) => f.write_str("REVEAL"),
            Self::Local(local) => local.fmt(f),
        }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dealt(_) => f.write_str("(dealt)"),
            Self::Vetted(vetted) => vetted.fmt(f),
            Self::Retrieved(Ok(_)) => f.write_str("(share retrieved)"),
            Self::Retrieved(Err(_)) => f.write_str("(no share retrieved)"),
            Self::Judged { complainer, proven } => {
                let verdict = if proven.is_some() { "proven" } else { "false" };
                write!(f, "(complaint of {complainer} {verdict})")
            }
            Self::Checked { from, .. } => write!(f, "(share of {from} checked)"),
            Self::Recovered(_) => f.write_str("(share recovered)"),
        }
    }
}
