//! Executes what a party wants done, in order.

use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::{Certificate, Outcome};
use quorate_protocol::decision::life;
use quorate_protocol::fault::{DecisionFault, Fault, FaultKind, SharingFault};
use quorate_protocol::party::epochs::{EpochKeys, EpochsEffect, EpochsEvent, Repeat, Word};
use quorate_protocol::party::frame::decode_frame;
use quorate_protocol::party::{
    Answer, Class, Effect, Message, Notice, RealSuite, Refusal, RequestId, When,
};
use quorate_protocol::protocol::Recipient;
use rand::RngExt;

use super::actor::{Actor, ActorId};
use super::member::FIRST_EPOCH;
use super::{Asker, Frame, Happening, World};
use crate::Wire;
use crate::adversary::Letter;
use crate::checker::{Observation, What};
use crate::schedule::MILLI;
use crate::trace::{Asked, Mark};

/// One frame in so many of an honest member is encoded and decoded.
const SAMPLE: u32 = 16;

impl World {
    /// Lets something happen to an actor, and sends what it says.
    pub(super) fn step(&mut self, actor: ActorId, event: EpochsEvent) {
        self.tick(actor, event);
        self.flush(actor);
    }

    /// Lets something happen to an actor; what it says waits for the end of the tick. Gives back how
    /// many effects it has.
    pub(super) fn tick(&mut self, actor: ActorId, event: EpochsEvent) -> usize {
        let member = &mut self.members[actor.party];
        let Some(party) = member.actor(actor).and_then(|actor| actor.party.as_mut()) else {
            return 0;
        };
        let effects = party.step(event);
        let count = effects.len();
        member.steps += 1;
        for effect in effects {
            if let Some(restart) = self.killed(actor.party) {
                self.flush(actor);
                self.kill(restart);
                break;
            }
            match effect {
                EpochsEffect::Party { epoch, effect } => self.execute(actor, epoch, effect),
                EpochsEffect::Draw => self.draw(actor),
                EpochsEffect::Began(keys) => self.on_began(actor, &keys),
                // No plan replaces a member.
                EpochsEffect::Replaced => {}
                EpochsEffect::Erased { epoch } => self.on_erased(actor, epoch),
            }
            self.members[actor.party].effects += 1;
        }
        count
    }

    /// Random bytes, a moment later.
    fn draw(&mut self, actor: ActorId) {
        let (life, now) = (self.members[actor.party].life, self.pending.now());
        let effects = self.members[actor.party].effects;
        self.trace.at(now, actor, Mark::Draws { effects });
        let entropy = Happening::Entropy(actor, life, self.rng.random());
        self.pending.at(now + self.rng.random_range(0..MILLI), entropy);
    }

    fn execute(&mut self, actor: ActorId, epoch: u64, effect: Effect<RealSuite>) {
        let now = self.pending.now();
        let life = self.members[actor.party].life;
        match effect {
            Effect::Persist(records) => {
                if let Some(actor) = self.members[actor.party].actor(actor) {
                    actor.persist(records);
                }
                self.show_written(actor);
            }
            Effect::Send { to, message } => self.say(actor, epoch, to, message),
            Effect::SetTimer { token, when } => {
                let time = match when {
                    When::After(duration) => {
                        now.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
                    }
                    When::AtUtc(ms) => self.ghost.time_of(actor.party, ms),
                };
                self.pending.at(time, Happening::Timer(actor, life, epoch, token));
            }
            Effect::Work(job) => {
                let done = Happening::Done(actor, life, epoch, Box::new(job()));
                self.pending.work(done, &mut self.rng);
            }
            Effect::SayAgain(to, what) => self.say_again(actor, to, Repeat::of(epoch, what)),
            Effect::Fault(fault) => self.on_fault(actor.party, epoch, &fault),
            Effect::Answer { request, answer } => self.on_answer(actor, request, answer),
            Effect::Notify(notice) => self.on_notice(actor, epoch, &notice),
        }
    }

