//! The production state machines, run beside a model: from random schedules and lies, what they have
//! said after each delivery must be a state of the model.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use quorate_protocol::agreement::aba::{self, Aba, Vote};
use quorate_protocol::agreement::coin::{Coin, IdealCoin, IdealShare};
use quorate_protocol::agreement::rbc::{self, Delivery, Mode, Rbc};
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::fault::Fault;
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::Bytes;
use rand::{RngExt, SeedableRng};

use super::crusader::Crusader;
use super::{HONEST, Model, Space, broadcast, crusader as round};
use crate::Rng;
use crate::caught::caught_in;
use crate::report::Violation;

/// The Byzantine member; those before it are honest.
const LIAR: PartyId = PartyId::new(3);

/// Everything that one member says.
struct Said<M>(Vec<(Recipient, M)>);

impl<M> Outbox<M> for Said<M> {
    fn send(&mut self, to: Recipient, message: M) {
        self.0.push((to, message));
    }

    fn report(&mut self, _: Fault) {}

    fn work(&mut self, _: Job<M>) {}
}

/// Honest members of which each is a state machine, with what it said.
trait Member {
    type Message: Clone;
    type Record: Copy + Ord + Debug;

    /// Hands a message over; gives what it says to others.
    fn hear(&mut self, from: PartyId, message: Self::Message) -> Vec<(Recipient, Self::Message)>;

    /// What it has said so far.
    fn record(&self) -> Self::Record;
}

/// Plays one random schedule: `first` is on its way at the beginning, `lies` are what the Byzantine
/// member may say. Every state goes to `seen`.
fn play<T: Member>(
    members: &mut [T],
    first: Vec<(PartyId, Recipient, T::Message)>,
    lies: &[T::Message],
    rng: &mut Rng,
    mut seen: impl FnMut(Vec<T::Record>) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let mut flight = Vec::new();
    let post = |flight: &mut Vec<_>, from: PartyId, to: Recipient, message: T::Message| {
        for peer in (0..).map(PartyId::new).take(HONEST).filter(|peer| *peer != from) {
            if matches!(to, Recipient::All) || to == Recipient::One(peer) {
                flight.push((from, peer, message.clone()));
            }
        }
    };
    for (from, to, message) in first {
        post(&mut flight, from, to, message);
    }
    let mut lies_left = rng.random_range(0..=4 * HONEST);
    loop {
        let lie = lies.get(rng.random_range(0..lies.len().max(1))).cloned();
        let (from, to, message) = match lie {
            Some(lie) if lies_left > 0 && (flight.is_empty() || rng.random_range(0..3) == 0) => {
                lies_left -= 1;
                let to = (0..).map(PartyId::new).nth(rng.random_range(0..HONEST));
                (LIAR, to.unwrap_or(LIAR), lie)
            }
            _ if flight.is_empty() => return Ok(()),
            _ => flight.swap_remove(rng.random_range(0..flight.len())),
        };
        let Some(member) = members.get_mut(to.index()) else { return Ok(()) };
        for (recipient, message) in member.hear(from, message) {
            post(&mut flight, to, recipient, message);
        }
        let mut records: Vec<T::Record> = members.iter().map(T::record).collect();
        records.sort();
        seen(records)?;
    }
}

/// Whether what was seen is a state of the model.
fn expect<M: Model>(
    model: &M,
    space: &Space<M::State>,
    visited: &mut BTreeSet<usize>,
    state: Option<M::State>,
    seed: u64,
) -> Result<(), Violation> {
    match state.as_ref().and_then(|state| space.numbers.get(state)) {
        Some(number) => {
            visited.insert(*number);
            Ok(())
        }
        None => Err(Violation {
            time: 0,
            checker: "exhaustive",
            what: format!("{}: the code reaches {state:?}, seed {seed}", model.name()),
        }),
    }
}

type AbaMessage = aba::Message<IdealShare>;

/// An agreement that stands at the beginning of a round.
struct InRound {
    aba: Aba<IdealCoin>,
    me: PartyId,
    round: u32,
    coin: bool,
    shares: Vec<(PartyId, AbaMessage)>,
    record: round::Member,
}

impl InRound {
    /// Brings a member with this estimate to the round, by words of others of the rounds before.
    fn new(committee: Committee, me: PartyId, round: u32, estimate: bool, seed: u64) -> Self {
        let tag = Tag::root(&[9; 32], seed);
        let aba = Aba::new(committee, tag, Arc::new(IdealCoin::new(me, seed)), me);
        let name = tag.indexed("coin", u64::from(round));
        let share = |from: PartyId| {
            let share = IdealCoin::new(from, seed).share(&name);
            (from, aba::Message::Share { round, share })
        };
        let coin = if round == 0 { true } else { IdealCoin::new(me, seed).predict(&name) };
        let shares = committee.parties().filter(|from| *from != me).map(share).collect();
        let record = round::Member::entered(estimate);
        let mut this = Self { aba, me, round, coin, shares, record };
        this.enter(committee, estimate);
        this
    }

