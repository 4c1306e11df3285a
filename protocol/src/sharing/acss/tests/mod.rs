//! Whole sharings, with honest and hostile dealers.

mod attacks;
mod completeness;
mod scalars;
mod secrecy;

use std::sync::Arc;

use super::public::Verified;
use super::*;
use crate::committee::{Committee, PartyId, PartySet};
use crate::crypto::{Digest, Keyring};
use crate::fault::{FaultKind, SharingFault};
use crate::math::{Field, Fp61, Poly};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::testkit::{Network, Order};
use crate::wire::Bytes;

pub(super) type Net = Network<Acss<Elements<Fp61, NoStatement>>>;

/// Enough for every run here; one that needs more does not come to rest.
pub(super) const MOST: usize = 100_000;
pub(super) const COUNT: usize = 5;
pub(super) const DEALER: PartyId = PartyId::new(0);

pub(super) fn tag() -> Tag {
    Tag::root(&[7; 32], 3).child("acss tests")
}

pub(super) fn seed() -> Secret<[u8; 32]> {
    Secret::new([5; 32])
}

pub(super) fn secrets() -> Shares<Fp61> {
    (0..COUNT as u64).map(|s| Fp61::from_u64(1000 + s)).collect()
}

pub(super) fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

pub(super) fn set(indices: &[u16]) -> PartySet {
    indices.iter().copied().map(PartyId::new).collect()
}

pub(super) fn keyrings(n: usize) -> Vec<Arc<Keyring>> {
    Keyring::for_tests(n, 11)
}

/// A network in which `DEALER` is to deal.
pub(super) fn network(keyrings: &[Arc<Keyring>], order: Order, seed: u64) -> Net {
    let committee = keyrings[0].committee();
    Network::new(committee, order, seed, |p| {
        Acss::new(keyrings[p.index()].clone(), DEALER, tag(), COUNT, NoStatement)
    })
}

/// The dealer deals, with this deviation.
pub(super) fn deal(net: &mut Net, deviation: Deviation) {
    net.act(DEALER, |p, out| p.deal_with(secrets(), &seed(), deviation, out)).unwrap();
}

/// The dealing that `deal` sends.
pub(super) fn dealing(keyrings: &[Arc<Keyring>], deviation: &Deviation) -> Dealing {
    Dealing::new(&terms(keyrings), &keyrings[0], secrets(), &seed(), deviation)
}

/// All of `parties` completed and hold points of one polynomial for each secret.
pub(super) fn assert_all_complete<S: Statement<Fp61>>(
    net: &Network<Acss<Elements<Fp61, S>>>,
    committee: Committee,
    parties: PartySet,
    expected: &Shares<Fp61>,
) {
    for l in 0..COUNT {
        let points: Vec<(Fp61, Fp61)> = parties
            .iter()
            .map(|p| {
                assert!(net.parties[p.index()].complete(), "{p} is not complete");
                let shares = net.outputs[p.index()].as_ref().expect("complete, so it has output");
                assert_eq!(shares.len(), COUNT);
                (Fp61::from_u64(p.point()), shares[l])
            })
            .collect();
        assert_on_one_polynomial(committee, &points, expected[l]);
    }
}

fn assert_on_one_polynomial(committee: Committee, points: &[(Fp61, Fp61)], secret: Fp61) {
    let polynomial = Poly::interpolate(&points[..committee.one_honest()]);
    for (x, y) in points {
        assert_eq!(polynomial.eval(*x), *y, "shares off the polynomial");
    }
    assert_eq!(polynomial.eval(Fp61::ZERO), secret);
}

pub(super) fn assert_nobody_completes<S: Statement<Fp61>>(net: &Network<Acss<Elements<Fp61, S>>>) {
    assert!(net.parties.iter().all(|p| !p.complete()));
    assert!(net.outputs.iter().all(Option::is_none));
}

/// Only `culprits` were blamed.
pub(super) fn assert_blamed_only<S: Statement<Fp61>>(
    net: &Network<Acss<Elements<Fp61, S>>>,
    culprits: PartySet,
) {
    for (by, fault) in &net.faults {
        assert!(culprits.contains(fault.party), "{by} blames {fault}");
    }
}

/// Who blamed `culprit` for `kind`.
pub(super) fn blamers<S: Statement<Fp61>>(
    net: &Network<Acss<Elements<Fp61, S>>>,
    culprit: PartyId,
    kind: SharingFault,
) -> PartySet {
    let blames = net
        .faults
        .iter()
        .filter(|(_, fault)| fault.party == culprit && fault.kind == FaultKind::Sharing(kind));
    blames.map(|(by, _)| *by).collect()
}

pub(super) type Terms61 = Terms<Elements<Fp61, NoStatement>>;
pub(super) type Public61 = Public<Vec<Digest>, ElementsProof<Fp61, ()>>;

/// The terms of a dealing by this dealer.
pub(super) fn terms_of(keyrings: &[Arc<Keyring>], dealer: PartyId, tag: &Tag) -> Terms61 {
    Terms::new(keyrings[0].committee(), dealer, tag, Elements::new(COUNT, NoStatement))
}

/// The terms of every dealing here.
pub(super) fn terms(keyrings: &[Arc<Keyring>]) -> Terms61 {
    terms_of(keyrings, DEALER, &tag())
}

pub(super) fn verified(
    keyrings: &[Arc<Keyring>],
    dealing: &Dealing,
) -> Verified<Elements<Fp61, NoStatement>> {
    Verified::new(&Arc::new(terms(keyrings)), &dealing.payload).expect("an honest payload")
}

pub(super) fn shards_of(
    dealing: &Dealing,
    owner: PartyId,
    holders: &[u16],
) -> Vec<(PartyId, Shard)> {
    let shard = |holder: &u16| dealing.parts[usize::from(*holder)].1[owner.index()].clone();
    holders.iter().map(|holder| (party(*holder), shard(holder))).collect()
}

pub(super) fn ciphertext_of(dealing: &Dealing, owner: PartyId) -> Bytes {
    let shards = shards_of(dealing, owner, &[0, 1]);
    let shards: Vec<_> = shards.into_iter().map(|(p, s)| (p.index(), s.bytes)).collect();
    crate::crypto::erasure::decode(&shards, 2, 4, 1 << 20).unwrap().into()
}

/// The share vector of one party, as the dealer sealed it.
pub(super) fn open(
    keyring: &Keyring,
    batch: &Verified<Elements<Fp61, NoStatement>>,
    dealing: &Dealing,
) -> Secret<Vec<u8>> {
    let ciphertext = ciphertext_of(dealing, keyring.me());
    keyring.sealing().open(batch.header(), keyring.me(), &ciphertext).expect("an honest dealing")
}