    /// Says again what was said to a party, as it follows from what was written.
    fn say_again(&mut self, actor: ActorId, to: PartyId, repeat: Repeat) {
        let Some(of) = self.members[actor.party].actor(actor) else { return };
        let restored = self.keys.restored(actor, !of.erased, of.records());
        let words = restored.map(|restored| restored.words_for(to, repeat)).unwrap_or_default();
        for Word { epoch, to: first, message } in words {
            let by = actor.party;
            if self.ghost.honest(by) {
                self.observe(What::Said { by, epoch, to: first, message: &message });
            }
            self.tell(actor, epoch, Recipient::One(to), message);
        }
    }

    /// Something is said: honestly as it is, else as it is rewritten for each recipient.
    fn say(&mut self, actor: ActorId, epoch: u64, to: Recipient, message: Wire) {
        let by = actor.party;
        if self.ghost.honest(by) {
            self.observe(What::Said { by, epoch, to, message: &message });
        }
        self.tell(actor, epoch, to, message);
    }

    /// Puts what is said on its way.
    fn tell(&mut self, actor: ActorId, epoch: u64, to: Recipient, message: Wire) {
        let by = actor.party;
        if self.members[by].corruption.is_honest() {
            if let Some(actor) = self.members[by].actor(actor) {
                actor.say(epoch, to, message);
            }
            return;
        }
        let peers: Vec<PartyId> = match to {
            Recipient::One(peer) => vec![peer],
            Recipient::All => self.plan.committee.parties().filter(|p| *p != by).collect(),
        };
        for (i, to) in peers.into_iter().enumerate() {
            let letter = Letter { to, inner: i > 0, message: message.clone() };
            let rewritten = self.members[by].corruption.rewrite(actor.twin, letter, &mut self.rng);
            for said in rewritten {
                self.note(by, epoch, &said);
                // What twins say is not all one party's, so it is not followed.
                if self.members[by].actors.len() == 1 && is_lie(&message, &said) {
                    self.observe(What::Lied { by, to, message: &said });
                }
                if let Some(actor) = self.members[by].actor(actor) {
                    actor.say(epoch, Recipient::One(to), said);
                }
            }
        }
    }

    /// Ends a tick: what was said goes out, a frame for each epoch, peer and stream.
    pub(super) fn flush(&mut self, actor: ActorId) {
        let from = actor.party;
        let Some(said) = self.members[from].actor(actor).map(Actor::said) else { return };
        for (epoch, mut outgoing) in said {
            for to in self.plan.committee.parties().filter(|to| *to != from) {
                let classes = [Class::Decision, Class::Bulk];
                for (class, prints) in classes.into_iter().zip(&mut self.prints) {
                    // What a Byzantine member says may be nothing that can be read: then nobody hears it.
                    let honest = self.ghost.honest(from);
                    let messages = if self.rng.random_ratio(1, SAMPLE) || !honest {
                        let frames = outgoing.take(to, class);
                        frames.iter().flat_map(|frame| decoded(frame, epoch, honest)).collect()
                    } else {
                        outgoing.take_messages(to, class)
                    };
                    if messages.is_empty() {
                        continue;
                    }
                    let messages = messages.into_iter().enumerate();
                    let printed = |(place, message)| {
                        let print = prints.of(place, &message);
                        (message, print)
                    };
                    let messages = messages.map(printed).collect();
                    let frame = Frame { from, to, epoch, sent: self.pending.now(), messages };
                    self.pending.send(frame, &mut self.rng);
                }
            }
        }
    }

    /// An epoch begins at an actor: what lapsed before is asked again.
    pub(super) fn on_began(&mut self, actor: ActorId, keys: &EpochKeys) {
        let (by, epoch, now) = (actor.party, keys.keys.epoch(), self.pending.now());
        self.trace.at(now, actor, Mark::Begins { epoch });
        if !actor.twin {
            let insider = self.keys.insider(keys);
            self.members[by].corruption.begins(&insider);
            for number in self.workload.lapsed(by) {
                self.pending.at(now, Happening::Ask(number));
            }
        }
        let start = self.party(by).and_then(|party| Some(party.party(epoch)?.begins()));
        if let (true, Some(start)) = (self.ghost.honest(by), start) {
            self.epochs = self.epochs.max(epoch - FIRST_EPOCH);
            self.observe(What::Began { by, keys, start });
        }
    }