    fn enter(&mut self, committee: Committee, estimate: bool) {
        let mut out = Said(Vec::new());
        // In round 0 all begin with what they propose; before round 2 everybody proposes 0.
        let proposed = if self.round == 0 { estimate } else { false };
        let proposing = self.aba.propose(proposed, &mut out);
        debug_assert!(proposing.is_ok(), "nothing was proposed before");
        if self.round == 0 {
            return;
        }
        let others: Vec<PartyId> = committee.parties().filter(|p| *p != self.me).collect();
        let mut say = |from: PartyId, round: u32, vote: Vote| {
            self.hear(from, aba::Message::Vote { round, vote });
        };
        for from in &others {
            say(*from, 0, Vote::E1(false));
            say(*from, 0, Vote::E2(false));
        }
        // Round 1 tosses 0: estimate 1 comes from an outcome of 1, estimate 0 from bot.
        for from in &others {
            say(*from, 1, Vote::E1(true));
            if !estimate {
                say(*from, 1, Vote::E1(false));
            }
        }
        for (from, other) in others.iter().zip([true, false, false]) {
            say(*from, 1, Vote::E2(estimate || other));
        }
    }

    /// What follows from a message of one's own.
    fn note(&mut self, message: &AbaMessage) {
        let (now, coin) = (self.round, self.coin);
        let record = &mut self.record;
        match message {
            aba::Message::Vote { round, vote } if *round == now => match vote {
                Vote::E1(false) => {
                    record.e1 = [true, record.e1 == [true, true] || record.e1 == [false, true]]
                }
                Vote::E1(true) => {
                    record.e1 = [record.e1 == [true, true] || record.e1 == [true, false], true]
                }
                Vote::E2(value) => record.e2 = Some(*value),
                Vote::E3(value) => record.e3 = Some(*value),
            },
            // The estimate of the next round is the coin after bot, and else not the coin.
            aba::Message::Vote { round, vote: Vote::E1(next) }
                if *round == now + 1 && record.out.is_none() =>
            {
                record.out = Some((*next != coin).then_some(*next));
            }
            aba::Message::Decide { round, value } if *round == now && record.out.is_none() => {
                record.out = Some(Some(*value));
            }
            _ => {}
        }
    }
}

impl Member for InRound {
    type Message = AbaMessage;
    type Record = round::Member;

    fn hear(&mut self, from: PartyId, message: AbaMessage) -> Vec<(Recipient, AbaMessage)> {
        let mut todo = VecDeque::from([(from, message)]);
        let mut said = Vec::new();
        while let Some((from, message)) = todo.pop_front() {
            let mut out = Said(Vec::new());
            self.aba.handle(from, message, &mut out);
            for (to, message) in out.0 {
                todo.push_back((self.me, message.clone()));
                if matches!(message, aba::Message::Share { .. }) {
                    // The coin follows at once, and shows the outcome.
                    todo.extend(self.shares.clone());
                }
                self.note(&message);
                let (aba::Message::Vote { round, .. } | aba::Message::Share { round, .. }) =
                    message
                else {
                    continue;
                };
                if round == self.round && !matches!(message, aba::Message::Share { .. }) {
                    said.push((to, message));
                }
            }
        }
        said
    }

    fn record(&self) -> round::Member {
        self.record
    }
}

/// Runs the code in a round, once for each seed; gives how many states of the model it was in.
///
/// # Errors
/// The code is in a state that the model does not reach.
pub fn crusader(
    model: &Crusader,
    space: &Space<round::State>,
    seeds: Range<u64>,
) -> Result<usize, Violation> {
    let committee = four()?;
    let round = if model.binding { 2 } else { 0 };
    let vote = |vote| aba::Message::Vote { round, vote };
    let bits = [false, true];
    let mut lies: Vec<AbaMessage> = bits.into_iter().map(|v| vote(Vote::E1(v))).collect();
    lies.extend(bits.map(|v| vote(Vote::E2(v))));
    if model.binding {
        lies.extend([Some(false), Some(true), None].map(|v| vote(Vote::E3(v))));
    }
    let mut visited = BTreeSet::new();
    for seed in seeds {
        let mut rng = Rng::seed_from_u64(seed);
        let estimates: [bool; HONEST] = rng.random();
        let honest = committee.parties().zip(estimates);
        let mut members: Vec<InRound> = honest
            .map(|(me, estimate)| InRound::new(committee, me, round, estimate, seed))
            .collect();
        let first =
            |member: &InRound| (member.me, Recipient::All, vote(Vote::E1(member.record.estimate)));
        let first = members.iter().map(first).collect();
        caught_in(&format!("{}, seed {seed}", model.name()), || {
            play(&mut members, first, &lies, &mut rng, |records| {
                expect(model, space, &mut visited, records.try_into().ok(), seed)
            })
        })?;
    }
    Ok(visited.len())
}

/// A broadcast at one member.
struct InBroadcast {
    rbc: Rbc,
    me: PartyId,
    /// What is meant by `false` and `true`.
    payloads: [(Digest, Bytes); 2],
    record: broadcast::Member,
}

