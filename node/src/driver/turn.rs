//! The loop: select an event, let the party handle it, run the effects.

mod status;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::proposal::DecisionId;
use quorate_protocol::fault::FaultKind;
use quorate_protocol::frame::FrameError;
use quorate_protocol::party::epochs::{EpochKeys, Epochs, EpochsEffect, EpochsEvent, Repeat, Word};
use quorate_protocol::party::{
    Answer, Class, Done, Effect, Event, MessageOf, Notice, RealSuite, Receipt, Refusal, RequestId,
    TimerToken,
};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::secret::Secret;
use quorate_protocol::{Fault, PartyId, wire};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::NodeError;
use super::faults::FaultLog;
use super::handle::{Call, CallError, Reply};
use super::inbox::{Inbox, Next, SLICE};
use super::jobs::Jobs;
use super::keeper::{Keeper, KeyChange, replaced_by};
use super::repeats::{Repeats, Words};
use super::tick::{Held, Tick};
use super::timers::Timers;
use crate::ceremony::serve::Serving;
use crate::metrics::{Counted, Observer};
use crate::net::{Inbound, Incoming, LinkEvent, Links, Topic};
use crate::roster::Network;
use crate::store::Journal;

type Message = MessageOf<RealSuite>;

/// What a job or a timer of an epoch comes back with.
type InEpoch<T> = (u64, T);

/// How long a turn goes on with frames of decisions, so that what they lead to leaves soon.
const DECISIONS_PER_TURN: Duration = Duration::from_millis(4);

/// How long a turn goes on with bulk frames while nothing more urgent has come.
const BULK_PER_TURN: Duration = Duration::from_millis(1);

/// What the driver is made from.
pub(super) struct Parts {
    pub party: Epochs,
    pub keeper: Keeper,
    pub network: Arc<Network>,
    pub links: Links,
    pub serving: Option<Serving>,
    pub incoming: Incoming,
    pub journal: Journal,
    pub calls: mpsc::Receiver<Call>,
    pub notices: broadcast::Sender<Notice>,
    pub cancel: CancellationToken,
    /// The data directory was found to be an older copy when the node ran last.
    pub older: bool,
}

/// Runs one party.
pub(super) struct Driver {
    party: Epochs,
    keeper: Keeper,
    network: Arc<Network>,
    links: Links,
    incoming: Incoming,
    inbox: Inbox,
    journal: Journal,
    calls: mpsc::Receiver<Call>,
    notices: broadcast::Sender<Notice>,
    cancel: CancellationToken,
    timers: Timers<InEpoch<TimerToken>>,
    jobs: Jobs<InEpoch<Done<RealSuite>>>,
    repeats: Repeats,
    serving: Option<Serving>,
    faults: FaultLog,
    requests: BTreeMap<RequestId, Waiting>,
    next_request: u64,
    tick: Tick<RealSuite>,
    /// Number of the last batch that was given to the journal.
    appended: u64,
    held: Held<RealSuite>,
    observer: Observer,
    started: Instant,
    /// Whose seat has another member, to which there are no links yet.
    cut: Option<PartyId>,
    /// Our seat has another member.
    out: bool,
    /// The data directory is an older copy, and what may be lost is not marked: nothing is said.
    doubted: bool,
    /// It was one when the node ran last.
    older: bool,
}

/// Who waits for the answer to a request.
enum Waiting {
    Propose(Reply<Result<Digest, CallError>>),
    Vote(Reply<Result<Receipt, CallError>>),
}

/// What woke the driver up.
enum Woken {
    Cancelled,
    Durable(u64),
    Frame(Class, Inbound),
    /// Frames may be handled.
    Due,
    Call(Call),
    Done(InEpoch<Done<RealSuite>>),
    Timer,
    Announcement(crate::net::Announcement),
    Link(LinkEvent),
    Words(Words),
}