    fn on_erased(&mut self, actor: ActorId, epoch: u64) {
        let by = actor.party;
        let effects = self.members[by].effects;
        self.trace.at(self.pending.now(), actor, Mark::Erases { epoch, effects });
        if let Some(actor) = self.members[by].actor(actor) {
            actor.erased |= epoch == FIRST_EPOCH;
        }
        if self.ghost.honest(by) {
            self.observe(What::Erased { by, epoch });
            self.show_store(by);
        }
    }

    /// Shows what an honest party has written down.
    pub(super) fn show_store(&mut self, by: PartyId) {
        let Some(actor) = self.members[by].actors.first_mut() else { return };
        let store = std::mem::take(&mut actor.store);
        self.observe(What::Stored { by, store: &store });
        if let Some(actor) = self.members[by].actors.first_mut() {
            actor.store = store;
        }
    }

    /// Shows who watches, and no checker, what an honest party has just written down.
    fn show_written(&mut self, actor: ActorId) {
        let (by, time) = (actor.party, self.pending.now());
        if let Some(watcher) = &mut self.watcher
            && self.ghost.honest(by)
            && let Some(Actor { store, .. }) = self.members[by].actor(actor)
        {
            let seen = Observation { time, what: What::Stored { by, store } };
            let watched = watcher.check(&self.ghost, &seen);
            debug_assert!(watched.is_ok(), "who watches finds nothing wrong");
        }
    }

    fn on_fault(&mut self, by: PartyId, epoch: u64, fault: &Fault) {
        if !self.ghost.honest(by) {
            return;
        }
        self.trace.at(self.pending.now(), by, Mark::Blames(fault));
        match fault.kind {
            FaultKind::Decision(DecisionFault::MalformedVote) => self.malformed += 1,
            FaultKind::Sharing(SharingFault::BadDispersal | SharingFault::BadShare) => {
                self.disputes.insert((by, epoch));
            }
            _ => {}
        }
        self.observe(What::Blamed { by, fault });
    }

    fn on_answer(&mut self, actor: ActorId, request: RequestId, answer: Result<Answer, Refusal>) {
        let by = actor.party;
        match (self.requests.remove(&request), answer) {
            (Some(Asker::Vote(_)), Ok(Answer::Voted(receipt))) => {
                let asked = self.workload.asked(&receipt.decision);
                self.trace.at(self.pending.now(), actor, Mark::Voted(asked));
                if self.ghost.honest(by) {
                    let (decision, position) = (receipt.decision, receipt.position);
                    self.observe(What::Voted { by, decision, position });
                }
            }
            (Some(asker), Err(refusal)) => {
                let asked = match asker {
                    Asker::Proposal(number) => Asked(Some(number)),
                    Asker::Vote(asked) => asked,
                };
                match asker {
                    Asker::Proposal(number) if refusal == Refusal::EpochOver => {
                        self.workload.lapse(number, by);
                    }
                    Asker::Proposal(number) => self.workload.close(number),
                    Asker::Vote(_) => {}
                }
                self.trace.at(self.pending.now(), actor, Mark::Refused(asked, &refusal));
            }
            _ => {}
        }
    }

    pub(super) fn on_notice(&mut self, actor: ActorId, epoch: u64, notice: &Notice) {
        let by = actor.party;
        self.mark(actor, notice);
        match notice {
            Notice::Proposed { decision } => self.learns(actor, decision),
            Notice::Ordered { decision, position } => {
                let ordered = &mut self.members[by].ordered;
                *ordered = (*ordered).max(position + 1);
                self.learns(actor, decision);
                if self.ghost.honest(by) {
                    let (decision, position) = (*decision, *position);
                    self.observe(What::Ordered { by, epoch, decision, position });
                }
            }
            Notice::Lapsed { decision } => self.on_lapsed(actor, decision),
            Notice::VoteIn { decision, member } if self.ghost.honest(by) => {
                self.observe(What::VoteIn { by, decision: *decision, member: *member });
            }
            Notice::Refilled { run } if self.ghost.honest(by) => {
                let party = self.party(by).and_then(|party| party.party(epoch));
                if let Some(batch) = party.and_then(|party| party.material(*run)).cloned() {
                    self.observe(What::Refilled { by, epoch, run: *run, batch: &batch });
                }
            }
            Notice::Signing { position, pair, message, .. } if self.ghost.honest(by) => {
                let (position, pair, message) = (*position, *pair, *message);
                self.observe(What::Signed { by, epoch, position, pair, message });
            }
            Notice::SafetyStop { pair, .. } if self.ghost.honest(by) => {
                self.observe(What::Stopped { by, pair: *pair });
            }
            Notice::Certified { decision, .. } if self.ghost.honest(by) => {
                self.on_certified(by, epoch, decision);
            }
            _ => {}
        }
    }

