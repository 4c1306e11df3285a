//! A small network for unit tests: any [`Protocol`], a seeded scheduler, hostile parties.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::committee::{Committee, PartyId, PartySet};
use crate::fault::Fault;
use crate::protocol::{Job, Outbox, Protocol, Recipient};

/// An outbox that keeps everything, to assert on. Work is kept, not run.
pub struct Collected<M> {
    /// Messages in order.
    pub sent: Vec<(Recipient, M)>,
    /// Faults in order.
    pub faults: Vec<Fault>,
    /// Jobs in order.
    pub jobs: Vec<Job<M>>,
}

impl<M> Default for Collected<M> {
    fn default() -> Self {
        Self { sent: Vec::new(), faults: Vec::new(), jobs: Vec::new() }
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

/// In which order messages in flight are delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Oldest first.
    Fifo,
    /// Newest first.
    Lifo,
    /// Uniformly at random.
    Random,
}

/// A message in flight.
#[derive(Clone, Debug)]
pub struct InFlight<M> {
    /// Who sent it.
    pub from: PartyId,
    /// Who gets it.
    pub to: PartyId,
    /// What it says.
    pub message: M,
}

/// All parties of one protocol instance and the messages between them. Parties in `byzantine` run
/// no code: what they send is put in with [`Network::inject`].
pub struct Network<P: Protocol> {
    /// The instances, by party; hostile ones too, though they are never called.
    pub parties: Vec<P>,
    /// First output of each party.
    pub outputs: Vec<Option<P::Output>>,
    /// Everything blamed: (by whom, fault).
    pub faults: Vec<(PartyId, Fault)>,
    /// Messages in flight.
    pub flight: VecDeque<InFlight<P::Message>>,
    /// Messages delivered so far.
    pub delivered: usize,
    /// Parties that run no code.
    pub byzantine: PartySet,
    committee: Committee,
    order: Order,
    rng: ChaCha8Rng,
}

impl<P: Protocol> Network<P> {
    /// A network of `make(party)` for each party.
    pub fn new(
        committee: Committee,
        order: Order,
        seed: u64,
        make: impl FnMut(PartyId) -> P,
    ) -> Self {
        let parties: Vec<P> = committee.parties().map(make).collect();
        Self {
            outputs: parties.iter().map(|_| None).collect(),
            parties,
            faults: Vec::new(),
            flight: VecDeque::new(),
            delivered: 0,
            byzantine: PartySet::EMPTY,
            committee,
            order,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Gives `party` an input: `act` may call any of its methods. Its result is returned.
    pub fn act<R>(
        &mut self,
        party: PartyId,
        act: impl FnOnce(&mut P, &mut dyn Outbox<P::Message>) -> R,
    ) -> R {
        let mut out = Collected::default();
        let result = act(&mut self.parties[party.index()], &mut out);
        self.settle(party, out);
        result
    }

    /// Puts a message in flight as if `from` had sent it.
    pub fn inject(&mut self, from: PartyId, to: Recipient, message: P::Message) {
        match to {
            Recipient::One(to) => self.flight.push_back(InFlight { from, to, message }),
            Recipient::All => {
                for to in self.committee.parties() {
                    self.flight.push_back(InFlight { from, to, message: message.clone() });
                }
            }
        }
    }

    /// Delivers until nothing is in flight; panics after `most` deliveries.
    pub fn run(&mut self, most: usize) {
        self.run_filtered(most, |_| true);
    }

    /// Like [`run`](Self::run), but drops the messages for which `keep` is false.
    pub fn run_filtered(
        &mut self,
        most: usize,
        mut keep: impl FnMut(&InFlight<P::Message>) -> bool,
    ) {
        let mut steps = 0;
        while let Some(envelope) = self.next() {
            steps += 1;
            assert!(steps <= most, "no quiescence after {most} deliveries");
            if keep(&envelope) {
                self.deliver(envelope);
            }
        }
    }

    /// Takes the next message in flight, by the network's order.
    pub fn next(&mut self) -> Option<InFlight<P::Message>> {
        match self.order {
            Order::Fifo => self.flight.pop_front(),
            Order::Lifo => self.flight.pop_back(),
            Order::Random if self.flight.is_empty() => None,
            Order::Random => {
                let i = self.rng.random_range(0..self.flight.len());
                self.flight.swap_remove_back(i)
            }
        }
    }

    /// Delivers one message; hostile recipients ignore it.
    pub fn deliver(&mut self, envelope: InFlight<P::Message>) {
        let InFlight { from, to, message } = envelope;
        if self.byzantine.contains(to) {
            return;
        }
        self.delivered += 1;
        let mut out = Collected::default();
        let output = self.parties[to.index()].handle(from, message, &mut out);
        if let Some(output) = output {
            assert!(self.outputs[to.index()].is_none(), "{to} gave two outputs");
            self.outputs[to.index()] = Some(output);
        }
        self.settle(to, out);
    }

    /// The honest parties.
    pub fn honest(&self) -> impl Iterator<Item = PartyId> + use<P> {
        let byzantine = self.byzantine;
        self.committee.parties().filter(move |p| !byzantine.contains(*p))
    }

    /// Asserts that no honest party was blamed.
    pub fn assert_no_honest_blamed(&self) {
        for (by, fault) in &self.faults {
            assert!(self.byzantine.contains(fault.party), "{by} blames an honest party: {fault}");
        }
    }

    /// Puts effects in flight: messages to all but oneself; own ones are handled before returning.
    fn settle(&mut self, party: PartyId, out: Collected<P::Message>) {
        let mut own = VecDeque::new();
        self.spread(party, out, &mut own);
        while let Some(message) = own.pop_front() {
            let mut out = Collected::default();
            let output = self.parties[party.index()].handle(party, message, &mut out);
            if let Some(output) = output {
                assert!(self.outputs[party.index()].is_none(), "{party} gave two outputs");
                self.outputs[party.index()] = Some(output);
            }
            self.spread(party, out, &mut own);
        }
    }

    fn spread(
        &mut self,
        party: PartyId,
        out: Collected<P::Message>,
        own: &mut VecDeque<P::Message>,
    ) {
        self.faults.extend(out.faults.into_iter().map(|fault| (party, fault)));
        for (to, message) in out.sent {
            match to {
                Recipient::One(to) if to == party => own.push_back(message),
                Recipient::One(to) => {
                    self.flight.push_back(InFlight { from: party, to, message });
                }
                Recipient::All => {
                    own.push_back(message.clone());
                    for to in self.committee.parties().filter(|to| *to != party) {
                        self.flight.push_back(InFlight {
                            from: party,
                            to,
                            message: message.clone(),
                        });
                    }
                }
            }
        }
        for job in out.jobs {
            own.push_back(job());
        }
    }
}