impl Driver {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            party,
            keeper,
            network,
            links,
            serving,
            incoming,
            journal,
            calls,
            notices,
            cancel,
            older,
        } = parts;
        let tick = Tick::new(party.committee(), party.me());
        let inbox = Inbox::new(party.committee().parties());
        Self {
            party,
            keeper,
            network,
            links,
            serving,
            incoming,
            inbox,
            journal,
            calls,
            notices,
            cancel,
            timers: Timers::new(),
            jobs: Jobs::new(),
            repeats: Repeats::default(),
            faults: FaultLog::default(),
            requests: BTreeMap::new(),
            next_request: 0,
            tick,
            appended: 0,
            held: Held::new(),
            observer: Observer::default(),
            started: Instant::now(),
            cut: None,
            out: false,
            doubted: false,
            older,
        }
    }

    /// What it counts.
    pub(super) fn counted(&self) -> Counted {
        self.observer.counted()
    }

    /// Runs until it is cancelled or something fails that it cannot go on without.
    pub(super) async fn run(mut self) -> Result<(), NodeError> {
        let result = self.turns().await;
        // What the journal holds is written; what has not left stays unsaid, as after a crash.
        self.journal.close().await;
        self.links.close().await;
        if let Some(serving) = self.serving.take() {
            serving.close().await;
        }
        result
    }

    async fn turns(&mut self) -> Result<(), NodeError> {
        self.step(EpochsEvent::Start);
        loop {
            self.end_turn()?;
            if self.out {
                return Err(NodeError::Replaced(replaced_by(&self.party)));
            }
            match self.woken().await? {
                Woken::Cancelled => return Ok(()),
                Woken::Durable(batch) => {
                    self.held.reached(batch);
                    self.observer.durable(batch, Instant::now().into_std());
                }
                Woken::Frame(class, inbound) => self.inbox.push(class, inbound),
                Woken::Due => {}
                Woken::Call(call) => self.on_call(call),
                Woken::Done((epoch, done)) => {
                    self.step(EpochsEvent::Party { epoch, event: Event::Done(done) });
                }
                Woken::Timer => {
                    for (epoch, token) in self.timers.due() {
                        self.step(EpochsEvent::Party { epoch, event: Event::Timer(token) });
                    }
                }
                Woken::Link(event) => self.on_link(event)?,
                Woken::Words(Words { to, words }) => {
                    for Word { epoch, message, .. } in words {
                        self.tick.send(epoch, Recipient::One(to), message);
                    }
                }
                Woken::Announcement(announcement) => {
                    let from = self.name(announcement.from);
                    tracing::trace!(member = from, topic = ?announcement.topic, "announced");
                }
            }
            self.take_what_waits();
            self.repeats.start(&self.journal, &self.party);
        }
    }

    /// Waits for something to happen. Frames come last: some come all the time.
    async fn woken(&mut self) -> Result<Woken, NodeError> {
        let at = |at: Option<Instant>| async move {
            match at {
                Some(at) if at <= Instant::now() => {}
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let (timer, due) = (at(self.timers.next()), at(self.inbox.due()));
        let gone = || NodeError::Driver("the network has stopped");
        Ok(tokio::select! {
            biased;
            () = self.cancel.cancelled() => Woken::Cancelled,
            durable = self.journal.durable() => Woken::Durable(durable?),
            Some(call) = self.calls.recv() => Woken::Call(call),
            done = self.jobs.next() => {
                Woken::Done(done.map_err(|_| NodeError::Driver("a job has panicked"))?)
            }
            words = self.repeats.next() => Woken::Words(words),
            () = timer => Woken::Timer,
            Some(event) = self.incoming.events.recv() => Woken::Link(event),
            Some(announcement) = self.incoming.announcements.recv() => {
                Woken::Announcement(announcement)
            }
            () = due => Woken::Due,
            frame = self.incoming.decision.recv() => {
                Woken::Frame(Class::Decision, frame.ok_or_else(gone)?)
            }
            frame = self.incoming.bulk.recv() => {
                Woken::Frame(Class::Bulk, frame.ok_or_else(gone)?)
            }
        })
    }

    /// Sorts in the frames that have come. The links bound how many there are.
    fn sort_in(&mut self) {
        while let Ok(inbound) = self.incoming.decision.try_recv() {
            self.inbox.push(Class::Decision, inbound);
        }
        while let Ok(inbound) = self.incoming.bulk.try_recv() {
            self.inbox.push(Class::Bulk, inbound);
        }
    }

    /// Handles the frames that have come meanwhile, so that the answers travel together.
    fn take_what_waits(&mut self) {
        let begun = Instant::now();
        loop {
            self.sort_in();
            let now = Instant::now();
            let decision = (now < begun + DECISIONS_PER_TURN)
                .then(|| self.inbox.next(Class::Decision, now))
                .flatten();
            let next = match decision {
                None if now < begun + BULK_PER_TURN => self.inbox.next(Class::Bulk, now),
                decision => decision,
            };
            match next {
                Some(next) => self.on_next(next, now),
                None => return,
            }
        }
    }

    fn on_next(&mut self, next: Next, begun: Instant) {
        let mut work = match next {
            Next::Work(work) => work,
            Next::Unreadable(from, error, taken) => {
                match error {
                    FrameError::Malformed => {
                        self.on_fault(&Fault { party: from, kind: FaultKind::Undecodable });
                    }
                    error => tracing::debug!(member = self.name(from), "not read: {error}"),
                }
                self.tick.taken.push(taken);
                return;
            }
        };
        let (from, epoch) = (work.from, work.reader.epoch());
        let mut now = begun;
        let is_done = loop {
            match work.reader.message::<Message>() {
                None => break true,
                Some(None) => {
                    tracing::debug!(member = self.name(from), "a message of a later version");
                }
                Some(Some(message)) => {
                    tracing::trace!(from = %from, "{message}");
                    // The links to a seat may still be those of the member before.
                    if self.cut != Some(from) {
                        self.step(EpochsEvent::Message { from, epoch, message });
                    }
                }
            }
            now = Instant::now();
            if now >= begun + SLICE {
                break false;
            }
        };
        self.inbox.charge(from, now.duration_since(begun), now);
        if is_done {
            self.tick.taken.push(work.taken);
        } else {
            self.inbox.put_back(work);
        }
    }

    fn on_call(&mut self, call: Call) {
        match call {
            // It would be forgotten.
            Call::Propose(.., reply) if self.doubted => {
                let _ = reply.send(Err(Refusal::Returning.into()));
            }
            Call::Vote(.., reply) if self.doubted => {
                let _ = reply.send(Err(Refusal::Returning.into()));
            }
            Call::Propose(proposal, _, reply)
                if proposal.renewal.is_some() && self.keeper.is_ceremony_open() =>
            {
                let _ = reply.send(Err(CallError::CeremonyOpen));
            }
            Call::Propose(proposal, document, reply) => {
                let request = self.request(Waiting::Propose(reply));
                self.step(EpochsEvent::Here(Event::Propose { request, proposal, document }));
            }
            // Whatever the vote: so that it is not accepted before all have their keys.
            Call::Vote(decision, _, reply)
                if self.keeper.is_ceremony_open()
                    && self
                        .party
                        .decision(&decision)
                        .is_some_and(|d| d.proposal.renewal.is_some()) =>
            {
                let _ = reply.send(Err(CallError::CeremonyOpen));
            }
            // Nobody can come in with keys or addresses of another.
            Call::Vote(decision, _, reply) if let Some(why) = self.misfit(&decision) => {
                let _ = reply.send(Err(CallError::Misfit(why)));
            }
            Call::Vote(decision, value, reply) => {
                let request = self.request(Waiting::Vote(reply));
                self.step(EpochsEvent::Here(Event::Vote { request, decision, value }));
            }
            // Who asked may have gone away meanwhile.
            Call::Decisions(reply) => drop(reply.send(self.party.decisions())),
            Call::Decision(digest, reply) => drop(reply.send(self.party.decision(&digest))),
            Call::Standing(digest, reply) => drop(reply.send(self.standing(&digest))),
            Call::Certificate(digest, reply) => {
                drop(reply.send(self.party.certificate(&digest).cloned()));
            }
            Call::Document(digest, reply) => {
                drop(reply.send(self.party.document(&digest).cloned()));
            }
            Call::DocumentSignature(digest, reply) => {
                let _ = reply.send(self.party.document_signature(&digest).copied());
            }
            Call::Evidence(reply) => drop(reply.send(self.party.evidence().cloned().collect())),
            Call::Status(reply) => drop(reply.send(self.status())),
        }
    }

    fn on_link(&mut self, event: LinkEvent) -> Result<(), NodeError> {
        match event {
            LinkEvent::Behind { party, lane } => {
                self.repeats.ask(party, Repeat::ALL);
                self.step(EpochsEvent::Missed);
                tracing::info!(
                    member = self.name(party),
                    ?lane,
                    "was away too long for some frames"
                );
            }
            LinkEvent::Restarted { party, .. } => {
                tracing::info!(member = self.name(party), "has started anew");
            }
            LinkEvent::OtherLives => {
                self.keeper.refuse_starts()?;
                return Err(NodeError::OtherLives);
            }
            LinkEvent::Older { than } => {
                self.keeper.note_older(than)?;
                if !std::mem::replace(&mut self.doubted, true) {
                    tracing::warn!(
                        "this node was started on another copy of its data directory since this one \
                         was made: it says nothing until it is clear that no other one runs"
                    );
                }
            }
            LinkEvent::NoneLives => return Err(NodeError::Older),
        }
        Ok(())
    }

    /// Why the member that a proposal brings in cannot come in, if it cannot.
    fn misfit(&self, decision: &Digest) -> Option<String> {
        let view = self.party.decision(decision)?;
        let new = view.proposal.renewal.replacement()?;
        self.network.check_replacement(new).err().map(|error| error.to_string())
    }

    fn request(&mut self, waiting: Waiting) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.requests.insert(request, waiting);
        request
    }

    fn step(&mut self, event: EpochsEvent) {
        let mut effects = VecDeque::from(self.party.step(event));
        while let Some(effect) = effects.pop_front() {
            match effect {
                EpochsEffect::Party { epoch, effect } => self.execute(epoch, effect),
                EpochsEffect::Draw => {
                    let entropy = EpochsEvent::Entropy(Secret::new(rand::random()));
                    effects.extend(self.party.step(entropy));
                }
                EpochsEffect::Began(keys) => self.on_began(&keys),
                EpochsEffect::Replaced => self.out = true,
                EpochsEffect::Erased { epoch } => self.tick.keys.push(KeyChange::Erased(epoch)),
            }
        }
    }

    fn execute(&mut self, epoch: u64, effect: Effect<RealSuite>) {
        match effect {
            Effect::Persist(records) => self.tick.records.extend(records),
            Effect::Send { to, message } => self.tick.send(epoch, to, message),
            Effect::SetTimer { token, when } => self.timers.set((epoch, token), when),
            Effect::Work(job) => self.jobs.start(Box::new(move || (epoch, job()))),
            Effect::SayAgain(to, what) => self.repeats.ask(to, Repeat::of(epoch, what)),
            Effect::Fault(fault) => self.on_fault(&fault),
            Effect::Answer { request, answer } => self.tick.answers.push((request, answer)),
            Effect::Notify(notice) => self.tick.notices.push(notice),
        }
    }

    fn on_began(&mut self, keys: &EpochKeys) {
        let epoch = keys.keys.epoch();
        let new = self.party.replaced().find(|(from, _)| *from == epoch);
        if let Some(new) = new.and_then(|(_, c)| c.proposal.renewal.replacement()) {
            tracing::info!(member = self.name(new.seat), "has been replaced");
            self.cut = Some(new.seat);
        }
        tracing::info!(epoch, "the keys are refreshed: a new epoch has begun");
        self.tick.keys.push(KeyChange::Began(epoch));
    }

    fn on_fault(&mut self, fault: &Fault) {
        let member = self.network.member(fault.party);
        let name = member.map_or("a stranger", |member| &member.name);
        self.faults.add(fault, name);
    }

    /// Hands the turn's records to the journal, and lets go of what may leave.
    fn end_turn(&mut self) -> Result<(), NodeError> {
        let next = Tick::new(self.party.committee(), self.party.me());
        let mut tick = std::mem::replace(&mut self.tick, next);
        let records = std::mem::take(&mut tick.records);
        if !records.is_empty() {
            self.appended = self.journal.append(records)?;
            self.observer.handed_over(self.appended, Instant::now().into_std());
        }
        self.held.push(self.appended, tick);
        while let Some(tick) = self.held.pop() {
            self.let_go(tick)?;
        }
        Ok(())
    }

    fn let_go(&mut self, tick: Tick<RealSuite>) -> Result<(), NodeError> {
        let Tick { mut outgoing, answers, notices, taken, keys, .. } = tick;
        for change in keys {
            if self.keeper.follow(change, &self.party)?
                && let Some(serving) = self.serving.take()
            {
                tokio::spawn(serving.close());
            }
            // All that this epoch began with is durable, and so the next start has the right links.
            if self.cut.is_some() && change == KeyChange::Began(self.party.epoch()) {
                return Err(NodeError::NewMember);
            }
        }
        let me = self.party.me();
        for peer in self.party.committee().parties().filter(|peer| *peer != me) {
            for class in [Class::Decision, Class::Bulk] {
                for frame in outgoing.values_mut().flat_map(|epoch| epoch.take(peer, class)) {
                    self.links.send(peer, class, frame);
                }
            }
        }
        for (request, answer) in answers {
            self.answer(request, answer);
        }
        for notice in notices {
            self.on_notice(notice);
        }
        for taken in taken {
            taken.done();
        }
        Ok(())
    }

    fn answer(&mut self, request: RequestId, answer: Result<Answer, Refusal>) {
        match (self.requests.remove(&request), answer) {
            (Some(Waiting::Propose(reply)), Ok(Answer::Proposed { decision })) => {
                let _ = reply.send(Ok(decision));
            }
            (Some(Waiting::Propose(reply)), Err(refusal)) => {
                let _ = reply.send(Err(refusal.into()));
            }
            (Some(Waiting::Vote(reply)), Ok(Answer::Voted(receipt))) => {
                let _ = reply.send(Ok(receipt));
            }
            (Some(Waiting::Vote(reply)), Err(refusal)) => {
                let _ = reply.send(Err(refusal.into()));
            }
            // The reply is dropped, so whoever waits is told that nothing comes.
            (_, answer) => tracing::error!(?request, ?answer, "an answer that nobody asked for"),
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        self.observer.notice(&notice, Instant::now().into_std());
        match &notice {
            Notice::Proposed { decision } => {
                tracing::info!(decision = %DecisionId::of(decision), "proposed");
                self.announce_proposal(decision);
            }
            Notice::Certified { decision, position } => {
                tracing::info!(decision = %DecisionId::of(decision), position, "certified");
                if let Some(certificate) = self.party.certificate(decision) {
                    let statement = &certificate.statement;
                    self.observer.certified(statement.outcome, statement.counted, &self.network);
                    self.links.announce(Topic::Certificates, certificate.to_bytes());
                }
            }
            Notice::Evidence { member, charge } => {
                let name = self.name(*member);
                tracing::warn!(member = name, "{name} {charge}: see quorate evidence list");
            }
            Notice::SafetyStop { decision, position, pair } => tracing::error!(
                decision = %DecisionId::of(decision), position, pair,
                "a nonce pair was to sign a second message: nothing was signed; report this"
            ),
            other => tracing::debug!("{other:?}"),
        }
        // An error only says that nobody listens.
        let _ = self.notices.send(notice);
    }

    /// Its proposer announces a proposal.
    fn announce_proposal(&self, decision: &Digest) {
        if let Some(view) = self.party.decision(decision)
            && view.proposer == self.party.me()
        {
            self.links.announce(Topic::Proposals, wire::encode(&view.proposal));
        }
    }

    fn name(&self, party: PartyId) -> &str {
        self.network.member(party).map_or("a stranger", |member| &member.name)
    }
}
