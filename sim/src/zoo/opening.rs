//! Single openings in one hop and in two, and what a run of preprocessing makes, in which some send
//! wrong shares.

use std::sync::Arc;

use quorate_protocol::agreement::coin::{IdealCoin, IdealShare};
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::{Keyring, Transcript};
use quorate_protocol::error::Error;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::mpc::preprocessing::{
    self, Layout, Preprocessing, Request, deal_tag, dealing, refine,
};
use quorate_protocol::protocol::{Outbox, Protocol};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::acss::Deviation;
use quorate_protocol::sharing::open::{BatchOpening, Message, Opening};
use quorate_protocol::sharing::{Shares, shamir};
use quorate_protocol::tag::Tag;
use rand::{RngExt, SeedableRng};

use super::campaign::{Verdict, fails, holds};
use super::net::Net;
use crate::Rng;

/// Shares that are wrong in some places, or too many or too few.
fn falsified(shares: &Shares<Fp61>, rng: &mut Rng) -> Shares<Fp61> {
    let mut wrong = shares.to_vec();
    match rng.random_range(0..6) {
        0 => {
            wrong.pop();
        }
        1 => wrong.push(Fp61::ONE),
        _ => {
            for share in &mut wrong {
                if rng.random() {
                    *share += Fp61::random(rng);
                }
            }
        }
    }
    wrong.into()
}

/// What a party that lies says in place of shares.
fn lie(message: Message<Fp61>, rng: &mut Rng) -> Vec<Message<Fp61>> {
    let wrong = match &message {
        Message::Share(shares) => Message::Share(Arc::new(falsified(shares, rng))),
        Message::Word(shares) => Message::Word(Arc::new(falsified(shares, rng))),
    };
    match rng.random_range(0..8) {
        0 => Vec::new(),
        1 => vec![message],
        2 => vec![wrong, message],
        _ => vec![wrong],
    }
}

/// Gives one's own shares to an opening.
type Give<O> = fn(&mut O, Shares<Fp61>, &mut dyn Outbox<Message<Fp61>>) -> Result<(), Error>;

/// Opens some values: made for so many members and values, and given one's own shares, as either kind.
fn opening<O>(seed: u64, make: fn(Committee, usize) -> O, give: Give<O>) -> Verdict
where
    O: Protocol<Message = Message<Fp61>, Output = Vec<Fp61>>,
{
    let mut rng = Rng::seed_from_u64(seed);
    let n = if seed % 4 == 3 { 7 } else { 4 };
    let committee = Committee::new(n).expect("a committee of four or seven");
    let count = rng.random_range(1..6);
    let values: Vec<Fp61> = (0..count).map(|_| Fp61::random(&mut rng)).collect();
    let columns: Vec<Vec<Fp61>> =
        values.iter().map(|value| shamir::share(*value, committee, &mut rng)).collect();
    let row = |party: PartyId| -> Shares<Fp61> {
        columns.iter().filter_map(|column| column.get(party.index()).copied()).collect()
    };
    let when: Vec<usize> = committee.parties().map(|_| rng.random_range(0..10)).collect();
    let liars: Vec<PartyId> = committee.parties().take(committee.t()).collect();
    let mut net = Net::new(committee, rng, |_| make(committee, count))
        .lying(liars, |_, _, message, rng| lie(message, rng));
    for (party, when) in committee.parties().zip(when) {
        let shares = row(party);
        net.input(when, party, move |opening, out| {
            let _opened = give(opening, shares, out);
            None
        });
    }
    net.run()?;
    net.all_or_none(true)?;
    let right = net.given().iter().all(|(_, opened)| **opened == values);
    holds("correctness", right, "what is opened is not what was shared")
}

/// One opening in one hop.
pub(super) fn one_hop(seed: u64) -> Verdict {
    opening(seed, Opening::new, Opening::open)
}

/// One opening in two hops.
pub(super) fn two_hops(seed: u64) -> Verdict {
    opening(seed, BatchOpening::new, BatchOpening::open)
}

