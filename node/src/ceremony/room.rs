//! A member's ceremony at work: pre-flight and key generation over the links, in one loop.
//!
//! # Model
//! The ceremony of the protocol is a deterministic state machine; the room gives it messages and
//! executes its effects, in order. It runs on a thread of its own, since its arithmetic takes long.
//!
//! # A turn
//! - (R1) Wait for the first of: a frame, an order of the operator's, a look at the links.
//! - (R2) Let the ceremony handle it, and the frames that came meanwhile.
//! - (R3) Write the records of the turn, durably. If that fails, the room ends.
//! - (R4) Only then send, acknowledge the frames, and show what is new.
//!
//! # When key generation begins here
//! When the operator has confirmed the check-words, and as many members are ready as the operator
//! wants to wait for; or when `t + 1` others have begun, one of whom is honest. Before that nothing
//! is lost: the ceremony asks for what was said. What was begun once goes on after a restart.

use std::sync::Arc;
use std::time::Duration;

use quorate_protocol::crypto::Keyring;
use quorate_protocol::fault::FaultKind;
use quorate_protocol::frame::{self, FrameError};
use quorate_protocol::keys::KeySet;
use quorate_protocol::keys::ceremony::{
    self, Ceremony, CeremonyConfig, CeremonyEffect, CeremonyEvent, CeremonyProgress,
};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::record::{Record, RestoreError};
use quorate_protocol::secret::Secret;
use quorate_protocol::{Fault, PartyId, PartyMap, PartySet};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::preflight::{Board, Presence, Spoken, Stage};
use crate::cli::time;
use crate::driver::faults::FaultLog;
use crate::net::{Inbound, Lane, Post, Taken};
use crate::roster::Network;
use crate::store::{Store, StoreError};

/// How often the links are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Frames that one turn takes at most.
const FRAMES_PER_TURN: usize = 256;

/// What a room is made from.
pub struct Setting {
    /// The roster.
    pub network: Arc<Network>,
    /// The members' keys, and ours.
    pub keyring: Arc<Keyring>,
    /// The root of our secret choices.
    pub seed: Secret<[u8; 32]>,
    /// What was written down.
    pub store: Store,
    /// How we send.
    pub post: Post,
    /// What others send.
    pub incoming: mpsc::UnboundedReceiver<Inbound>,
    /// How far we are.
    pub stage: Stage,
}

/// What the operator wants.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// The check-words are the same: make keys once so many are ready.
    Begin(usize),
    /// We have come so far.
    Reached(Stage),
}

/// How a ceremony goes.
#[derive(Clone, Debug)]
pub struct State {
    /// What is known about the members.
    pub board: Board,
    /// Whether key generation has begun here.
    pub begun: bool,
    /// How far key generation is.
    pub progress: CeremonyProgress,
    /// Our keys, once they are made.
    pub keys: Option<Arc<KeySet>>,
    /// Who has said that it has the same keys.
    pub confirmed: PartySet,
    /// Who did what no honest member does.
    pub faulty: PartySet,
    /// Bytes of key generation sent since the start.
    pub bytes_sent: u64,
    /// Frames that members have not taken care of yet.
    pub unacknowledged: usize,
}

/// Why a room ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds.
    #[error("the ceremony cannot be restored: {0}")]
    Restore(#[from] RestoreError),
    /// No thread can be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// A bug.
    #[error("internal error: the ceremony has panicked")]
    Panicked,
}

/// A running ceremony. It stops when this is dropped.
#[derive(Debug)]
pub struct Room {
    orders: mpsc::UnboundedSender<Order>,
    state: watch::Receiver<State>,
    ended: oneshot::Receiver<Result<(), RoomError>>,
    stop: DropGuard,
}

