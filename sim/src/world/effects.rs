//! Executes what a party wants done, in order.

use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::life;
use quorate_protocol::fault::{DecisionFault, Fault, FaultKind};
use quorate_protocol::party::frame::decode_frame;
use quorate_protocol::party::{
    Answer, Class, Effect, Event, Message, Notice, RealSuite, Refusal, RequestId, When,
};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::wire;
use rand::RngExt;

use super::actor::ActorId;
use super::member::EPOCH;
use super::{Asker, Frame, Happening, UTC_BASE, World};
use crate::Wire;
use crate::adversary::Letter;
use crate::checker::What;
use crate::schedule::MILLI;

/// One frame in so many is encoded and decoded.
const SAMPLE: u32 = 16;

impl World {
    /// Lets something happen to an actor, and sends what it says.
    pub(super) fn step(&mut self, actor: ActorId, event: Event<RealSuite>) {
        self.tick(actor, event);
        self.flush(actor);
    }

    /// Lets something happen to an actor; what it says waits for the end of the tick.
    pub(super) fn tick(&mut self, actor: ActorId, event: Event<RealSuite>) {
        let member = &mut self.members[actor.party];
        let Some(party) = member.actor(actor).and_then(|actor| actor.party.as_mut()) else {
            return;
        };
        let effects = party.step(event);
        member.steps += 1;
        let killed = self.killed(actor.party);
        let most = killed.map_or(usize::MAX, |restart| restart.effects);
        for effect in effects.into_iter().take(most) {
            self.execute(actor, effect);
        }
        if let Some(restart) = killed {
            self.flush(actor);
            self.kill(restart);
        }
    }

    fn execute(&mut self, actor: ActorId, effect: Effect<RealSuite>) {
        let now = self.pending.now();
        let life = self.members[actor.party].life;
        match effect {
            Effect::Persist(records) => {
                if let Some(actor) = self.members[actor.party].actor(actor) {
                    actor.persist(records);
                }
            }
            Effect::Send { to, message } => self.say(actor, to, message),
            Effect::SetTimer { token, when } => {
                let time = match when {
                    When::After(duration) => {
                        now.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
                    }
                    When::AtUtc(ms) => ms.saturating_sub(UTC_BASE).saturating_mul(MILLI),
                };
                self.pending.at(time, Happening::Timer(actor, life, token));
            }
            Effect::Work(job) => {
                let done = Happening::Done(actor, life, job());
                self.pending.work(done, &mut self.rng);
            }
            Effect::Fault(fault) => self.on_fault(actor.party, &fault),
            Effect::Answer { request, answer } => self.on_answer(actor, request, answer),
            Effect::Notify(notice) => self.on_notice(actor, &notice),
        }
    }

    /// Something is said: honestly as it is, else as it is rewritten for each recipient.
    fn say(&mut self, actor: ActorId, to: Recipient, message: Wire) {
        let by = actor.party;
        if self.ghost.honest(by) {
            self.observe(What::Said { by, to, message: &message });
        }
        if !self.members[by].is_wrapped() {
            if let Some(actor) = self.members[by].actor(actor) {
                actor.outgoing.push(to, message);
            }
            return;
        }
        let peers: Vec<PartyId> = match to {
            Recipient::One(peer) => vec![peer],
            Recipient::All => self.plan.committee.parties().filter(|p| *p != by).collect(),
        };
        for (i, to) in peers.into_iter().enumerate() {
            let letter = Letter { to, inner: i > 0, message: message.clone() };
            let rewritten = self.members[by].rewrite(letter, &mut self.rng);
            for said in rewritten {
                // What twins say is not all one party's, so it is not followed.
                if self.members[by].actors.len() == 1 && is_lie(&message, &said) {
                    self.observe(What::Lied { by, to, message: &said });
                }
                if let Some(actor) = self.members[by].actor(actor) {
                    actor.outgoing.push(Recipient::One(to), said);
                }
            }
        }
    }

    /// Ends a tick: what was said goes out, a frame for each peer and stream.
    pub(super) fn flush(&mut self, actor: ActorId) {
        let from = actor.party;
        for to in self.plan.committee.parties().filter(|to| *to != from) {
            for class in [Class::Decision, Class::Bulk] {
                let Some(actor) = self.members[from].actor(actor) else { return };
                let outgoing = &mut actor.outgoing;
                let messages = if self.rng.random_ratio(1, SAMPLE) {
                    let frames = outgoing.take(to, class);
                    frames.iter().flat_map(|frame| decoded(frame)).collect()
                } else {
                    outgoing.take_messages(to, class)
                };
                if messages.is_empty() {
                    continue;
                }
                let messages = messages
                    .into_iter()
                    .map(|message| {
                        let size = wire::encode(&message).len() as u64;
                        (message, size)
                    })
                    .collect();
                self.pending.send(from, to, Frame { from, to, messages }, &mut self.rng);
            }
        }
    }

