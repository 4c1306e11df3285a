//! All parties of one protocol instance, and the messages between them: a whole network's worth of
//! disorder for a single protocol, a thousand times as fast.
//!
//! Liars run the protocol, too; what they have to say is replaced by what a campaign makes of it, for
//! each recipient apart. Everything honest arrives in the end.

use std::collections::VecDeque;

use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};
use quorate_protocol::fault::Fault;
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use rand::RngExt;

use super::campaign::{Verdict, fails};
use crate::Rng;

/// Deliveries after which a run is taken for endless.
const MOST: usize = 60_000;

/// In which order messages arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Any.
    Random,
    /// The newest first.
    Newest,
    /// Any, but what goes to one party only when nothing else is left.
    Late(PartyId),
    /// Any, but what comes from one party only when nothing else is left.
    Slow(PartyId),
}

impl Order {
    /// Any of these.
    pub(super) fn draw(committee: Committee, rng: &mut Rng) -> Self {
        let party = crate::draw::draw_party(committee, rng);
        match rng.random_range(0..6) {
            0 => Self::Newest,
            1 | 2 => Self::Late(party),
            3 => Self::Slow(party),
            _ => Self::Random,
        }
    }
}

/// A message in flight.
pub(super) struct Letter<M> {
    /// Who sent it.
    pub(super) from: PartyId,
    /// Who gets it.
    pub(super) to: PartyId,
    /// What it says.
    pub(super) message: M,
}

/// What a liar sends to one party in place of a message.
pub(super) type Lie<'a, M> = Box<dyn FnMut(PartyId, PartyId, M, &mut Rng) -> Vec<M> + 'a>;

/// An input, given when so many messages were delivered, or none is left.
pub(super) type Input<'a, P> = Box<
    dyn FnOnce(&mut P, &mut dyn Outbox<<P as Protocol>::Message>) -> Option<<P as Protocol>::Output>
        + 'a,
>;

/// Looks at every message that a party handles, and at what the party says to it.
pub(super) type Watch<'a, M> =
    Box<dyn FnMut(PartyId, PartyId, &M, &[(Recipient, M)]) -> Verdict + 'a>;

/// The network.
pub(super) struct Net<'a, P: Protocol> {
    pub(super) committee: Committee,
    pub(super) parties: PartyMap<P>,
    /// What each party gave.
    pub(super) outputs: PartyMap<Option<P::Output>>,
    /// Everything blamed: by whom, and what.
    pub(super) faults: Vec<(PartyId, Fault)>,
    pub(super) flight: Vec<Letter<P::Message>>,
    inputs: Vec<(usize, PartyId, Input<'a, P>)>,
    delivered: usize,
    liars: PartySet,
    order: Order,
    lie: Lie<'a, P::Message>,
    watch: Option<Watch<'a, P::Message>>,
    pub(super) rng: Rng,
}

/// Keeps everything.
pub(super) struct Collected<M> {
    pub(super) sent: Vec<(Recipient, M)>,
    faults: Vec<Fault>,
    jobs: Vec<Job<M>>,
}

impl<M> Default for Collected<M> {
    fn default() -> Self {
        Self { sent: Vec::new(), faults: Vec::new(), jobs: Vec::new() }
    }
}

impl<M> Collected<M> {
    /// The results of all work.
    pub(super) fn work(self) -> Vec<M> {
        self.jobs.into_iter().map(|job| job()).collect()
    }
}

impl<M> Outbox<M> for Collected<M> {
    fn send(&mut self, to: Recipient, message: M) {
        self.sent.push((to, message));
    }
    fn report(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
    fn work(&mut self, job: Job<M>) {
        self.jobs.push(job);
    }
}

impl<'a, P: Protocol> Net<'a, P> {
    /// A network of `make(party)` for each party, in which all are honest.
    pub(super) fn new(committee: Committee, rng: Rng, make: impl FnMut(PartyId) -> P) -> Self {
        let mut rng = rng;
        Self {
            committee,
            parties: PartyMap::from_fn(committee, make),
            outputs: PartyMap::from_fn(committee, |_| None),
            faults: Vec::new(),
            flight: Vec::new(),
            inputs: Vec::new(),
            delivered: 0,
            liars: PartySet::EMPTY,
            order: Order::draw(committee, &mut rng),
            lie: Box::new(|_, _, message, _| vec![message]),
            watch: None,
            rng,
        }
    }

    /// Lets these parties lie.
    pub(super) fn lying(
        mut self,
        liars: impl IntoIterator<Item = PartyId>,
        lie: impl FnMut(PartyId, PartyId, P::Message, &mut Rng) -> Vec<P::Message> + 'a,
    ) -> Self {
        self.liars = liars.into_iter().collect();
        self.lie = Box::new(lie);
        self
    }

    /// Lets `watch` look at every step of an honest party.
    pub(super) fn watched(
        mut self,
        watch: impl FnMut(PartyId, PartyId, &P::Message, &[(Recipient, P::Message)]) -> Verdict + 'a,
    ) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// The honest parties.
    pub(super) fn honest(&self) -> impl Iterator<Item = PartyId> + use<P> {
        self.committee.everyone().difference(self.liars).iter().collect::<Vec<_>>().into_iter()
    }

    /// What the honest parties gave.
    pub(super) fn given(&self) -> Vec<(PartyId, &P::Output)> {
        self.honest().filter_map(|party| Some((party, self.outputs[party].as_ref()?))).collect()
    }

    /// Gives a party an input when so many messages were delivered, or none is left.
    pub(super) fn input(
        &mut self,
        when: usize,
        party: PartyId,
        act: impl FnOnce(&mut P, &mut dyn Outbox<P::Message>) -> Option<P::Output> + 'a,
    ) {
        self.inputs.push((when, party, Box::new(act)));
    }