impl Room {
    /// Goes on with the ceremony in the store, or opens a new one. Must be called in a runtime.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else.
    pub async fn open(setting: Setting) -> Result<Self, RoomError> {
        let cancel = CancellationToken::new();
        let (orders, order_queue) = mpsc::unbounded_channel();
        let (opened, opening) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let (runtime, stop) = (tokio::runtime::Handle::current(), cancel.clone().drop_guard());
        let work = move || match Keeper::new(setting, order_queue) {
            Ok((keeper, state)) => {
                let _ = opened.send(Ok(state));
                let result = runtime.block_on(keeper.run(&cancel));
                if let Err(error) = &result {
                    tracing::error!("the ceremony has ended: {error}");
                }
                let _ = end.send(result);
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new().name("ceremony".to_owned()).spawn(work);
        thread.map_err(RoomError::Thread)?;
        let state = opening.await.map_err(|_| RoomError::Panicked)??;
        Ok(Self { orders, state, ended, stop })
    }

    /// The check-words are the same: make keys as soon as `at_least` members are ready.
    pub fn begin(&self, at_least: usize) {
        let _ = self.orders.send(Order::Begin(at_least));
    }

    /// We have come so far: the others hear of it.
    pub fn reached(&self, stage: Stage) {
        let _ = self.orders.send(Order::Reached(stage));
    }

    /// How it goes, now and whenever that changes.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits until the ceremony has ended by itself, which only an error makes it do.
    pub async fn failed(&mut self) -> RoomError {
        match (&mut self.ended).await {
            Ok(Err(error)) => error,
            _ => RoomError::Panicked,
        }
    }

    /// Stops it; the store is closed when this comes back.
    pub async fn close(self) {
        let Self { ended, stop, .. } = self;
        drop(stop);
        let _ = ended.await;
    }
}

/// What one turn leads to.
#[derive(Default)]
struct Turn {
    records: Vec<Record>,
    sends: Vec<(Recipient, ceremony::Message)>,
    taken: Vec<Taken>,
}

/// Keeps the room.
struct Keeper {
    network: Arc<Network>,
    me: PartyId,
    ceremony: Ceremony,
    store: Store,
    post: Post,
    incoming: mpsc::UnboundedReceiver<Inbound>,
    orders: mpsc::UnboundedReceiver<Order>,
    state: watch::Sender<State>,
    turn: Turn,
    board: Board,
    /// To whom what we last said about ourselves has gone.
    told: PartySet,
    begin_with: Option<usize>,
    begun: bool,
    /// Others who have begun.
    speakers: PartySet,
    keys: Option<Arc<KeySet>>,
    faults: FaultLog,
    faulty: PartySet,
    bytes_sent: u64,
}

impl Keeper {
    fn new(
        setting: Setting,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Result<(Self, watch::Receiver<State>), RoomError> {
        let Setting { network, keyring, seed, store, post, incoming, stage } = setting;
        let (committee, me) = (keyring.committee(), keyring.me());
        let records = store.load_all()?;
        let begin_with = (!records.is_empty()).then_some(0);
        let config = CeremonyConfig { network: network.digest(), keyring, seed };
        let ceremony = Ceremony::new(config, records)?;
        let board = Board::new(committee, me, stage);
        let mut keeper = Self {
            network,
            me,
            state: watch::Sender::new(State {
                board: board.clone(),
                begun: false,
                progress: ceremony.progress(),
                keys: None,
                confirmed: PartySet::EMPTY,
                faulty: PartySet::EMPTY,
                bytes_sent: 0,
                unacknowledged: 0,
            }),
            ceremony,
            store,
            post,
            incoming,
            orders,
            turn: Turn::default(),
            board,
            told: PartySet::EMPTY,
            begin_with,
            begun: false,
            speakers: PartySet::EMPTY,
            keys: None,
            faults: FaultLog::default(),
            faulty: PartySet::EMPTY,
            bytes_sent: 0,
        };
        keeper.look();
        let state = keeper.state.subscribe();
        Ok((keeper, state))
    }

    async fn run(mut self, cancel: &CancellationToken) -> Result<(), RoomError> {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.try_begin();
            self.end_turn()?;
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                Some(order) = self.orders.recv() => match order {
                    Order::Begin(at_least) => {
                        self.begin_with = Some(at_least);
                        self.reached(Stage::Ready);
                    }
                    Order::Reached(stage) => self.reached(stage),
                },
                Some(inbound) = self.incoming.recv() => {
                    self.on_frame(inbound);
                    for _ in 1..FRAMES_PER_TURN {
                        let Ok(inbound) = self.incoming.try_recv() else { break };
                        self.on_frame(inbound);
                    }
                }
                _ = look.tick() => self.look(),
            }
        }
    }

    fn try_begin(&mut self) {
        let Some(at_least) = self.begin_with.filter(|_| !self.begun) else { return };
        let enough = self.board.reached(Stage::Ready).len() >= at_least;
        if enough || self.speakers.len() >= self.network.committee().one_honest() {
            self.begun = true;
            self.step(CeremonyEvent::Start);
        }
    }

    fn reached(&mut self, stage: Stage) {
        self.board.reach(stage);
        self.told = PartySet::EMPTY;
    }

    /// Takes over how the links are.
    fn look(&mut self) {
        if self.board.see(&self.post.status()) {
            self.told = PartySet::EMPTY;
        }
        let here = self.board.connected();
        let presence = self.board.presence(time::now_ms());
        for member in here.difference(self.told).iter().filter(|member| *member != self.me) {
            self.say(member, [Spoken::Presence(presence.clone())]);
        }
        self.told = here;
    }

    fn on_frame(&mut self, inbound: Inbound) {
        let Inbound { from, frame, taken } = inbound;
        match frame::decode::<Spoken>(&frame, ceremony::EPOCH) {
            Ok(decoded) => decoded.messages.into_iter().for_each(|said| self.on_said(from, said)),
            Err(FrameError::Malformed) => {
                self.on_fault(&Fault { party: from, kind: FaultKind::Undecodable });
            }
            Err(error) => tracing::debug!(member = self.name(from), "not read: {error}"),
        }
        self.turn.taken.push(taken);
    }

    fn on_said(&mut self, from: PartyId, said: Spoken) {
        match said {
            Spoken::Presence(presence) => self.on_presence(from, presence),
            Spoken::Keys(message) => {
                tracing::trace!(%from, "{message}");
                self.speakers.insert(from);
                self.step(CeremonyEvent::Message { from, message });
            }
        }
    }

    fn on_presence(&mut self, from: PartyId, presence: Presence) {
        self.board.hear(from, presence, time::now_ms());
    }

    fn step(&mut self, event: CeremonyEvent) {
        for effect in self.ceremony.step(event) {
            match effect {
                CeremonyEffect::Persist(records) => self.turn.records.extend(records),
                CeremonyEffect::Send { to, message } => self.turn.sends.push((to, message)),
                CeremonyEffect::Fault(fault) | CeremonyEffect::Proven(fault, _) => {
                    self.on_fault(&fault);
                }
                CeremonyEffect::Generated(keys) => self.keys = Some(Arc::new(*keys)),
                // Asked for when the turn ends.
                CeremonyEffect::Confirmed(_) => {}
            }
        }
    }

    fn on_fault(&mut self, fault: &Fault) {
        self.faulty.insert(fault.party);
        let member = self.network.member(fault.party);
        self.faults.add(fault, member.map_or("a stranger", |member| &member.name));
    }

    /// (R3) and (R4).
    fn end_turn(&mut self) -> Result<(), RoomError> {
        let Turn { records, sends, taken } = std::mem::take(&mut self.turn);
        if !records.is_empty() {
            self.store.commit(&records)?;
        }
        let mut letters: PartyMap<Vec<Spoken>> = PartyMap::new(self.network.committee());
        for (to, message) in sends {
            match to {
                Recipient::One(peer) => letters[peer].push(Spoken::Keys(message)),
                Recipient::All => {
                    for peer in self.network.committee().parties() {
                        letters[peer].push(Spoken::Keys(message.clone()));
                    }
                }
            }
        }
        for peer in self.network.committee().parties().filter(|peer| *peer != self.me) {
            let letters = std::mem::take(&mut letters[peer]);
            self.bytes_sent += self.say(peer, letters);
        }
        taken.into_iter().for_each(Taken::done);
        self.state.send_replace(State {
            board: self.board.clone(),
            begun: self.begun,
            progress: self.ceremony.progress(),
            keys: self.keys.clone(),
            confirmed: self.ceremony.confirmed(),
            faulty: self.faulty,
            bytes_sent: self.bytes_sent,
            unacknowledged: self.post.unacknowledged(Lane::Ceremony),
        });
        Ok(())
    }

    /// Sends to a member, and says how many bytes that was.
    fn say(&self, to: PartyId, said: impl IntoIterator<Item = Spoken>) -> u64 {
        let mut bytes = 0;
        for frame in frame::encode(ceremony::EPOCH, said) {
            bytes += frame.len() as u64;
            self.post.send(to, Lane::Ceremony, frame);
        }
        bytes
    }

    fn name(&self, party: PartyId) -> &str {
        self.network.member(party).map_or("a stranger", |member| &member.name)
    }
}
