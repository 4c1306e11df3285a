//! Spoils refreshes: deals what is not its share or not to all, names no key of its own, is silent or
//! late.

use std::fmt;

use quorate_protocol::keys::refresh::Deviation;
use quorate_protocol::math::{Field, Fl};
use quorate_protocol::party::Message;
use serde::{Deserialize, Serialize};

use super::{Adversary, Cheat, Letter};
use crate::{Rng, Wire};

/// A way to spoil a refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Spoil {
    /// Deals another secret than its share.
    Shifted,
    /// Deals shares that do not hold.
    Dealing(Cheat),
    /// Says that its next sealing key is something that is none of its own.
    Sealing(BadKey),
    /// Says nothing in refreshes.
    Silent,
    /// Says something in refreshes only after it has had so many letters to send.
    Late {
        /// How many.
        letters: u64,
    },
}

/// What is no sealing key of one's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BadKey {
    /// The key that is no key.
    Zero,
    /// Bytes that are no key.
    Malformed,
    /// The key of another member.
    Copied,
}

impl fmt::Display for Spoil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shifted => f.write_str("another secret"),
            Self::Dealing(cheat) => write!(f, "{cheat}"),
            Self::Sealing(BadKey::Zero) => f.write_str("sealing key zero"),
            Self::Sealing(BadKey::Malformed) => f.write_str("malformed sealing key"),
            Self::Sealing(BadKey::Copied) => f.write_str("sealing key of another"),
            Self::Silent => f.write_str("silence"),
            Self::Late { letters } => write!(f, "late by {letters} messages"),
        }
    }
}

impl Spoil {
    /// What it does otherwise from the start; `copied` is the sealing key of another member.
    pub(super) fn apply(self, copied: [u8; 32], deviation: &mut Deviation) {
        match self {
            Self::Shifted => deviation.shift = Some(Fl::ONE),
            Self::Dealing(cheat) => deviation.dealing = cheat.deviation(),
            Self::Sealing(BadKey::Zero) => deviation.sealing = Some([0; 32]),
            Self::Sealing(BadKey::Malformed) => deviation.sealing = Some([0xff; 32]),
            Self::Sealing(BadKey::Copied) => deviation.sealing = Some(copied),
            Self::Silent | Self::Late { .. } => {}
        }
    }

    /// What it does to messages, if anything.
    pub(super) fn adversary(self) -> Option<Box<dyn Adversary>> {
        match self {
            Self::Silent => Some(Box::new(Delayer { left: u64::MAX, held: Vec::new() })),
            Self::Late { letters } => Some(Box::new(Delayer { left: letters, held: Vec::new() })),
            Self::Shifted | Self::Dealing(_) | Self::Sealing(_) => None,
        }
    }
}

/// Holds back what it has to say in refreshes.
struct Delayer {
    /// Letters to go.
    left: u64,
    held: Vec<Letter>,
}

impl Adversary for Delayer {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let to = letter.to;
        let begun = !self.held.is_empty() || matches!(letter.message, Message::Refresh(_));
        if begun && self.left < u64::MAX {
            self.left = self.left.saturating_sub(1);
        }
        if self.left > 0 && matches!(letter.message, Message::Refresh(_)) {
            self.held.push(letter.clone());
            return Some(Vec::new());
        }
        if self.left > 0 || self.held.iter().all(|held| held.to != to) {
            return None;
        }
        let ours = self.held.extract_if(.., |held| held.to == to);
        let mut said: Vec<Wire> = ours.map(|held| held.message).collect();
        said.push(letter.message.clone());
        Some(said)
    }
}
