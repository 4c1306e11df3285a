//! What the parties of a run send each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::refine;
use crate::agreement::acs;
use crate::committee::PartyId;
use crate::math::PrimeField;
use crate::sharing::{Shares, acss};

/// A message of a run; `S` is a coin share.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Serialize + serde::de::DeserializeOwned")]
pub enum Message<F: PrimeField, S> {
    /// Q1: of the sharing of a dealer's batch.
    Deal(PartyId, acss::Message),
    /// Q2: of the agreement on dealers.
    Agree(acs::Message<S>),
    /// Q3: of the openings.
    Refine(refine::Message<F>),
    /// Q1: one's own secrets, made as work.
    #[serde(skip)]
    Secrets(Shares<F>),
}

impl<F: PrimeField, S> Message<F, S> {
    /// Takes in `other` if one message can say both; else gives it back.
    pub fn merge(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Agree(message), Self::Agree(other)) => message.merge(other).map(Self::Agree),
            (_, other) => Some(other),
        }
    }
}

impl<F: PrimeField, S> fmt::Display for Message<F, S>
where
    acs::Message<S>: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deal(dealer, message) => write!(f, "deal/{dealer}/{message}"),
            Self::Agree(message) => write!(f, "acs/{message}"),
            Self::Refine(message) => write!(f, "refine/{message}"),
            Self::Secrets(secrets) => write!(f, "local {secrets:?}"),
        }
    }
}
