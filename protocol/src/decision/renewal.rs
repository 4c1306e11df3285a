//! What a proposal may ask for beside its question: new shares of the network's keys, for the same
//! members or with one of them replaced.
//!
//! # Encoding
//! One byte: 0 for neither, 1 for a refresh, 2 for a replacement. After a 2 follow
//!
//! | bytes | field |
//! |---|---|
//! | 2 | the seat, from 0 |
//! | 32 | its next identity |
//! | 32 | its next sealing key |
//! | 32 | its next key for connections |
//! | 8 | number of addresses; for each |
//! | 8 + length | length and bytes of the address |

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::committee::{Committee, PartyId};
use crate::crypto::identity::IdentityPublic;
use crate::crypto::seal::SealingPublic;
use crate::limits;

/// What is to happen to the shares of the network's keys.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Renewal {
    /// Nothing.
    #[default]
    None,
    /// All members get new ones.
    Refresh,
    /// The same, and one member is another from then on.
    Replace(Box<Replacement>),
}

/// New keys for a seat whose member lost its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Replacement {
    /// Whose place in the roster.
    pub seat: PartyId,
    /// What the member's signatures are verified with from the next epoch on.
    pub identity: IdentityPublic,
    /// What is sealed to it with.
    pub sealing: SealingPublic,
    /// What its connections are authenticated with, and nothing else.
    pub transport: IdentityPublic,
    /// Where its node listens.
    pub addresses: Vec<String>,
}

impl Renewal {
    /// Whether there are to be new shares.
    pub const fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whose place is taken, if anybody's.
    pub const fn replacement(&self) -> Option<&Replacement> {
        match self {
            Self::Replace(replacement) => Some(replacement),
            Self::None | Self::Refresh => None,
        }
    }
}

impl Replacement {
    /// Whether the seat is one of the committee's, which can do without it for a while, and the
    /// addresses are few, short and plain.
    pub fn is_well_formed(&self, committee: Committee) -> bool {
        let plain = |address: &String| {
            (1..=limits::MAX_ADDRESS).contains(&address.len())
                && address.bytes().all(|byte| byte.is_ascii_graphic())
        };
        committee.contains(self.seat)
            && committee.quorum() < committee.n()
            && self.addresses.len() <= limits::MAX_ADDRESSES
            && self.addresses.iter().all(plain)
    }
}

const NONE: u8 = 0;
const REFRESH: u8 = 1;
const REPLACE: u8 = 2;

impl Serialize for Renewal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => NONE.serialize(serializer),
            Self::Refresh => REFRESH.serialize(serializer),
            Self::Replace(replacement) => (REPLACE, replacement).serialize(serializer),
        }
    }
}

/// Only what is not self-describing is read: the number of elements says nothing there.
impl<'de> Deserialize<'de> for Renewal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Renewal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte, and a replacement after a 2")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Renewal, A::Error> {
                let short = || A::Error::custom("too short");
                match seq.next_element()?.ok_or_else(short)? {
                    NONE => Ok(Renewal::None),
                    REFRESH => Ok(Renewal::Refresh),
                    REPLACE => Ok(Renewal::Replace(seq.next_element()?.ok_or_else(short)?)),
                    _ => Err(A::Error::custom("neither a refresh nor a replacement")),
                }
            }
        }
        deserializer.deserialize_tuple(2, Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Keyring;
    use crate::decision::proposal::{Proposal, ProposalError};
    use crate::rule::Rule;
    use crate::wire;

    fn replacement() -> Replacement {
        let card = &Keyring::for_tests(4, 9)[2];
        Replacement {
            seat: card.me(),
            identity: card.identity().public(),
            sealing: *card.sealing().public(),
            transport: Keyring::for_tests(4, 8)[0].identity().public(),
            addresses: vec!["/ip4/192.0.2.7/tcp/7001".into()],
        }
    }

    fn proposal(renewal: Renewal) -> Proposal {
        Proposal {
            title: "t".repeat(limits::MAX_TITLE),
            text: "x".repeat(limits::MAX_TEXT),
            rule: Rule::parse(&format!("count({}) >= 3", "n".repeat(32))).unwrap(),
            deadline_ms: 0,
            minimum: 3,
            nonce: [0; 16],
            document: None,
            renewal,
        }
    }

    #[test]
    fn a_renewal_is_encoded_byte_for_byte_as_documented() {
        let new = replacement();
        let mut bytes = vec![2, 2, 0];
        bytes.extend(new.identity.to_bytes());
        bytes.extend(new.sealing.to_bytes());
        bytes.extend(new.transport.to_bytes());
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(23_u64.to_le_bytes());
        bytes.extend(b"/ip4/192.0.2.7/tcp/7001");
        let replace = Renewal::Replace(Box::new(new));
        for (renewal, bytes) in
            [(Renewal::None, vec![0]), (Renewal::Refresh, vec![1]), (replace, bytes)]
        {
            assert_eq!(wire::encode(&renewal), bytes);
            assert_eq!(wire::decode(&bytes, 400), Ok(renewal));
        }
        for other in [vec![], vec![2], vec![3], vec![1, 0]] {
            assert!(wire::decode::<Renewal>(&other, 400).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_replacement_has_a_seat_that_can_be_spared_and_few_plain_addresses() {
        let four = Committee::new(4).unwrap();
        let most = Replacement {
            addresses: vec!["a".repeat(limits::MAX_ADDRESS); limits::MAX_ADDRESSES],
            ..replacement()
        };
        let of = |new: Replacement| proposal(Renewal::Replace(Box::new(new)));
        assert_eq!(of(most.clone()).validate(four), Ok(()));
        assert!(of(most.clone()).to_bytes().len() <= limits::MAX_SHORT_PAYLOAD);
        let with = |addresses: Vec<String>| Replacement { addresses, ..most.clone() };
        for bad in [
            Replacement { seat: PartyId::new(4), ..most.clone() },
            with(vec!["a".into(); limits::MAX_ADDRESSES + 1]),
            with(vec!["a".repeat(limits::MAX_ADDRESS + 1)]),
            with(vec![String::new()]),
            with(vec!["a b".into()]),
            with(vec!["\u{202e}".into()]),
        ] {
            assert_eq!(of(bad).validate(four), Err(ProposalError::Replacement));
        }
        let three = Committee::with_threshold(3, 0).unwrap();
        assert!(!most.is_well_formed(three), "all are needed there");
    }
}
