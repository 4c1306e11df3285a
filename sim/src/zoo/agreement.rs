//! Single binary agreements, and common subsets, in which one party lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_protocol::agreement::aba::{Aba, Message, Vote};
use quorate_protocol::agreement::acs::{self, CommonSubset};
use quorate_protocol::agreement::coin::{Coin, DdhCoin, IdealCoin, IdealShare, TrustedCoinDealer};
use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::protocol::{Outbox, Protocol, Recipient};
use quorate_protocol::tag::Tag;
use quorate_protocol::wire;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::campaign::{Verdict, holds};
use super::net::{Collected, Net};
use crate::Rng;

fn tag() -> Tag {
    Tag::root(&[3; 32], 0).child("agreement")
}

/// What a party that lies says in place of a vote, a share or a decision.
fn lie<S: Clone>(message: Message<S>, bad: &S, rng: &mut Rng) -> Vec<Message<S>> {
    let bit = rng.random();
    let message = match message {
        _ if rng.random_range(0..8) == 0 => return Vec::new(),
        Message::Vote { round, vote } if rng.random() => {
            let vote = match vote {
                Vote::E1(_) => Vote::E1(bit),
                Vote::E2(_) => Vote::E2(bit),
                Vote::E3(_) => Vote::E3(rng.random::<bool>().then_some(bit)),
            };
            Message::Vote { round, vote }
        }
        Message::Share { round, .. } if rng.random() => {
            Message::Share { round, share: bad.clone() }
        }
        Message::Decide { round, .. } if rng.random() => Message::Decide { round, value: bit },
        other => other,
    };
    let mut said = vec![message; if rng.random_range(0..4) == 0 { 3 } else { 1 }];
    if let (0, Some(Message::Vote { round, .. })) = (rng.random_range(0..16), said.first()) {
        said.push(Message::Decide { round: *round, value: bit });
    }
    if let (0, Some(Message::Vote { round, .. })) = (rng.random_range(0..4), said.first()) {
        said.push(Message::Vote { round: *round, vote: Vote::E1(bit) });
    }
    said
}

/// What one honest party has heard, as far as coins and E3 depend on it.
#[derive(Default)]
struct Heard {
    /// E2 by round and value, E3 by round.
    second: BTreeMap<(u32, bool), PartySet>,
    third: BTreeMap<u32, PartySet>,
    decided: Vec<(PartyId, u32, bool)>,
}

impl Heard {
    fn hear<S>(&mut self, from: PartyId, message: &Message<S>) {
        match message {
            Message::Vote { round, vote: Vote::E2(value) } => {
                self.second.entry((*round, *value)).or_default().insert(from);
            }
            Message::Vote { round, vote: Vote::E3(_) } => {
                self.third.entry(*round).or_default().insert(from);
            }
            Message::Decide { round, value } => self.decided.push((from, *round, *value)),
            _ => {}
        }
    }

    /// Whether enough others have decided a value to make party `me` decide it.
    fn decides(&self, committee: Committee, me: PartyId, value: bool) -> bool {
        let others = self.decided.iter().filter(|(party, _, v)| *party != me && *v == value);
        let others: PartySet = others.map(|(party, ..)| *party).collect();
        others.len() >= committee.one_honest()
    }

    /// Whether what the party says follows from what it has heard.
    fn justifies<S>(&self, committee: Committee, said: &Message<S>) -> Verdict {
        let deciders = |round: u32, value: Option<bool>| -> PartySet {
            let before = self
                .decided
                .iter()
                .filter(move |(_, r, v)| *r < round && value.is_none_or(|value| value == *v));
            before.map(|(party, ..)| *party).collect()
        };
        match said {
            Message::Share { round, .. } => {
                let voters = self.third.get(round).copied().unwrap_or_default();
                let enough = voters.union(deciders(*round, None)).len() >= committee.quorum();
                holds("coins", enough, "a share of a coin is released before there is an outcome")
            }
            Message::Vote { round, vote: Vote::E3(Some(value)) } => {
                let voters = self.second.get(&(*round, *value)).copied().unwrap_or_default();
                let voters = voters.union(deciders(*round, Some(*value)));
                let enough = voters.len() >= committee.quorum();
                holds("binding", enough, "an E3 for a value without a quorum of E2")
            }
            _ => Ok(()),
        }
    }
}

/// One agreement among four, or, now and then, seven.
pub(super) fn binary(seed: u64) -> Verdict {
    let committee = Committee::new(if seed % 8 == 7 { 7 } else { 4 });
    let committee = committee.expect("a committee of four or seven");
    let coin = |party| Arc::new(IdealCoin::new(party, seed));
    let truth = |name: &Tag| IdealCoin::new(PartyId::new(0), seed).predict(name);
    agree(committee, seed, tag(), coin, truth, &IdealShare::BAD, &mut BTreeMap::new())
}

