//! Threshold Schnorr signatures: ordinary Ed25519, made in one hop, whatever `t` members say.
//!
//! Victor Shoup, *The many faces of Schnorr* (ePrint 2023/1019): shares of `z` of degree `t`, opened
//! with error correction; with two nonces a signature, bound to the message by a hash, as in FROST
//! (Komlo and Goldberg, SAC 2020).
//!
//! # Model
//! `n >= 3t + 1`, asynchronous authenticated links, up to `t` Byzantine members. The group's key `A`
//! is shared by a polynomial of degree `t`, and so are `d` and `e` of a [`NoncePair`], of which `D` and
//! `E`, times the base point, are public. Nobody knows `d` or `e`, and every pair serves one message.
//!
//! # Guarantees
//! - *Unforgeability*: `t` members sign nothing without an honest one, as long as no pair serves two
//!   messages (one-more discrete logarithm, random oracle). The owner sees to that, see *Use*.
//! - *Termination*: once `2t + 1` honest members sign the same message with the same pair, every one
//!   that has the pair's shares outputs the signature, whatever the others send or leave out.
//! - *Correctness*: only what a strict verifier accepts is output; all members output the same bytes.
//! - *Blame*: whoever sends a wrong share of `z` is blamed, and nobody else.
//! - Not guaranteed: a signature at a member without shares of the pair. It cannot even know `R`,
//!   and takes the signature from the others.
//!
//! # Protocol
//! - (Z1) `b = H(network, epoch, pair's number, D, E, A, M)`, `R = D + bE`, `c = SHA-512(R, A, M)` as
//!   RFC 8032 has it. Our share of `z` is `z_i = d_i + b e_i + c x_i`; the pair is wiped.
//! - (Z2) When the owner says so, multicast `z_i`.
//! - (Z3) Open `z` with error correction, see [`open`](mod@crate::sharing::open).
//! - (Z4) Output `(R, z)` if `ed25519-dalek` verifies it strictly.
//!
//! # Use
//! Two messages under one pair give away the key's share, and from `t + 1` members the key. So the
//! owner makes durable which message ([`digest`](Signing::digest)) a pair serves before it lets `z_i`
//! out, and refuses any other message for it for ever.
//!
//! # Why it works
//! `z_i` is the value at `i` of `d(X) + b e(X) + c x(X)`, of degree `t`, so `n - t` shares with any
//! `t` wrong ones among the first `n` decode. What is opened is masked by `d(X) + b e(X)`, used once.
//! With one nonce in place of two, whoever sees many `R` before it chooses messages forges by
//! solving for a sum of challenges (Drijvers et al., IEEE S&P 2019); `b` makes `R` depend on the
//! message.
//!
//! # Cost
//! One hop, `n^2` messages of 32 bytes. A member computes two multiplications of points and verifies
//! one signature.
//!
//! # Differences from the paper
//! No coordinator and no second round; the pair is of the group and not of each member, so that `b`
//! does not depend on who signs.
//!
//! # End
//! May be dropped after the output and after Z2: others need nothing but our `z_i`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::nonces::Nonce;
use super::{GroupKey, GroupSignature, KeySet};
use crate::committee::{PartyId, PartySet};
use crate::crypto::group::{Scalar, Sha512};
use crate::crypto::point::{self, Point};
use crate::crypto::transcript::{Digest, Transcript};
use crate::math::{Field, Fl};
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::open::{self, Opening};
use crate::tag::Tag;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

/// What is signed: it says with which key. No purpose has two keys, and no key two purposes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The statement of a decision, with the certificate key.
    Certificate,
    /// A member's document, with the document key.
    Document,
}

impl Purpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Certificate, Self::Document];

    /// The public part of the key.
    pub fn key(self, keys: &KeySet) -> &GroupKey {
        match zoo::instead(self, Mutant::OneKey, Self::Certificate) {
            Self::Certificate => &keys.public().certificate,
            Self::Document => &keys.public().document,
        }
    }

    fn share(self, keys: &KeySet) -> &Secret<Fl> {
        match zoo::instead(self, Mutant::OneKey, Self::Certificate) {
            Self::Certificate => &keys.secret().certificate,
            Self::Document => &keys.secret().document,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Document => "document",
        })
    }
}

/// A member's shares of two nonces that nobody knows. Serves one message. Wiped when dropped.
#[derive(Clone, Serialize, Deserialize)]
pub struct NoncePair {
    index: u64,
    #[serde(with = "exposed")]
    d: Secret<Fl>,
    #[serde(with = "exposed")]
    e: Secret<Fl>,
    // A store holds hundreds of pairs or more, and is read at each start.
    #[serde(with = "point::own")]
    big_d: Point,
    #[serde(with = "point::own")]
    big_e: Point,
}