impl InBroadcast {
    fn named(&self, digest: &Digest) -> Option<bool> {
        let [no, yes] = &self.payloads;
        if *digest == no.0 {
            return Some(false);
        }
        (*digest == yes.0).then_some(true)
    }
}

impl Member for InBroadcast {
    type Message = rbc::Message;
    type Record = broadcast::Member;

    fn hear(&mut self, from: PartyId, message: rbc::Message) -> Vec<(Recipient, rbc::Message)> {
        let mut todo = VecDeque::from([(from, message)]);
        let mut said = Vec::new();
        while let Some((from, message)) = todo.pop_front() {
            let mut out = Said(Vec::new());
            if let Some(Delivery::Payload(payload)) = self.rbc.handle(from, message, &mut out) {
                let [_, (_, yes)] = &self.payloads;
                self.record.delivered = Some(payload == *yes);
            }
            for (to, message) in out.0 {
                match &message {
                    rbc::Message::Echo(digest) => self.record.echo = self.named(digest),
                    rbc::Message::Ready(digest) => self.record.ready = self.named(digest),
                    _ => {}
                }
                if matches!(to, Recipient::All) || to == Recipient::One(self.me) {
                    todo.push_back((self.me, message.clone()));
                }
                said.push((to, message));
            }
        }
        said
    }

    fn record(&self) -> broadcast::Member {
        self.record
    }
}

/// Runs the code of a broadcast, once for each seed; gives how many states of the model it was in.
///
/// # Errors
/// The code is in a state that the model does not reach.
pub fn broadcast(
    model: &broadcast::Broadcast,
    space: &Space<broadcast::State>,
    seeds: Range<u64>,
) -> Result<usize, Violation> {
    let committee = four()?;
    let keyrings = Keyring::for_tests(committee.n(), 1);
    let sender = if model.honest { PartyId::new(0) } else { LIAR };
    let tag = Tag::root(&[9; 32], 0).child("broadcast");
    let instance = |keyring: &Arc<Keyring>| {
        Rbc::new(Arc::clone(keyring), sender, tag, Mode::Short { limit: 64 })
    };
    let payloads = [0u8, 1].map(|byte| Bytes::from(vec![byte]));
    // Both payloads with the sender's signature, and their digests.
    let sent = payloads.clone().map(|payload| {
        let mut out = Said(Vec::new());
        let keyring = keyrings.get(sender.index());
        let sending = keyring.map(|keyring| instance(keyring).broadcast(payload, &mut out));
        debug_assert!(matches!(sending, Some(Ok(()))), "the sender may broadcast");
        out.0
    });
    let sent: Vec<rbc::Message> = sent.into_iter().flatten().map(|(_, message)| message).collect();
    let digest = |send: &rbc::Message| {
        let mut out = Said(Vec::new());
        let keyring = keyrings.first()?;
        instance(keyring).handle(sender, send.clone(), &mut out);
        out.0.into_iter().find_map(|(_, message)| match message {
            rbc::Message::Echo(digest) => Some(digest),
            _ => None,
        })
    };
    let digests: Vec<Digest> = sent.iter().filter_map(digest).collect();
    let [no, yes] = digests[..] else { return Err(unusable("the code echoes nothing")) };
    let [no_payload, yes_payload] = payloads;
    let payloads = [(no, no_payload), (yes, yes_payload)];
    let mut lies: Vec<rbc::Message> =
        digests.iter().flat_map(|d| [rbc::Message::Echo(*d), rbc::Message::Ready(*d)]).collect();
    lies.extend(payloads.iter().map(|(_, payload)| rbc::Message::Payload(payload.clone())));
    if !model.honest {
        lies.extend(sent.iter().cycle().take(6).cloned());
    }
    let mut visited = BTreeSet::new();
    for seed in seeds {
        let mut rng = Rng::seed_from_u64(seed);
        let member = |(me, keyring): (PartyId, &Arc<Keyring>)| InBroadcast {
            rbc: instance(keyring),
            me,
            payloads: payloads.clone(),
            record: broadcast::Member::default(),
        };
        let mut members: Vec<InBroadcast> =
            committee.parties().zip(&keyrings).take(HONEST).map(member).collect();
        let mut first = Vec::new();
        if let (true, Some(member), Some(send)) = (model.honest, members.first_mut(), sent.first())
        {
            first.push((sender, Recipient::All, send.clone()));
            let said = member.hear(sender, send.clone());
            first.extend(said.into_iter().map(|(to, message)| (sender, to, message)));
        }
        caught_in(&format!("{}, seed {seed}", model.name()), || {
            play(&mut members, first, &lies, &mut rng, |records| {
                expect(model, space, &mut visited, records.try_into().ok(), seed)
            })
        })?;
    }
    Ok(visited.len())
}

fn four() -> Result<Committee, Violation> {
    Committee::new(HONEST + 1).map_err(|error| unusable(&error.to_string()))
}

fn unusable(what: &str) -> Violation {
    Violation { time: 0, checker: "exhaustive", what: what.into() }
}
