//! Encryption to members, which a member can open for all to see.
//!
//! A dealer encrypts one message to each member. A member that gets junk must be able to prove it
//! without giving away its key, and without opening anything that another dealer sent it. This is
//! the hashed ElGamal of Shoup and Gennaro's threshold cryptosystem TDH2 (*Securing threshold
//! cryptosystems against chosen ciphertext attack*), with members' own keys in place of shares.
//!
//! # Model
//! Ristretto255, generator g; random oracles. Member i's key is `pk_i = sk_i * g`, its own, for one
//! epoch. A *tag* names the dealing: network, epoch, dealer and instance.
//!
//! # Protocol
//! - S1. The dealer draws r for one dealing and computes `R = r * g`, `R' = r * h`, where h is
//!   hashed to the group from the tag: [`Sealer::new`].
//! - S2. For member i: `K_i = r * pk_i`, a key derived from (tag, i, pk_i, R, K_i), and
//!   ChaCha20-Poly1305 with (tag, i, pk_i, R) as associated data: [`Sealer::seal`].
//! - S3. When all ciphertexts exist, the dealer hashes whatever it publishes with them into a
//!   *context* digest and proves, with that in the challenge, that it knows the one r behind R and
//!   R': [`Sealer::header`].
//! - S4. Everybody checks the proof against the context: [`SealHeader::verify`]. Nothing opens, and
//!   no opening key comes into being, without the [`CheckedHeader`] that this gives.
//! - S5. Member i computes `K_i = sk_i * R` and opens: [`SealingKey::open`].
//! - S6. To let others open its ciphertext, it publishes K_i with a proof that `log_g pk_i =
//!   log_R K_i`: [`SealingKey::opener`] and [`Opener::open`].
//!
//! # Why it works
//! K_i opens what was sealed to i under R, whoever sealed it. Were S3 and S4 missing, a corrupt
//! dealer would send an honest dealer's R with junk: everybody complains, and the opening keys in
//! the complaints open the honest dealer's ciphertexts. Here R cannot be used by anybody who does
//! not know r, nor under another context. R' lets the security proof extract without rewinding.
//!
//! # Guarantees, and what is not guaranteed
//! Confidentiality against chosen ciphertexts until i opens; everybody who opens with an opener
//! that is accepted sees the same plaintext or the same failure as i itself. No forward secrecy
//! within an epoch: who gets sk_i opens everything sealed to i.
//!
//! # Cost
//! Two multiplications for the dealer and one for each recipient; four to check a header; one to
//! open, and four more for others to. 28 bytes on top of the plaintext.
//!
//! # Differences from the paper
//! Each member decrypts alone. The nonce of the cipher is a hash of key and plaintext and is sent
//! along, so that sealing two messages to one member with one sealer is no disaster.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce};
use rand::{CryptoRng, Rng};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::dleq::Proof;
use super::group::{
    CompressedRistretto, IsIdentity, RISTRETTO_BASEPOINT_POINT, RistrettoPoint, Scalar,
};
use super::transcript::{Digest, Transcript};
use crate::committee::PartyId;
use crate::secret::Secret;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

const NONCE_BYTES: usize = 12;

/// Bytes by which a ciphertext is longer than its plaintext.
pub const OVERHEAD: usize = NONCE_BYTES + 16;

/// A member's own key for an epoch. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct SealingKey {
    secret: Secret<Scalar>,
    public: SealingPublic,
}

impl SealingKey {
    /// A new key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self::new(nonzero_scalar(rng))
    }

    /// The key with this encoding; `None` if it is not canonical, or zero.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let secret = Option::<Scalar>::from(Scalar::from_canonical_bytes(*bytes))?;
        (secret != Scalar::ZERO).then(|| Self::new(secret.into()))
    }

    /// The key's encoding.
    pub fn to_bytes(&self) -> Secret<[u8; 32]> {
        Secret::new(self.secret.expose().to_bytes())
    }

    /// What others seal with.
    pub const fn public(&self) -> &SealingPublic {
        &self.public
    }

    /// Opens what was sealed to us, party `me`. `None` if nobody sealed it to us in this dealing.
    pub fn open(
        &self,
        header: &CheckedHeader,
        me: PartyId,
        ciphertext: &[u8],
    ) -> Option<Secret<Vec<u8>>> {
        let shared = Secret::new(self.secret.expose() * header.0.ephemeral);
        header.0.cipher(me, &self.public, &shared).open(ciphertext)
    }

    /// The key to what the dealer of `header` sealed to us, party `me`, for everybody to see.
    pub fn opener(&self, header: &CheckedHeader, me: PartyId) -> Opener {
        let shared = self.secret.expose() * header.0.ephemeral;
        let statement = opener_statement(&header.0, &self.public, shared);
        let context = opener_context(&header.0, me);
        Opener { shared, proof: Proof::prove(self.secret.expose(), &statement, &context) }
    }

    fn new(secret: Secret<Scalar>) -> Self {
        let point = RistrettoPoint::mul_base(secret.expose());
        Self { secret, public: SealingPublic { point, encoding: point.compress() } }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({:?})", self.public)
    }
}

