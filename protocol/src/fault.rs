//! Faults are a peer's: what it did that no honest party does.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::committee::PartyId;
use crate::crypto::{Digest, Signature};
use crate::tag::Tag;
use crate::wire::Bytes;

/// A party did what no honest party does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Who did it.
    pub party: PartyId,
    /// What it did.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "party {}: {}", self.party, self.kind)
    }
}

/// What a party signed in a short broadcast of its own, and no honest party signs: with it, others can be
/// convinced of the fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The broadcast.
    pub broadcast: Tag,
    /// What was signed.
    pub said: Said,
}

/// See [`Proof`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Said {
    /// Two payloads, by their digests.
    Two([(Digest, Signature); 2]),
    /// One that is not what it should be.
    One(Bytes, Signature),
}

/// Declares a flat enum of faults whose `Display` is a sentence.
macro_rules! fault_kinds {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = $text] $(#[$vmeta])* $variant,)*
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

fault_kinds! {
    /// Faults in a reliable broadcast.
    RbcFault {
        Equivocation => "two different SENDs signed for one broadcast",
        BadSignature => "a SEND that its sender did not sign",
        NotSender => "a SEND from a party that is not the sender",
        SecondEcho => "two different ECHOs",
        SecondReady => "two different READYs",
        BadPayload => "a payload that does not match its digest",
        BadShard => "a shard that does not belong to its root",
        BadEncoding => "a root that is not of an encoded payload",
        TooLarge => "a payload over the limit",
        WrongMode => "a message of the other mode of broadcast",
    }
}

fault_kinds! {
    /// Faults in a binary agreement or common subset.
    AgreementFault {
        SecondVote => "two different votes where one is allowed",
        SecondDecide => "two different DECIDEs",
        SecondCoinShare => "two different coin shares for one round",
        BadCoinShare => "a coin share whose proof does not hold",
        OutOfRange => "a message for a round or value that does not exist",
    }
}

fault_kinds! {
    /// Faults in a verifiable secret sharing.
    SharingFault {
        BadDealing => "a dealing whose public part does not hold",
        BadShard => "a shard that does not belong to its root",
        BadDispersal => "a dispersal that is not of one ciphertext",
        BadShare => "a dealt share that does not match its commitments",
        FalseComplaint => "a complaint that its evidence does not support",
        BadReveal => "a revealed share that does not match its commitment",
        SecondMessage => "two different messages where one is allowed",
        NotDealer => "a dealer's message from a party that is not the dealer",
    }
}

fault_kinds! {
    /// Faults in an opening of shared values.
    OpeningFault {
        WrongLength => "a vector of shares of the wrong length",
        WrongShare => "a share off the polynomial",
        SecondShare => "two different share vectors for one opening",
        UnknownRound => "shares for an opening that does not exist",
    }
}

fault_kinds! {
    /// Faults in the life of a decision.
    DecisionFault {
        MalformedProposal => "a proposal that is not well formed",
        WrongDocument => "a document that its proposal does not name",
        MalformedVote => "a vote of the wrong shape",
        MalformedSlot => "a slot value that is not well formed",
        BadSignature => "a signature over the statement that does not hold",
        WrongOutcome => "a signature over another outcome than the computed one",
        BadCertificate => "a certificate that does not hold",
        OverLimit => "more than its allowance of open proposals",
        OutOfPlace => "a message for something that cannot exist yet",
    }
}

fault_kinds! {
    /// Faults in the making of keys.
    KeyFault {
        MalformedSet => "a set of dealers that is none",
        AnotherShare => "a dealing of something else than the dealer's share of the keys",
        BadSealingKey => "a sealing key that is none",
        OutOfPlace => "a message about a member that does not exist",
        OverLimit => "more messages than a key generation has",
        BadConfirmation => "a confirmation of keys that it did not sign",
        OtherKeys => "a confirmation of other keys than ours",
    }
}

/// What a party did, by protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum FaultKind {
    /// In a reliable broadcast.
    Rbc(RbcFault),
    /// In a binary agreement or common subset.
    Agreement(AgreementFault),
    /// In a verifiable secret sharing.
    Sharing(SharingFault),
    /// In an opening.
    Opening(OpeningFault),
    /// In the making of keys.
    Key(KeyFault),
    /// In the life of a decision.
    Decision(DecisionFault),
    /// Bytes that are no message of ours.
    Undecodable,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rbc(kind) => kind.fmt(f),
            Self::Agreement(kind) => kind.fmt(f),
            Self::Sharing(kind) => kind.fmt(f),
            Self::Opening(kind) => kind.fmt(f),
            Self::Key(kind) => kind.fmt(f),
            Self::Decision(kind) => kind.fmt(f),
            Self::Undecodable => f.write_str("bytes that are no message"),
        }
    }
}

macro_rules! into_kind {
    ($($variant:ident($kind:ident)),*) => {
        $(impl From<$kind> for FaultKind {
            fn from(kind: $kind) -> Self { Self::$variant(kind) }
        })*
    };
}
into_kind!(
    Rbc(RbcFault),
    Agreement(AgreementFault),
    Sharing(SharingFault),
    Opening(OpeningFault),
    Key(KeyFault),
    Decision(DecisionFault)
);
