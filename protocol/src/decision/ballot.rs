//! What a voter broadcasts: its input under its masks, or that it abstains.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::wire::{self, Bytes};

/// What a member broadcasts. Nothing in it depends on the vote: masks are uniform.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ballot {
    /// The input's bits XOR the masks, 8 to a byte, lowest first; the last byte is filled with 0.
    Masked(Bytes),
    /// No input.
    Abstain,
}

impl Ballot {
    /// A ballot of masked bits.
    pub fn masked(bits: &[bool]) -> Self {
        let bytes: Vec<u8> = bits
            .chunks(8)
            .map(|chunk| chunk.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
            .collect();
        Self::Masked(bytes.into())
    }

    /// Reads a broadcast ballot of `bits` bits; `None` if it has another shape.
    pub fn decode(bytes: &[u8], bits: usize) -> Option<Self> {
        let ballot = wire::decode::<Self>(bytes, limits::MAX_BALLOT).ok()?;
        match &ballot {
            Self::Abstain => Some(ballot),
            Self::Masked(_) => ballot.bits(bits).is_some().then_some(ballot),
        }
    }

    /// The masked bits, if this is a ballot of `bits` bits.
    pub fn bits(&self, bits: usize) -> Option<Vec<bool>> {
        let Self::Masked(bytes) = self else { return None };
        let all: Vec<bool> =
            bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> i & 1 == 1)).collect();
        let (bits, fill) = all.split_at_checked(bits)?;
        (bytes.len() == bits.len().div_ceil(8) && !fill.contains(&true)).then(|| bits.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballots_come_back_bit_by_bit() {
        for bits in 0..=9usize {
            for value in 0..1u32 << bits {
                let input: Vec<bool> = (0..bits).map(|i| value >> i & 1 == 1).collect();
                let ballot = Ballot::masked(&input);
                assert_eq!(Ballot::decode(&wire::encode(&ballot), bits), Some(ballot.clone()));
                assert_eq!(ballot.bits(bits), Some(input));
            }
        }
    }

    #[test]
    fn ballots_of_another_shape_are_refused() {
        let refused = |bytes: &[u8], bits| {
            let ballot = Ballot::Masked(bytes.into());
            assert_eq!(Ballot::decode(&wire::encode(&ballot), bits), None, "{bytes:?}");
        };
        refused(&[], 7); // too short
        refused(&[0, 0], 7); // too long
        refused(&[0x80], 7); // a bit beyond the last
        refused(&[0xff, 0x02], 9);
        let mut trailing = wire::encode(&Ballot::masked(&[true; 7]));
        trailing.push(0);
        assert_eq!(Ballot::decode(&trailing, 7), None);
        assert_eq!(Ballot::decode(&wire::encode(&Ballot::Abstain), 7), Some(Ballot::Abstain));
    }

    #[test]
    fn an_encoded_ballot_has_the_same_length_whatever_the_vote() {
        let lengths: std::collections::BTreeSet<usize> =
            (0..=100u8).map(|v| wire::encode(&Ballot::masked(&[v % 2 == 1; 7])).len()).collect();
        assert_eq!(lengths.len(), 1);
    }
}
