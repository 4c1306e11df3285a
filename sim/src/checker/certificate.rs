//! Every certificate of an honest party holds for a verifier that shares no code with the protocol's:
//! it reads the bytes as the documentation describes them, hashes them itself, and takes from others
//! nothing but BLAKE3 and Ed25519.

use quorate_protocol::crypto::group::{Signature, VerifyingKey};

use super::{Checker, Observation, What};
use crate::ghost::{Ghost, Network};

/// See the [module](self).
pub(super) struct Certificate;

/// What a certificate says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    pub(crate) position: u64,
    /// The digest of the proposal.
    pub(crate) proposal: [u8; 32],
    pub(crate) title: String,
    pub(crate) rule: String,
    /// Bit by bit, whose votes count.
    pub(crate) counted: u128,
    pub(crate) outcome: Outcome,
}

/// How a decision ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Outcome {
    Accepted,
    Rejected,
    Expired,
}

/// Bytes that are still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.take(N)?.try_into().map_err(|_| "it ends too early")
    }

    /// A number of so many bytes, little-endian.
    fn number(&mut self, size: usize) -> Result<u128, &'static str> {
        let bytes = self.take(size)?.iter().rev();
        Ok(bytes.fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    fn sized(&mut self, size: usize) -> Result<&'a [u8], &'static str> {
        let length = usize::try_from(self.number(size)?).map_err(|_| "it ends too early")?;
        self.take(length)
    }

    const fn end(&self) -> Result<(), &'static str> {
        if self.0.is_empty() { Ok(()) } else { Err("something follows") }
    }
}

/// What was demanded, or why not.
const fn demand(holds: bool, else_why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(else_why) }
}

fn derived(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    blake3::derive_key(context, &parts.concat())
}

/// The name of an epoch.
fn root(network: &[u8; 32], epoch: u128) -> [u8; 32] {
    let epoch = epoch.to_le_bytes();
    derived("quorate 2026 tag root v1", &[network, epoch.get(..8).unwrap_or_default()])
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

/// The digest of texts, then bytes, in the instance of a name.
fn transcript(tag: &[u8; 32], texts: &[&str], bytes: &[u8]) -> [u8; 32] {
    let mut hashed = [&[2], &*sized(tag)].concat();
    for text in texts {
        hashed.push(3);
        hashed.extend(sized(text.as_bytes()));
    }
    hashed.push(0);
    hashed.extend(sized(bytes));
    hashed.push(128);
    hashed.extend([0; 8]);
    derived("quorate 2026 crypto transcript v1", &[&hashed])
}

fn signed(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// The title, the rule and the minimum of a proposal.
fn read_proposal(bytes: &[u8]) -> Result<(&[u8], &[u8], u128), &'static str> {
    let mut reader = Reader(bytes);
    let (title, _text, rule) = (reader.sized(8)?, reader.sized(8)?, reader.sized(8)?);
    let _deadline = reader.take(8)?;
    let minimum = reader.number(2)?;
    let _nonce = reader.take(16)?;
    match reader.number(1)? {
        0 => {}
        1 => drop(reader.take(36)?),
        _ => return Err("a flag is neither 0 nor 1"),
    }
    demand(reader.number(1)? < 2, "a flag is neither 0 nor 1")?;
    reader.end()?;
    Ok((title, rule, minimum))
}

/// What a certificate of the network says.
///
/// # Errors
/// It is none.
pub(crate) fn verify(bytes: &[u8], of: &Network) -> Result<Entry, &'static str> {
    let mut reader = Reader(bytes);
    let statement = reader.sized(2)?;
    let signature: [u8; 64] = reader.array()?;
    let proposal = reader.sized(2)?;
    let signers = reader.number(16)?;
    let mut own = Vec::new();
    for member in (0..128usize).filter(|member| signers >> member & 1 == 1) {
        own.push((member, reader.array::<64>()?));
    }
    reader.end()?;
    let (title, rule, minimum) = read_proposal(proposal)?;

    let mut reader = Reader(statement);
    demand(reader.take(16)? == b"quorate decision", "the statement is of another kind")?;
    demand(reader.number(2)? == 1, "the statement has another version")?;
    demand(reader.array()? == of.digest, "it is of another network")?;
    let epoch = reader.number(8)?;
    demand(reader.array()? == of.key, "it is of a network with another key")?;
    let position = reader.number(8)?;
    let root = root(&of.digest, epoch);
    let named = transcript(&root, &["proposal"], proposal);
    demand(reader.array()? == named, "it is about another proposal")?;
    demand(reader.sized(2)? == rule, "its rule is not the proposal's")?;
    let (counted, excluded) = (reader.number(16)?, reader.number(16)?);
    let n = of.identities.len();
    let everybody = (1u128 << n) - 1;
    let once = counted & excluded == 0 && counted | excluded == everybody;
    demand(once, "its members are not the network's")?;
    let few = u128::from(counted.count_ones()) < minimum;
    let outcome = match reader.number(1)? {
        0 => Outcome::Accepted,
        1 => Outcome::Rejected,
        2 => Outcome::Expired,
        _ => return Err("its outcome is none"),
    };
    let expired = outcome == Outcome::Expired;
    demand(few == expired, "its outcome does not fit the votes counted")?;
    let _previous = reader.take(32)?;
    reader.end()?;
    demand(signed(&of.key, statement, &signature), "the network's signature does not hold")?;

    demand(own.len() == of.signers, "not as many members signed as have to")?;
    let place = u64::try_from(position).map_err(|_| "its position is none")?;
    let position = place.to_le_bytes();
    let label = b"certificate";
    let lengths = [(label.len() as u64).to_le_bytes(), 8u64.to_le_bytes()].concat();
    let child = [&root[..], &lengths, label, &position];
    let tag = derived("quorate 2026 tag child v1", &child);
    let digest = transcript(&tag, &["identity signature", "statement"], statement);
    let message = [&b"quorate identity signature v1"[..], &digest].concat();
    for (member, signature) in own {
        let identity = of.identities.get(member).ok_or("a stranger signed")?;
        demand(signed(identity, &message, &signature), "a member's signature does not hold")?;
    }
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (title, rule) = (text(title), text(rule));
    Ok(Entry { position: place, proposal: named, title, rule, counted, outcome })
}

impl Checker for Certificate {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let (What::Certified { by, bytes, .. }, Some(network)) = (&seen.what, &ghost.network)
        else {
            return Ok(());
        };
        let entry = verify(bytes, network);
        entry.map(drop).map_err(|error| format!("a certificate of {by}: {error}"))
    }
}
