//! What members say to each other while they make their keys.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::agreement::coin::DdhShare;
use crate::agreement::{acs, rbc};
use crate::committee::PartyId;
use crate::sharing::acss;

/// A message of a key generation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The dealing of a member.
    Dealing(PartyId, acss::Message),
    /// The broadcast of a member's set of dealers.
    Set(PartyId, rbc::Message),
    /// Agreement on whose sets count.
    Agreement(acs::Message<DdhShare>),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dealing(dealer, message) => write!(f, "dealing{dealer} {message}"),
            Self::Set(sender, message) => write!(f, "set{sender} {message}"),
            Self::Agreement(message) => write!(f, "agreement {message}"),
        }
    }
}
