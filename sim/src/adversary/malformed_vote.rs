//! Broadcasts, properly signed, a vote of the wrong shape. Tests that only a ballot with one bit for each
//! mask is a vote, which makes every vote one in range, and that the voter of another is named.

use std::fmt;

use quorate_protocol::agreement::rbc;
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::{collect, life};
use quorate_protocol::limits;
use quorate_protocol::math::{Field, Fp61, PrimeField};
use quorate_protocol::party::Message;
use quorate_protocol::wire::{self, Bytes};
use serde::{Deserialize, Serialize};

use super::other::{broadcast_tag, signed_send};
use super::{Adversary, Insider, Letter};
use crate::{Rng, Wire};

/// What is broadcast in place of a vote's bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadVote {
    /// More bits than there are masks.
    Long,
    /// One byte less.
    Short,
    /// Nothing at all.
    Empty,
    /// The bit beyond the last of eight, where a rule asks for fewer: 2 in place of 1, 128 in place of
    /// 100.
    Beyond,
    /// All bits of all bytes: the greatest value that can be written.
    Greatest,
    /// An element of the field in place of each byte: the greatest one, `p - 1`.
    Elements,
    /// An element that is not reduced, `p`.
    NotReduced,
    /// As many bytes as a ballot may have.
    Largest,
    /// A ballot with something after it.
    Trailing,
    /// Bytes that are no ballot.
    NoBallot,
}

impl BadVote {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Long,
        Self::Short,
        Self::Empty,
        Self::Beyond,
        Self::Greatest,
        Self::Elements,
        Self::NotReduced,
        Self::Largest,
        Self::Trailing,
        Self::NoBallot,
    ];

    /// The ballot with these bytes, spoilt.
    fn spoil(self, bytes: &[u8]) -> Bytes {
        let element = |value: [u8; 8]| bytes.iter().flat_map(|_| value).take(MOST).collect();
        let spoilt: Vec<u8> = match self {
            Self::Long => vec![0xff; bytes.len() + 1],
            Self::Short => bytes.iter().skip(1).copied().collect(),
            Self::Empty => Vec::new(),
            Self::Beyond => {
                let (last, others) = bytes.split_last().unwrap_or((&0, &[]));
                // With the bit after the lowest, which a yes or no has not.
                others.iter().copied().chain([last | 0x82]).collect()
            }
            Self::Greatest => vec![0xff; bytes.len()],
            Self::Elements => element((-Fp61::ONE).to_u64().to_le_bytes()),
            Self::NotReduced => element(Fp61::MODULUS.to_le_bytes()),
            Self::Largest => vec![0; MOST],
            Self::Trailing | Self::NoBallot => bytes.to_vec(),
        };
        let mut ballot = wire::encode(&Ballot::Masked(spoilt.into()));
        match self {
            Self::Trailing => ballot.push(0),
            Self::NoBallot => ballot = vec![0xff; ballot.len()],
            _ => {}
        }
        ballot.into()
    }
}

/// Most bytes of a ballot's bits: its encoding has a few more.
const MOST: usize = limits::MAX_BALLOT - 12;

impl fmt::Display for BadVote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Long => "too long",
            Self::Short => "too short",
            Self::Empty => "empty",
            Self::Beyond => "with a bit too many",
            Self::Greatest => "with all bits",
            Self::Elements => "of elements",
            Self::NotReduced => "of elements that are not reduced",
            Self::Largest => "as long as can be",
            Self::Trailing => "with something after them",
            Self::NoBallot => "that cannot be read",
        })
    }
}

/// Replaces its votes, with a signature that holds.
pub(super) struct MalformedVote {
    how: BadVote,
    insider: Insider,
}

impl MalformedVote {
    pub(super) const fn new(how: BadVote, insider: Insider) -> Self {
        Self { how, insider }
    }

    /// The first message of the broadcast of a malformed vote in place of `own`.
    fn send(&self, own: &Wire, payload: &[u8]) -> Option<rbc::Message> {
        let (tag, limit) = broadcast_tag(&self.insider, own)?;
        let ballot = wire::decode::<Ballot>(payload, limit).ok()?;
        let spoilt = match &ballot {
            Ballot::Masked(bytes) => self.how.spoil(bytes),
            Ballot::Abstain => self.how.spoil(&[0; 3]),
        };
        signed_send(&self.insider, tag, limit, spoilt)
    }
}

impl Adversary for MalformedVote {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        if let Message::Decision(_, life::Message::Collect(m)) = &mut message
            && let collect::Message::Value(voter, m) = m
            && let rbc::Message::Send { payload, .. } = &*m
            && *voter == self.insider.keyring.me()
        {
            *m = self.send(&letter.message, payload)?;
            return Some(vec![message]);
        }
        None
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A yes or no takes one bit, 0 to 100 take seven; nobody can tell which from the ballot alone.
    #[test]
    fn no_bad_vote_is_a_vote() {
        for bits in [1, 7] {
            let good = [Ballot::masked(&vec![true; bits]), Ballot::masked(&vec![false; bits])];
            for ballot in good {
                let bytes = match &ballot {
                    Ballot::Masked(bytes) => bytes.clone(),
                    Ballot::Abstain => unreachable!("a vote"),
                };
                assert_eq!(Ballot::decode(&wire::encode(&ballot), bits), Some(ballot));
                for how in BadVote::ALL {
                    let spoilt = how.spoil(&bytes);
                    assert!(spoilt.len() <= limits::MAX_BALLOT, "{how}");
                    assert_eq!(Ballot::decode(&spoilt, bits), None, "{how}");
                }
            }
        }
    }
}