    /// Tells where a decision stands.
    fn mark(&mut self, actor: ActorId, notice: &Notice) {
        let effects = self.members[actor.party].effects;
        let asked = |decision| self.workload.asked(decision);
        let mark = match notice {
            Notice::Proposed { decision } => Mark::Hears(asked(decision)),
            Notice::Ordered { decision, position } => Mark::Ordered(asked(decision), *position),
            Notice::Sealed { decision } => Mark::Sealed(asked(decision)),
            Notice::Computing { decision } => Mark::Computes(asked(decision)),
            Notice::Signing { decision, .. } => Mark::Signs { question: asked(decision), effects },
            Notice::Certified { decision, .. } => {
                Mark::Certifies { question: asked(decision), effects }
            }
            Notice::Lapsed { decision } => Mark::Lapses(asked(decision)),
            _ => return,
        };
        self.trace.at(self.pending.now(), actor, mark);
    }

    /// A proposal had no position when its epoch ended. Its proposer asks again in the next one.
    fn on_lapsed(&mut self, actor: ActorId, decision: &Digest) {
        let by = actor.party;
        let proposer = self.ghost.questions.get(decision).map(|asked| asked.proposer);
        if let (Some(number), true) = (self.workload.number(decision), proposer == Some(by)) {
            self.workload.lapse(number, by);
            self.lapsed += 1;
        }
        if self.ghost.honest(by) {
            self.observe(What::Lapsed { by, decision: *decision });
        }
    }

    /// An organisation hears of a proposal, and will vote on it after a while.
    fn learns(&mut self, actor: ActorId, decision: &Digest) {
        if let Some(vote) = self.workload.vote(actor.party, actor.twin, decision) {
            let time = self.pending.now() + vote.after;
            self.pending.at(time, Happening::Vote(actor, *decision, vote));
        }
    }

    fn on_certified(&mut self, by: PartyId, epoch: u64, decision: &Digest) {
        let Some(party) = self.party(by) else { return };
        let Some(certificate) = party.certificate(decision).cloned() else { return };
        let verifies = certificate.verify(&self.keys.verifier(epoch)).is_ok();
        let Certificate { statement, signature, .. } = &certificate;
        let (position, outcome, counted) =
            (statement.position, statement.outcome, statement.counted);
        let question = self.workload.asked(decision);
        let mark = Mark::Certified { question, position, outcome, counted };
        self.trace.at(self.pending.now(), by, mark);
        self.decided.entry(*decision).or_insert(outcome == Outcome::Expired);
        if let Some(number) = self.workload.number(decision) {
            self.workload.decided(number);
        }
        let signature = &signature.to_bytes();
        let bytes = &certificate.to_bytes();
        self.observe(What::Certified { by, statement, signature, bytes, verifies });
    }
}

/// The messages of a frame of ours. What a Byzantine member makes up may be nothing that can be read.
///
/// # Panics
/// If what an honest member encoded is not what we decode: a bug of the encoding.
fn decoded(frame: &[u8], epoch: u64, honest: bool) -> Vec<Wire> {
    let decoded = decode_frame::<RealSuite>(frame, epoch).expect("our frames are frames");
    assert!(decoded.skipped == 0 || !honest, "a message of ours has an encoding");
    decoded.messages
}

/// Whether shares for an opening in a decision were changed. Shares of another opening, said once
/// more, are none that were changed.
fn is_lie(meant: &Wire, said: &Wire) -> bool {
    let (Message::Decision(at, meant), Message::Decision(position, said)) = (meant, said) else {
        return false;
    };
    match (meant, said) {
        _ if at != position => false,
        (life::Message::Mask(meant), life::Message::Mask(said)) => meant != said,
        (life::Message::Compute(meant), life::Message::Compute(said)) => {
            meant.round == said.round && meant != said
        }
        _ => false,
    }
}