type Run = Preprocessing<Fp61, IdealCoin>;
type Wire = preprocessing::Message<Fp61, IdealShare>;

/// What a party that lies says in a run in place of shares for an opening.
fn lie_in_run(message: Wire, rng: &mut Rng) -> Vec<Wire> {
    match message {
        Wire::Refine(refine::Message::Open(stage, message)) => {
            let said = lie(message, rng).into_iter();
            said.map(|message| Wire::Refine(refine::Message::Open(stage, message))).collect()
        }
        message => vec![message],
    }
}

/// The secrets of a dealer of triples one of which is none.
fn false_triple(layout: &Layout, seed: &Secret<[u8; 32]>, tag: &Tag) -> Shares<Fp61> {
    let mut secrets = dealing::secrets::<Fp61>(layout, seed, tag).to_vec();
    // The first product, after the random values, both factors and a value at 0.
    let place = layout.randoms() + 2 * layout.factors_len() + 1;
    if let Some(product) = secrets.get_mut(place) {
        *product += Fp61::ONE;
    }
    secrets.into()
}

/// One small run of preprocessing among four.
pub(super) fn material(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let committee = Committee::new(4).expect("a committee of four");
    let keyrings = Keyring::for_tests(4, 1);
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let tag = Tag::root(&[7; 32], 0).child("run");
    let request = Request { triples: 2, bits: 2 };
    let liar = PartyId::new(0);
    let cheats: bool = rng.random();
    let own = |party: PartyId| {
        let digest = Transcript::new(&tag, "seed").u64(party.point()).digest();
        Secret::new(*digest.as_bytes())
    };
    let run = |party: PartyId| {
        let coin = Arc::new(IdealCoin::new(party, seed));
        Run::new(keyring(party), coin, tag, own(party), request).expect("a small request")
    };
    let mut net = Net::new(committee, rng, run).lying([liar], |_, _, m, rng| lie_in_run(m, rng));
    for party in committee.parties() {
        net.input(0, party, move |run, out| {
            if party == liar && cheats {
                let secrets = false_triple(run.layout(), &own(party), &deal_tag(&tag, party));
                run.start_with(secrets, Deviation::default(), out);
            } else {
                run.start(out);
            }
            None
        });
        net.input(usize::MAX, party, |run, out| {
            run.close(out);
            None
        });
    }
    net.run()?;
    net.all_or_none(true)?;
    let given = net.given();
    let opened = |share: &dyn Fn(&preprocessing::Batch<Fp61>) -> Option<Fp61>| {
        let shares = given.iter().map(|(party, batch)| Some((*party, share(batch)?)));
        let shares: Vec<(PartyId, Fp61)> = shares.collect::<Option<_>>()?;
        // All t + 1 of them give the same.
        let first = shamir::reconstruct(committee, &shares)?;
        let last: Vec<(PartyId, Fp61)> = shares.iter().rev().copied().collect();
        (shamir::reconstruct(committee, &last)? == first).then_some(first)
    };
    let Some((_, batch)) = given.first() else { return fails("termination", "no output") };
    for place in 0..batch.triples.len() {
        let a = opened(&|batch| Some(batch.triples.get(place)?.a));
        let b = opened(&|batch| Some(batch.triples.get(place)?.b));
        let c = opened(&|batch| Some(batch.triples.get(place)?.c));
        let (Some(a), Some(b), Some(c)) = (a, b, c) else {
            return fails("shares", "the shares of a triple are off its polynomials");
        };
        holds("correctness", a * b == c, "a triple that is none")?;
    }
    for place in 0..batch.bits.len() {
        let Some(bit) = opened(&|batch| batch.bits.get(place).copied()) else {
            return fails("shares", "the shares of a bit are off its polynomial");
        };
        holds("correctness", bit == Fp61::ZERO || bit == Fp61::ONE, "a bit that is none")?;
    }
    Ok(())
}