    /// Gives all inputs, and delivers nothing.
    pub(super) fn begin(&mut self) -> Verdict {
        std::mem::take(&mut self.inputs)
            .into_iter()
            .try_for_each(|(_, party, act)| self.act(party, act))
    }

    /// Delivers until nothing is left.
    pub(super) fn run(&mut self) -> Verdict {
        loop {
            let idle = self.flight.is_empty();
            let due = self.inputs.iter().position(|(when, ..)| idle || *when <= self.delivered);
            if let Some(due) = due {
                let (_, party, act) = self.inputs.remove(due);
                self.act(party, act)?;
                continue;
            }
            let Some(letter) = self.next() else { return self.blameless() };
            self.deliver(letter)?;
            if self.delivered > MOST {
                return fails("bounds", format!("nothing rests after {MOST} messages"));
            }
        }
    }

    fn next(&mut self) -> Option<Letter<P::Message>> {
        if self.flight.is_empty() {
            return None;
        }
        let first = |hurried: Vec<usize>, rng: &mut Rng| match hurried.len() {
            0 => None,
            some => hurried.get(rng.random_range(0..some)).copied(),
        };
        let numbered = || self.flight.iter().enumerate();
        let hurried: Vec<usize> = match self.order {
            Order::Newest => vec![self.flight.len() - 1],
            Order::Random => Vec::new(),
            Order::Late(party) => {
                numbered().filter(|(_, letter)| letter.to != party).map(|(i, _)| i).collect()
            }
            Order::Slow(party) => {
                numbered().filter(|(_, letter)| letter.from != party).map(|(i, _)| i).collect()
            }
        };
        let all = self.flight.len();
        let chosen = first(hurried, &mut self.rng);
        let chosen = chosen.unwrap_or_else(|| self.rng.random_range(0..all));
        Some(self.flight.swap_remove(chosen))
    }

    /// Delivers one message.
    pub(super) fn deliver(&mut self, letter: Letter<P::Message>) -> Verdict {
        let Letter { from, to, message } = letter;
        self.delivered += 1;
        let mut own = VecDeque::new();
        self.step(from, to, message, &mut own)?;
        self.settle(to, own)
    }

    fn act(&mut self, party: PartyId, act: Input<'a, P>) -> Verdict {
        let mut out = Collected::default();
        let output = act(&mut self.parties[party], &mut out);
        self.give(party, output)?;
        let mut own = VecDeque::new();
        self.spread(party, out, &mut own);
        self.settle(party, own)
    }

    fn settle(&mut self, party: PartyId, mut own: VecDeque<P::Message>) -> Verdict {
        while let Some(message) = own.pop_front() {
            self.step(party, party, message, &mut own)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        from: PartyId,
        to: PartyId,
        message: P::Message,
        own: &mut VecDeque<P::Message>,
    ) -> Verdict {
        let mut out = Collected::default();
        let watched = self.watch.is_some() && !self.liars.contains(to);
        let heard = watched.then(|| message.clone());
        let output = self.parties[to].handle(from, message, &mut out);
        if let (Some(heard), Some(watch)) = (heard, &mut self.watch) {
            watch(from, to, &heard, &out.sent)?;
        }
        self.give(to, output)?;
        self.spread(to, out, own);
        Ok(())
    }

    fn give(&mut self, party: PartyId, output: Option<P::Output>) -> Verdict {
        let Some(output) = output else { return Ok(()) };
        if self.outputs[party].replace(output).is_some() && !self.liars.contains(party) {
            return fails("one output", format!("{party} has two outputs"));
        }
        Ok(())
    }

    fn spread(
        &mut self,
        party: PartyId,
        out: Collected<P::Message>,
        own: &mut VecDeque<P::Message>,
    ) {
        if !self.liars.contains(party) {
            self.faults.extend(out.faults.into_iter().map(|fault| (party, fault)));
        }
        for (to, message) in out.sent {
            let all = self.committee.everyone();
            let to = match to {
                Recipient::All => all,
                Recipient::One(to) => [to].into_iter().collect(),
            };
            for to in to.iter() {
                let message = message.clone();
                if to == party {
                    own.push_back(message);
                } else if self.liars.contains(party) {
                    for message in (self.lie)(party, to, message, &mut self.rng) {
                        self.flight.push(Letter { from: party, to, message });
                    }
                } else {
                    self.flight.push(Letter { from: party, to, message });
                }
            }
        }
        own.extend(out.jobs.into_iter().map(|job| job()));
    }

    fn blameless(&self) -> Verdict {
        let wronged = self.faults.iter().find(|(_, fault)| !self.liars.contains(fault.party));
        match wronged {
            Some((by, fault)) => fails("blame", format!("{by} blames an honest party: {fault}")),
            None => Ok(()),
        }
    }

    /// Whether all honest parties gave something, or, unless they must, none did.
    pub(super) fn all_or_none(&self, must: bool) -> Verdict {
        let (given, honest) = (self.given().len(), self.honest().count());
        if given == honest || given == 0 && !must {
            return Ok(());
        }
        fails("termination", format!("{given} of {honest} honest parties have an output"))
    }
}

impl<P: Protocol<Output: PartialEq>> Net<'_, P> {
    /// Whether no two honest parties gave different things.
    pub(super) fn agreed(&self) -> Verdict {
        let given = self.given();
        let Some((one, first)) = given.first() else { return Ok(()) };
        match given.iter().find(|(_, output)| output != first) {
            Some((other, _)) => fails("agreement", format!("{one} and {other} differ")),
            None => Ok(()),
        }
    }
}
