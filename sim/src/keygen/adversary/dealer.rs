//! Deals what does not hold: commitments that are none, or shares that do not match.

use std::fmt;

use quorate_protocol::committee::PartySet;
use quorate_protocol::sharing::acss::Deviation;
use quorate_protocol::sharing::acss::scalar::Forgery;
use rand::RngExt;

use crate::Rng;

/// What a cheating dealer does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cheat {
    /// To whom, where it is done to some only.
    pub victims: PartySet,
    /// What.
    pub how: How,
}

/// How a dealer cheats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Victims get shares off the polynomials.
    WrongShare,
    /// Victims get a ciphertext that does not open.
    Junk,
    /// Victims get a ciphertext dispersed in pieces that do not fit.
    Scattered,
    /// Victims get no pieces of anybody's ciphertext.
    Omitted,
    /// Points of polynomials of too high a degree under commitments to the right one.
    ExcessDegree,
    /// One commitment too many.
    Longer,
    /// One commitment too few.
    Shorter,
    /// No commitments.
    Empty,
    /// A key of which it deals the identity.
    Identity,
    /// A commitment that is no point.
    NoPoint,
    /// A commitment that is a point of small order.
    SmallOrder,
    /// A proof of another statement.
    BadProof,
}

impl How {
    const ALL: [Self; 12] = [
        Self::WrongShare,
        Self::Junk,
        Self::Scattered,
        Self::Omitted,
        Self::ExcessDegree,
        Self::Longer,
        Self::Shorter,
        Self::Empty,
        Self::Identity,
        Self::NoPoint,
        Self::SmallOrder,
        Self::BadProof,
    ];

    pub(super) fn draw(rng: &mut Rng) -> Self {
        // Those with victims are many, one for each set of them.
        let drawn = rng.random_range(0..2 * Self::ALL.len());
        Self::ALL.get(drawn).or(Self::ALL.get(drawn % 4)).copied().unwrap_or(Self::WrongShare)
    }

    /// Whether everybody can see from the broadcast that the dealing does not hold.
    pub const fn is_public(self) -> bool {
        !matches!(
            self,
            Self::WrongShare | Self::Junk | Self::Scattered | Self::Omitted | Self::ExcessDegree
        )
    }

    /// Whether no honest member ever completes it: the shares of at most `t` can be held.
    pub const fn is_never_complete(self) -> bool {
        self.is_public() || matches!(self, Self::ExcessDegree)
    }

    /// Whether victims can prove that they got no share.
    pub const fn is_provable(self) -> bool {
        matches!(self, Self::WrongShare | Self::Junk | Self::Scattered)
    }
}

impl Cheat {
    /// Has a dealing of members with `width` commitments to each secret cheat in this way, too.
    pub(in crate::keygen) fn apply(self, width: usize, deviation: &mut Deviation) {
        // Of no encoding; and the encoding of a point of order 8.
        const NO_POINT: [u8; 32] = [0xff; 32];
        const SMALL: [u8; 32] = [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ];
        match self.how {
            How::WrongShare => deviation.wrong_share = self.victims,
            How::Junk => deviation.junk = self.victims,
            How::Scattered => deviation.scattered = self.victims,
            How::Omitted => deviation.omitted = self.victims,
            How::ExcessDegree => deviation.excess_degree = 1,
            How::Longer => deviation.forgery = Some(Forgery::Longer),
            How::Shorter => deviation.forgery = Some(Forgery::Shorter),
            How::Empty => deviation.forgery = Some(Forgery::Empty),
            How::Identity => deviation.forgery = Some(Forgery::WrongConstant),
            How::BadProof => deviation.forgery = Some(Forgery::BadProof),
            // Of the coin key, and of the certificate key.
            How::NoPoint => deviation.forgery = Some(Forgery::Point(0, NO_POINT)),
            How::SmallOrder => deviation.forgery = Some(Forgery::Point(width, SMALL)),
        }
    }
}

impl fmt::Display for Cheat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::WrongShare => write!(f, "wrong shares to {}", self.victims),
            How::Junk => write!(f, "junk to {}", self.victims),
            How::Scattered => write!(f, "scattered pieces for {}", self.victims),
            How::Omitted => write!(f, "nothing to {}", self.victims),
            How::ExcessDegree => f.write_str("too high a degree"),
            How::Longer => f.write_str("too many commitments"),
            How::Shorter => f.write_str("too few commitments"),
            How::Empty => f.write_str("no commitments"),
            How::Identity => f.write_str("the identity"),
            How::NoPoint => f.write_str("no point"),
            How::SmallOrder => f.write_str("a point of small order"),
            How::BadProof => f.write_str("a proof that does not hold"),
        }
    }
}