/// Two agreements among four with the coins of one key.
pub(super) fn with_real_coins(seed: u64) -> Verdict {
    let committee = Committee::new(4).expect("a committee of four");
    let (public, secrets) =
        TrustedCoinDealer::deal(committee, &mut ChaCha20Rng::seed_from_u64(seed));
    let coins: Vec<Arc<DdhCoin>> = committee
        .parties()
        .zip(secrets)
        .filter_map(|(me, secret)| DdhCoin::new(me, public.clone(), secret).ok().map(Arc::new))
        .collect();
    let coin = |party: PartyId| coins.get(party.index()).map(Arc::clone).expect("one each");
    let bad = coin(PartyId::new(0)).share(&tag().child("another"));
    let truth = |name: &Tag| {
        let shares: Vec<_> = committee.parties().map(|p| (p, coin(p).share(name))).collect();
        let enough = shares.get(..committee.one_honest()).unwrap_or_default();
        coin(PartyId::new(0)).toss(name, enough)
    };
    let mut shares = BTreeMap::new();
    for number in 0..2 {
        let tag = tag().indexed("number", number);
        agree(committee, seed + number, tag, coin, truth, &bad, &mut shares)?;
    }
    Ok(())
}

/// Where a party's share was said: in which agreement and round.
type Said = BTreeMap<(PartyId, Vec<u8>), (Tag, u32)>;

/// One agreement, in which the first parties lie.
fn agree<C: Coin>(
    committee: Committee,
    seed: u64,
    tag: Tag,
    coin: impl Fn(PartyId) -> Arc<C>,
    truth: impl Fn(&Tag) -> bool,
    bad: &C::Share,
    shares: &mut Said,
) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let alike = rng.random_range(0..4) == 0;
    let first: bool = rng.random();
    let inputs: Vec<bool> =
        committee.parties().map(|_| if alike { first } else { rng.random() }).collect();
    let late: Vec<usize> = committee
        .parties()
        .map(|_| if rng.random() { 0 } else { rng.random_range(0..200) })
        .collect();
    let liars: Vec<PartyId> = committee.parties().take(committee.t()).collect();
    let mut heard: BTreeMap<PartyId, Heard> = BTreeMap::new();
    let watch = |from: PartyId,
                 by: PartyId,
                 message: &Message<C::Share>,
                 said: &[(Recipient, Message<C::Share>)]| {
        let heard = heard.entry(by).or_default();
        heard.hear(from, message);
        said.iter().try_for_each(|(to, message)| {
            heard.justifies(committee, message)?;
            if let Message::Decide { round, value } = message
                && *round > 1
                && !heard.decides(committee, by, *value)
            {
                let right = truth(&tag.indexed("coin", u64::from(*round))) == *value;
                holds("coin agreement", right, "a value is decided that is not the coin")?;
            }
            if let Message::Share { round, share } = message {
                let place = (tag, *round);
                let held = *shares.entry((by, wire::encode(share))).or_insert(place);
                holds("coin freshness", held == place, "one share serves two coins")?;
            }
            // One's own vote counts as soon as it is cast.
            if *to == Recipient::All {
                heard.hear(by, message);
            }
            Ok(())
        })
    };
    let mut net = Net::new(committee, rng, |party| Aba::new(committee, tag, coin(party), party))
        .lying(liars, |_, _, message, rng| lie(message, bad, rng))
        .watched(watch);
    for (party, (input, when)) in committee.parties().zip(inputs.into_iter().zip(late)) {
        net.input(when, party, move |aba, out| {
            let _proposed = aba.propose(input, out);
            None
        });
    }
    net.run()?;
    net.agreed()?;
    net.all_or_none(true)?;
    let valid = !alike || net.given().iter().all(|(_, decision)| **decision == first);
    holds("validity", valid, "all honest parties proposed something else")?;
    let rounds = net.honest().all(|party| net.parties[party].round() <= 64);
    holds("rounds", rounds, "an agreement takes more than 64 rounds")?;
    let halted = net.honest().all(|party| net.parties[party].halted());
    holds("termination", halted, "an agreement never halts")
}

/// A common subset, and what is usable at the party.
struct Owner {
    subset: CommonSubset<IdealCoin>,
    usable: PartySet,
}

/// A set, and whether all of it was usable when it was given.
type Given = (PartySet, bool);

impl Owner {
    fn given(&self, set: Option<PartySet>) -> Option<Given> {
        set.map(|set| (set, set.is_subset(self.usable)))
    }
}

