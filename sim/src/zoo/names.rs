//! Names and encodings: what is made for one instance can be used in no other, and each value has one
//! encoding.

use quorate_protocol::agreement::coin::{Coin, DdhCoin, TrustedCoinDealer};
use quorate_protocol::committee::Committee;
use quorate_protocol::crypto::seal::SealingPublic;
use quorate_protocol::crypto::{Digest, Transcript};
use quorate_protocol::math::Fl;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::campaign::{Verdict, holds};
use crate::Rng;

/// Names of instances, and hashes of lists.
pub(super) fn domains(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let network: [u8; 32] = rng.random();
    let epoch = u64::from(rng.random::<u32>());
    let root = Tag::root(&network, epoch);
    let other: [u8; 32] = rng.random();
    holds("domains", root != Tag::root(&other, epoch), "two networks have one name")?;
    holds("domains", root != Tag::root(&network, epoch + 1), "two epochs have one name")?;
    let number = 0x6162_6364_6566_6768u64;
    let text = format!("a{}", String::from_utf8_lossy(&number.to_le_bytes()));
    let apart = root.indexed("a", number) != root.child(&text);
    holds("domains", apart, "a numbered instance has the name of another")?;
    let listed = |items: &[&[u8]]| {
        let mut transcript = Transcript::new(&root, "list");
        for item in items {
            transcript.bytes(item);
        }
        transcript.digest()
    };
    let apart = listed(&[b"ab", b"c"]) != listed(&[b"a", b"bc"]);
    holds("domains", apart, "two lists of items have one hash")
}

/// Encodings: one for each value, and nothing after it.
pub(super) fn encodings(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let value: (u32, Vec<u8>, Option<bool>) =
        (rng.random(), (0..5).map(|_| rng.random()).collect(), Some(rng.random()));
    let mut bytes = wire::encode(&value);
    let read = |bytes: &[u8]| wire::decode::<(u32, Vec<u8>, Option<bool>)>(bytes, 100);
    holds("encoding", read(&bytes) == Ok(value), "a value is not read as it was written")?;
    bytes.push(0);
    holds("encoding", read(&bytes).is_err(), "one value has two encodings")?;
    let identity = SealingPublic::from_bytes(&[0; 32]).is_none();
    holds("identity", identity, "the identity is taken for a key")
}

/// Proofs of shares of two coins: they do not give the secret away.
pub(super) fn proofs(seed: u64) -> Verdict {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let committee = Committee::new(4).expect("a committee of four");
    let (public, secrets) = TrustedCoinDealer::deal(committee, &mut rng);
    let Some((me, secret)) = committee.parties().zip(secrets).next() else { return Ok(()) };
    let own = secret.to_bytes();
    let Ok(coin) = DdhCoin::new(me, public, secret) else { return Ok(()) };
    let root = Tag::root(Digest::from([2; 32]).as_bytes(), 0);
    // Challenge and response of a share: z = k + c x.
    let proof = |name: &str| -> Option<(Fl, Fl)> {
        let bytes = wire::encode(&coin.share(&root.child(name)));
        let scalar = |at: usize| wire::decode::<Fl>(bytes.get(at..at + 32)?, 32).ok();
        Some((scalar(32)?, scalar(64)?))
    };
    let (Some((c, z)), Some((d, y))) = (proof("one"), proof("another")) else { return Ok(()) };
    let x = quorate_protocol::math::Field::inverse(c - d).map(|inverse| (z - y) * inverse);
    let known = x.is_some_and(|x| x.scalar().to_bytes() == *own.expose());
    holds("nonces", !known, "two proofs with one nonce give the secret away")
}