impl NoncePair {
    /// Pair number `index` of its epoch, of these two nonces.
    pub fn new(index: u64, (d, big_d): Nonce, (e, big_e): Nonce) -> Self {
        Self { index, d, e, big_d, big_e }
    }

    /// Its number in its epoch.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// `D` and `E`.
    pub const fn public(&self) -> (&Point, &Point) {
        (&self.big_d, &self.big_e)
    }

    /// Z1: binds the nonces to what is signed.
    fn binding(&self, root: &Tag, key: &Point, message: &[u8]) -> Fl {
        Transcript::new(&root.child("signing"), "binding of nonces")
            .u64(self.index)
            .bytes(&self.big_d.to_bytes())
            .bytes(&self.big_e.to_bytes())
            .bytes(&key.to_bytes())
            .bytes(zoo::instead(message, Mutant::NonceUnbound, b""))
            .scalar()
            .into()
    }
}

impl fmt::Debug for NoncePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[nonce pair {}]", self.index)
    }
}

/// Shares are written as what they are: for what is stored sealed.
mod exposed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::math::Fl;
    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(
        share: &Secret<Fl>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        share.expose().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Secret<Fl>, D::Error> {
        Fl::deserialize(deserializer).map(Secret::new)
    }
}

/// The sender's share of `z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Message(pub Fl);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SIGN")
    }
}

/// One member's part in one signature.
pub struct Signing {
    key: Point,
    pair: u64,
    nonce: [u8; 32],
    message: Bytes,
    digest: Digest,
    /// Our share, until it is sent.
    share: Option<Secret<Fl>>,
    opening: Opening<Fl>,
}

impl Signing {
    /// Z1: the signature of `message` with the key for `purpose`, using up `pair`. `root` names the
    /// epoch. Nothing is sent yet.
    pub fn new(
        keys: &KeySet,
        purpose: Purpose,
        root: &Tag,
        pair: NoncePair,
        message: Bytes,
    ) -> Self {
        let key = *purpose.key(keys).key();
        let b = pair.binding(root, &key, &message);
        let nonce = (pair.big_d + Point::combine([b], [&pair.big_e])).to_bytes();
        let c = challenge(&nonce, &key, &message);
        let x = purpose.share(keys).expose();
        let share = Secret::new(*pair.d.expose() + b * *pair.e.expose() + c * *x);
        Self {
            key,
            pair: pair.index,
            nonce,
            digest: digest(root, &message),
            message,
            share: Some(share),
            opening: Opening::new(keys.committee(), 1),
        }
    }

    /// Number of the pair it uses.
    pub const fn pair(&self) -> u64 {
        self.pair
    }

    /// By what the message is to be remembered before [`sign`](Self::sign).
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Z2: sends our share, once.
    pub fn sign(&mut self, out: &mut dyn Outbox<Message>) {
        if let Some(share) = self.share.take() {
            out.multicast(Message(*share.expose()));
        }
    }

    /// Parties whose shares are here, right or wrong.
    pub const fn seen(&self) -> PartySet {
        self.opening.seen()
    }

    /// Parties that sent wrong shares.
    pub const fn liars(&self) -> PartySet {
        self.opening.liars()
    }
}

impl Protocol for Signing {
    type Message = Message;
    type Output = GroupSignature;

    fn handle(
        &mut self,
        from: PartyId,
        Message(share): Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<GroupSignature> {
        // Z3. An opening answers nothing, so nothing is wrapped.
        let share = open::Message::new(vec![share].into());
        let opened = self.opening.handle(from, share, &mut out.wrap(|_| Message(Fl::ZERO)))?;
        // Z4
        let signature = GroupSignature::new(self.nonce, opened.first()?.scalar().to_bytes());
        signature.verify(&self.key, &self.message).then_some(signature)
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing")
            .field("pair", &self.pair)
            .field("digest", &self.digest)
            .field("sent", &self.share.is_none())
            .finish_non_exhaustive()
    }
}

/// What stands for a message in what is written down.
fn digest(root: &Tag, message: &[u8]) -> Digest {
    Transcript::new(&root.child("signing"), "message").bytes(message).digest()
}

/// The challenge of RFC 8032, section 5.1.6.
fn challenge(nonce: &[u8; 32], key: &Point, message: &[u8]) -> Fl {
    let input = [nonce.as_slice(), &key.to_bytes(), message].concat();
    Scalar::hash_from_bytes::<Sha512>(&input).into()
}

#[cfg(test)]
mod tests;