impl Protocol for Owner {
    type Message = acs::Message<IdealShare>;
    type Output = Given;

    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut dyn Outbox<Self::Message>,
    ) -> Option<Given> {
        let set = self.subset.handle(from, message, out);
        self.given(set)
    }
}

/// One common subset among four: values become usable at any time, here and there.
pub(super) fn subset(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let committee = Committee::new(4).expect("a committee of four");
    let liar = PartyId::new(3);
    let (slow, never): (bool, bool) = (rng.random(), rng.random());
    let mut usable: Vec<(PartyId, PartyId, usize)> = Vec::new();
    for at in committee.parties() {
        for of in committee.parties() {
            if of == liar && never {
                continue;
            }
            let late = of == liar && slow || rng.random_range(0..6) == 0;
            usable.push((at, of, rng.random_range(0..if late { 400 } else { 20 })));
        }
    }
    let close: Vec<usize> = committee
        .parties()
        .map(|_| if rng.random() { 0 } else { rng.random_range(0..100) })
        .collect();
    let mut shares: BTreeMap<(PartyId, Vec<u8>), (u32, PartyId)> = BTreeMap::new();
    let watch = |_, by, _: &_, said: &[(Recipient, acs::Message<IdealShare>)]| {
        for (_, message) in said {
            let acs::Message::Shares { round, shares: all } = message else { continue };
            for (about, share) in all {
                let place = (*round, *about);
                let held = *shares.entry((by, wire::encode(share))).or_insert(place);
                holds("coin freshness", held == place, "one share serves two coins")?;
            }
        }
        Ok(())
    };
    let mut net = Net::new(committee, rng, |party| {
        let coin = Arc::new(IdealCoin::new(party, seed));
        let subset = CommonSubset::new(committee, party, tag(), coin);
        Owner { subset, usable: PartySet::EMPTY }
    })
    .lying([liar], |_, _, mut message, rng| {
        if let acs::Message::Votes { zero, one, .. } = &mut message
            && rng.random()
        {
            std::mem::swap(zero, one);
        }
        if rng.random_range(0..6) == 0 { Vec::new() } else { vec![message] }
    })
    .watched(watch);
    for (at, of, when) in usable {
        net.input(when, at, move |owner, out| {
            owner.usable.insert(of);
            let set = owner.subset.usable(of, out);
            owner.given(set)
        });
    }
    for (at, when) in committee.parties().zip(close) {
        net.input(when, at, |owner, out| {
            owner.subset.close(out);
            None
        });
    }
    net.run()?;
    net.agreed()?;
    net.all_or_none(true)?;
    for (_, (set, usable)) in net.given() {
        holds("size", set.len() >= committee.quorum(), "a common subset of fewer than n - t")?;
        holds("usable", *usable, "a value of the common subset is not here")?;
    }
    Ok(())
}

/// Votes of rounds that nobody can be in, from one party to another: what that one keeps is bounded.
pub(super) fn flood(seed: u64) -> Verdict {
    const MOST: usize = 20_000;
    let mut rng = Rng::seed_from_u64(seed);
    let committee = Committee::new(4).expect("a committee of four");
    let (me, liar) = (PartyId::new(0), PartyId::new(3));
    let mut aba = Aba::new(committee, tag(), Arc::new(IdealCoin::new(me, seed)), me);
    for _ in 0..2_000 {
        let bits = rng.random_range(1..32);
        let round = rng.random_range(0..1 << bits);
        let message = Message::Vote { round, vote: Vote::E1(rng.random()) };
        aba.handle(liar, message, &mut Collected::default());
    }
    let kept = format!("{aba:?}").len();
    holds("bounded state", kept <= MOST, "one party makes another keep votes without end")
}

/// Coins of a key, and what somebody without a share of the key takes them for.
pub(super) fn coins(seed: u64) -> Verdict {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let committee = Committee::new(4).expect("a committee of four");
    let (public, secrets) = TrustedCoinDealer::deal(committee, &mut rng);
    let coins: Vec<(PartyId, DdhCoin)> = committee
        .parties()
        .zip(secrets)
        .filter_map(|(me, secret)| Some((me, DdhCoin::new(me, public.clone(), secret).ok()?)))
        .collect();
    let guessed = (0..64).filter(|round| {
        let name = tag().indexed("coin", *round);
        let shares: Vec<_> = coins.iter().map(|(me, coin)| (*me, coin.share(&name))).collect();
        let enough = shares.get(..committee.one_honest()).unwrap_or_default();
        let toss = |shares| coins.first().map(|(_, coin)| coin.toss(&name, shares));
        toss(enough) == toss(&[])
    });
    holds("coin secrecy", guessed.count() < 64, "coins are known without a share of their key")
}