/// A member's public key: a group element other than the identity, canonically encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealingPublic {
    point: RistrettoPoint,
    encoding: CompressedRistretto,
}

impl SealingPublic {
    /// The key with this encoding; `None` if it is not canonical, or the identity.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let encoding = CompressedRistretto(*bytes);
        let point = encoding.decompress()?;
        let sound = !point.is_identity() || zoo::on(Mutant::IdentityKey);
        sound.then_some(Self { point, encoding })
    }

    /// The key's encoding.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.encoding.to_bytes()
    }
}

/// The first eight hexadecimal digits.
impl fmt::Debug for SealingPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.to_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl Serialize for SealingPublic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SealingPublic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <[u8; 32]>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("not a sound key"))
    }
}

/// The dealer's side of one dealing: seals to each member, then makes the header.
pub struct Sealer {
    binding: Binding,
    secret: Secret<Scalar>,
    twin: RistrettoPoint,
}

impl Sealer {
    /// S1. A sealer for the dealing `tag`. The generator must be fresh for each dealing: derive it
    /// from the dealer's seed, the tag and what is dealt.
    pub fn new<R: CryptoRng + ?Sized>(tag: &Tag, rng: &mut R) -> Self {
        let secret = nonzero_scalar(rng);
        let ephemeral = RistrettoPoint::mul_base(secret.expose());
        let twin = secret.expose() * second_base(tag);
        Self { binding: Binding { tag: *tag, ephemeral }, secret, twin }
    }

    /// S2. Seals a message to party `to`, whose key is `key`.
    pub fn seal(&self, to: PartyId, key: &SealingPublic, plaintext: &[u8]) -> Vec<u8> {
        let shared = Secret::new(self.secret.expose() * key.point);
        self.binding.cipher(to, key, &shared).seal(plaintext)
    }

    /// S3. The header of the dealing, bound to the digest of everything published with it.
    pub fn header(&self, context: &Digest) -> SealHeader {
        let Binding { tag, ephemeral } = self.binding;
        let statement = header_statement(&tag, ephemeral, self.twin);
        let context = header_context(&tag, context);
        let proof = Proof::prove(self.secret.expose(), &statement, &context);
        SealHeader { ephemeral, twin: self.twin, proof }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({:?})", self.binding.tag)
    }
}

/// The public part of a dealing's encryption: R, R' and the proof.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealHeader {
    ephemeral: RistrettoPoint,
    twin: RistrettoPoint,
    proof: Proof,
}

impl SealHeader {
    /// S4. The header as one to open with, if it was made for the dealing `tag` and this context.
    pub fn verify(&self, tag: &Tag, context: &Digest) -> Option<CheckedHeader> {
        let statement = header_statement(tag, self.ephemeral, self.twin);
        let holds = self.proof.verify(&statement, &header_context(tag, context))
            || zoo::on(Mutant::AcssUnboundKey);
        holds.then_some(CheckedHeader(Binding { tag: *tag, ephemeral: self.ephemeral }))
    }
}

impl fmt::Debug for SealHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealHeader")
    }
}

/// A header whose proof holds: its maker knows r, and made it for this dealing and context.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CheckedHeader(Binding);

impl fmt::Debug for CheckedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedHeader({:?})", self.0.tag)
    }
}

/// What opens one member's ciphertext of one dealing, with the proof that it does so truthfully.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opener {
    shared: RistrettoPoint,
    proof: Proof,
}

/// An opener that is not the one of its owner's key: it shows nothing, and only its sender's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an opening key that its proof does not support")]
pub struct BadOpener;

