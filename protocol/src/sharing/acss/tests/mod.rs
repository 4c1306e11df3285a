//! Whole sharings, with honest and hostile dealers.

mod attacks;
mod completeness;
mod elements;
mod interface;
mod scalars;
mod secrecy;

use std::sync::Arc;

use super::public::Verified;
use super::scalar::{Curve, ScalarShares, Scalars, evaluate};
use super::*;
use crate::committee::{Committee, PartyId, PartySet};
use crate::crypto::Keyring;
use crate::crypto::group::RistrettoPoint;
use crate::crypto::point::Point;
use crate::fault::{FaultKind, SharingFault};
use crate::math::{Field, Fl, Fp61, Poly};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::testkit::{Network, Order};
use crate::wire::{self, Bytes};

pub(super) type Plain = Elements<Fp61, NoStatement>;
pub(super) type Net<S> = Network<Acss<S>>;

/// Enough for every run here; one that needs more does not come to rest.
pub(super) const MOST: usize = 100_000;
pub(super) const DEALER: PartyId = PartyId::new(0);

/// Makes tests of functions that are generic over the kind of sharing.
macro_rules! for_both {
    ($($test:ident),* $(,)?) => {
        mod of_elements {
            $(#[test] fn $test() { super::$test::<super::Plain>(); })*
        }
        mod of_scalars {
            $(#[test] fn $test() { super::$test::<super::Scalars>(); })*
        }
    };
}
pub(super) use for_both;

/// A scheme whose output can be looked into.
pub(super) trait Dealt: Scheme {
    fn shares(output: &Self::Output) -> &Shares<Self::Field>;

    /// What must hold of the parties' outputs beside that their shares are of one polynomial.
    fn assert_agree(_: &[(PartyId, &Self::Output)]) {}
}

/// A scheme as these tests deal by it.
pub(super) trait Kind: Dealt {
    fn scheme() -> Self;
    fn secrets() -> Shares<Self::Field>;
}

impl<S: Statement<Fp61>> Dealt for Elements<Fp61, S> {
    fn shares(output: &Shares<Fp61>) -> &Shares<Fp61> {
        output
    }
}

impl Kind for Plain {
    fn scheme() -> Self {
        Self::new(Self::secrets().len(), NoStatement)
    }

    fn secrets() -> Shares<Fp61> {
        (1000..1005).map(Fp61::from_u64).collect()
    }
}

impl Dealt for Scalars {
    fn shares(output: &ScalarShares) -> &Shares<Fl> {
        &output.shares
    }

    fn assert_agree(outputs: &[(PartyId, &ScalarShares)]) {
        let (_, first) = outputs[0];
        for (party, output) in outputs {
            assert_eq!(output.commitments, first.commitments);
            for (secret, share) in output.shares.iter().enumerate() {
                let edwards = output.commitments.edwards(secret).map(|own| {
                    assert_eq!(evaluate(own, *party), Some(Point::base(share)));
                });
                let ristretto = output.commitments.ristretto(secret).map(|own| {
                    let expected = RistrettoPoint::mul_base(share.scalar());
                    assert_eq!(evaluate(own, *party), Some(expected));
                });
                assert!(edwards.is_some() != ristretto.is_some(), "a scalar is in one group");
            }
        }
    }
}

impl Kind for Scalars {
    fn scheme() -> Self {
        use Curve::{Edwards, Ristretto};
        Self::new(vec![Ristretto, Edwards, Edwards, Ristretto])
    }

    fn secrets() -> Shares<Fl> {
        (1000..1004).map(Fl::from_u64).collect()
    }
}

pub(super) fn tag() -> Tag {
    Tag::root(&[7; 32], 3).child("acss tests")
}

pub(super) fn seed() -> Secret<[u8; 32]> {
    Secret::new([5; 32])
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

pub(super) fn acss<K: Scheme>(keyring: &Arc<Keyring>, scheme: K) -> Acss<K> {
    Acss::with_scheme(keyring.clone(), DEALER, &tag(), scheme)
}

/// A network in which `DEALER` is to deal.
pub(super) fn network<K: Kind>(keyrings: &[Arc<Keyring>], order: Order, seed: u64) -> Net<K> {
    network_of(keyrings, order, seed, K::scheme())
}

pub(super) fn network_of<S: Scheme>(
    keyrings: &[Arc<Keyring>],
    order: Order,
    seed: u64,
    scheme: S,
) -> Net<S> {
    let committee = keyrings[0].committee();
    Network::new(committee, order, seed, |p| acss(&keyrings[p.index()], scheme.clone()))
}

/// The dealer deals, with this deviation.
pub(super) fn deal<K: Kind>(net: &mut Net<K>, deviation: Deviation) {
    net.act(DEALER, |p, out| p.deal_with(K::secrets(), &seed(), deviation, out)).unwrap();
}

/// The dealing that `deal` sends.
pub(super) fn dealing<K: Kind>(keyrings: &[Arc<Keyring>], deviation: &Deviation) -> Dealing {
    Dealing::new(&terms::<K>(keyrings), &keyrings[0], K::secrets(), &seed(), deviation)
}

/// All of `parties` completed and hold points of one polynomial for each secret.
pub(super) fn assert_all_complete<S: Dealt>(
    net: &Net<S>,
    committee: Committee,
    parties: PartySet,
    expected: &Shares<S::Field>,
) {
    let output = |p: PartyId| {
        assert!(net.parties[p.index()].complete(), "{p} is not complete");
        (p, net.outputs[p.index()].as_ref().expect("complete, so it has output"))
    };
    let outputs: Vec<(PartyId, &S::Output)> = parties.iter().map(output).collect();
    for (l, secret) in expected.iter().enumerate() {
        let point = |(p, output): &(PartyId, &S::Output)| {
            assert_eq!(S::shares(output).len(), expected.len());
            (S::Field::from_u64(p.point()), S::shares(output)[l])
        };
        let points: Vec<_> = outputs.iter().map(point).collect();
        assert_on_one_polynomial(committee, &points, *secret);
    }
    S::assert_agree(&outputs);
}

fn assert_on_one_polynomial<F: Field>(committee: Committee, points: &[(F, F)], secret: F) {
    let polynomial = Poly::interpolate(&points[..committee.one_honest()]);
    for (x, y) in points {
        assert!(polynomial.eval(*x) == *y, "shares off the polynomial");
    }
    assert!(polynomial.eval(F::ZERO) == secret, "another secret");
}

pub(super) fn assert_nobody_completes<S: Scheme>(net: &Net<S>) {
    assert!(net.parties.iter().all(|p| !p.complete()));
    assert!(net.outputs.iter().all(Option::is_none));
}

/// Only `culprits` were blamed.
pub(super) fn assert_blamed_only<S: Scheme>(net: &Net<S>, culprits: PartySet) {
    for (by, fault) in &net.faults {
        assert!(culprits.contains(fault.party), "{by} blames {fault}");
    }
}

/// Who blamed `culprit` for `kind`.
pub(super) fn blamers<S: Scheme>(net: &Net<S>, culprit: PartyId, kind: SharingFault) -> PartySet {
    let blames = net
        .faults
        .iter()
        .filter(|(_, fault)| fault.party == culprit && fault.kind == FaultKind::Sharing(kind));
    blames.map(|(by, _)| *by).collect()
}

/// The terms of a dealing by this dealer.
pub(super) fn terms_of<K: Kind>(keyrings: &[Arc<Keyring>], dealer: PartyId, tag: &Tag) -> Terms<K> {
    Terms::new(keyrings[0].committee(), dealer, tag, K::scheme())
}

/// The terms of every dealing here.
pub(super) fn terms<K: Kind>(keyrings: &[Arc<Keyring>]) -> Terms<K> {
    terms_of(keyrings, DEALER, &tag())
}

/// The public part of a dealing.
pub(super) fn public<S: Scheme>(dealing: &Dealing) -> Public<S::Commitments, S::Proof> {
    wire::decode(&dealing.payload, 1 << 20).expect("an honest payload")
}

pub(super) fn verified<K: Kind>(keyrings: &[Arc<Keyring>], dealing: &Dealing) -> Verified<K> {
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
pub(super) fn open<K: Kind>(
    keyring: &Keyring,
    batch: &Verified<K>,
    dealing: &Dealing,
) -> Secret<Vec<u8>> {
    let ciphertext = ciphertext_of(dealing, keyring.me());
    keyring.sealing().open(batch.header(), keyring.me(), &ciphertext).expect("an honest dealing")
}
