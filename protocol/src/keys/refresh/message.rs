//! What members say to each other while they refresh their shares.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::agreement::coin::DdhShare;
use crate::agreement::{acs, rbc};
use crate::committee::PartyId;
use crate::sharing::acss;

/// A message of a refresh.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The dealing of a member.
    Dealing(PartyId, acss::Message),
    /// The broadcast of a member's next sealing key.
    Sealing(PartyId, rbc::Message),
    /// Agreement on whose dealings count.
    Agreement(acs::Message<DdhShare>),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dealing(dealer, message) => write!(f, "dealing{dealer} {message}"),
            Self::Sealing(sender, message) => write!(f, "sealing{sender} {message}"),
            Self::Agreement(message) => write!(f, "agreement {message}"),
        }
    }
}