impl Opener {
    /// Opens what was sealed to `owner`, whose key is `key`, exactly as the owner does: `None` if
    /// the ciphertext is not one that was sealed to it in this dealing.
    ///
    /// # Errors
    /// [`BadOpener`] if the opener is not the owner's for this dealing.
    pub fn open(
        &self,
        header: &CheckedHeader,
        owner: PartyId,
        key: &SealingPublic,
        ciphertext: &[u8],
    ) -> Result<Option<Vec<u8>>, BadOpener> {
        let statement = opener_statement(&header.0, key, self.shared);
        if !self.proof.verify(&statement, &opener_context(&header.0, owner)) {
            return Err(BadOpener);
        }
        let opened = header.0.cipher(owner, key, &Secret::new(self.shared)).open(ciphertext);
        Ok(opened.map(|plaintext| plaintext.expose().clone()))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// What every ciphertext of a dealing is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Binding {
    tag: Tag,
    ephemeral: RistrettoPoint,
}

impl Binding {
    fn cipher(&self, to: PartyId, key: &SealingPublic, shared: &Secret<RistrettoPoint>) -> Cipher {
        let mut statement = Transcript::new(&self.tag, "seal");
        statement.u64(to.point()).bytes(key.encoding.as_bytes()).point(&self.ephemeral);
        let associated = statement.digest();
        let shared = Zeroizing::new(shared.expose().compress());
        statement.bytes(shared.as_bytes());
        Cipher { associated, key: statement }
    }
}

/// The cipher between a dealing and one member.
struct Cipher {
    associated: Digest,
    key: Transcript,
}

impl Cipher {
    fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        if zoo::on(Mutant::AcssClear) {
            return [plaintext, &[0; OVERHEAD]].concat();
        }
        let wide = Zeroizing::new(self.key.clone().text("nonce").bytes(plaintext).wide());
        let nonce: Vec<u8> = wide.iter().take(NONCE_BYTES).copied().collect();
        let sealed = self.apply(&nonce, |cipher, nonce| {
            cipher.encrypt(nonce, Payload { msg: plaintext, aad: self.associated.as_bytes() })
        });
        let sealed = sealed.expect("a plaintext is much shorter than the cipher's limit");
        [nonce, sealed].concat()
    }

    fn open(&self, ciphertext: &[u8]) -> Option<Secret<Vec<u8>>> {
        if zoo::on(Mutant::AcssClear) {
            let plaintext = ciphertext.get(..ciphertext.len().saturating_sub(OVERHEAD))?;
            return Some(Secret::new(plaintext.to_vec()));
        }
        let (nonce, sealed) = ciphertext.split_at_checked(NONCE_BYTES)?;
        let opened = self.apply(nonce, |cipher, nonce| {
            cipher.decrypt(nonce, Payload { msg: sealed, aad: self.associated.as_bytes() })
        });
        opened.map(Secret::new)
    }

    fn apply(
        &self,
        nonce: &[u8],
        with: impl FnOnce(&ChaCha20Poly1305, &Nonce) -> chacha20poly1305::aead::Result<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let mut key = Zeroizing::new([0; 32]);
        self.key.rng().fill_bytes(&mut *key);
        let cipher = ChaCha20Poly1305::new(&Key::from(*key));
        with(&cipher, &Nonce::try_from(nonce).ok()?).ok()
    }
}

fn nonzero_scalar<R: CryptoRng + ?Sized>(rng: &mut R) -> Secret<Scalar> {
    loop {
        let secret = Secret::new(Scalar::random(rng));
        if *secret.expose() != Scalar::ZERO {
            return secret;
        }
    }
}

/// The base h of a dealing.
fn second_base(tag: &Tag) -> RistrettoPoint {
    Transcript::new(tag, "seal second base").group()
}

fn header_statement(
    tag: &Tag,
    ephemeral: RistrettoPoint,
    twin: RistrettoPoint,
) -> [(RistrettoPoint, RistrettoPoint); 2] {
    [(RISTRETTO_BASEPOINT_POINT, ephemeral), (second_base(tag), twin)]
}

fn header_context(tag: &Tag, context: &Digest) -> Transcript {
    let mut transcript = Transcript::new(tag, "seal header");
    transcript.bytes(context.as_bytes());
    transcript
}

fn opener_statement(
    binding: &Binding,
    key: &SealingPublic,
    shared: RistrettoPoint,
) -> [(RistrettoPoint, RistrettoPoint); 2] {
    [(RISTRETTO_BASEPOINT_POINT, key.point), (binding.ephemeral, shared)]
}

fn opener_context(binding: &Binding, owner: PartyId) -> Transcript {
    let mut transcript = Transcript::new(&binding.tag, "seal opener");
    transcript.u64(owner.point());
    transcript
}

#[cfg(test)]
mod tests;