    fn on_fault(&mut self, by: PartyId, fault: &Fault) {
        if !self.ghost.honest(by) {
            return;
        }
        self.trace.line(self.pending.now(), &format_args!("{by} blames {fault}"));
        if fault.kind == FaultKind::Decision(DecisionFault::MalformedVote) {
            self.malformed += 1;
        }
        self.observe(What::Blamed { by, fault });
    }

    fn on_answer(&mut self, actor: ActorId, request: RequestId, answer: Result<Answer, Refusal>) {
        let by = actor.party;
        match (self.requests.remove(&request), answer) {
            (Some(Asker::Vote), Ok(Answer::Voted(receipt))) => {
                self.trace.line(self.pending.now(), &format_args!("{actor} has voted"));
                if self.ghost.honest(by) {
                    let (decision, position) = (receipt.decision, receipt.position);
                    self.observe(What::Voted { by, decision, position });
                }
            }
            (Some(asker), Err(refusal)) => {
                if let Asker::Proposal(number) = asker {
                    self.workload.close(number);
                }
                let line = format!("{actor}: {refusal}");
                self.trace.line(self.pending.now(), &line);
            }
            _ => {}
        }
    }

    fn on_notice(&mut self, actor: ActorId, notice: &Notice) {
        let by = actor.party;
        match notice {
            Notice::Proposed { decision } => self.learns(actor, decision),
            Notice::Ordered { decision, position } => {
                self.learns(actor, decision);
                if self.ghost.honest(by) {
                    let (decision, position) = (*decision, *position);
                    self.observe(What::Ordered { by, decision, position });
                }
            }
            Notice::VoteIn { decision, member } if self.ghost.honest(by) => {
                self.observe(What::VoteIn { by, decision: *decision, member: *member });
            }
            Notice::Signing { pair, message, .. } if self.ghost.honest(by) => {
                self.observe(What::Signed { by, pair: *pair, message: *message });
            }
            Notice::SafetyStop { pair, .. } if self.ghost.honest(by) => {
                self.observe(What::Stopped { by, pair: *pair });
            }
            Notice::Certified { decision, .. } if self.ghost.honest(by) => {
                self.on_certified(by, decision);
            }
            _ => {}
        }
    }

    /// An organisation hears of a proposal, and will vote on it after a while.
    fn learns(&mut self, actor: ActorId, decision: &Digest) {
        if let Some(vote) = self.workload.vote(actor.party, actor.twin, decision) {
            let time = self.pending.now() + vote.after;
            self.pending.at(time, Happening::Vote(actor, *decision, vote));
        }
    }

    fn on_certified(&mut self, by: PartyId, decision: &Digest) {
        let Some(party) = self.party(by) else { return };
        let Some(certificate) = party.certificate(decision) else { return };
        let verifies = certificate.verify(party.verifier()).is_ok();
        let statement = certificate.statement.clone();
        let (position, outcome) = (statement.position, statement.outcome);
        self.trace.line(
            self.pending.now(),
            &format_args!("{by} certified {position}: {outcome} of {}", statement.counted),
        );
        self.decided.entry(*decision).or_insert(outcome == Outcome::Expired);
        if let Some(number) = self.workload.number(decision) {
            self.workload.close(number);
        }
        self.observe(What::Certified { by, statement: &statement, verifies });
    }
}

/// The messages of a frame of ours.
///
/// # Panics
/// If what we encoded is not what we decode: a bug of the encoding.
fn decoded(frame: &[u8]) -> Vec<Wire> {
    let decoded = decode_frame::<RealSuite>(frame, EPOCH).expect("our frames are frames");
    assert_eq!(decoded.skipped, 0, "a message of ours has an encoding");
    decoded.messages
}

/// Whether shares for an opening in a decision were changed.
fn is_lie(meant: &Wire, said: &Wire) -> bool {
    match (meant, said) {
        (
            Message::Decision(_, life::Message::Mask(meant)),
            Message::Decision(_, life::Message::Mask(said)),
        ) => meant != said,
        (
            Message::Decision(_, life::Message::Compute(meant)),
            Message::Decision(_, life::Message::Compute(said)),
        ) => meant != said,
        _ => false,
    }
}
