//! Four real members, what is between them, and what they promise.
//!
//! Every message of theirs really is encoded and decoded on its way. A member whose process dies
//! comes back from what it wrote down; what was on its way to it stays on its way.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::certificate::Certificate;
use quorate_protocol::decision::proposal::{DocumentRef, Proposal, Renewal};
use quorate_protocol::decision::stock::{Amount, Policy};
use quorate_protocol::decision::supply::Request;
use quorate_protocol::fault::Fault;
use quorate_protocol::keys::{KeySet, TrustedKeyDealer};
use quorate_protocol::limits;
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::epochs::{EpochKeys, Epochs, EpochsConfig, EpochsEffect, EpochsEvent};
use quorate_protocol::party::{
    Done, Effect, Event, MessageOf, Notice, RealSuite, Record, RequestId, RestoreError, TimerToken,
    When,
};
use quorate_protocol::protocol::{Job, Recipient};
use quorate_protocol::record::Memory;
use quorate_protocol::rule::Rule;
use quorate_protocol::secret::Secret;
use quorate_protocol::wire::{self, Bytes};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// What members say to each other.
pub type Wire = MessageOf<RealSuite>;
/// What a member wrote down.
pub type Store = Memory;

/// Members of the network.
pub const MEMBERS: usize = 4;
/// The epoch it begins in.
pub const FIRST_EPOCH: u64 = 1;
const SEED: u64 = 4;
/// Stands for the digest of a roster.
const NETWORK: [u8; 32] = [0x51; 32];

/// A message on its way.
#[derive(Clone)]
pub struct Letter {
    /// Who sent it.
    pub from: PartyId,
    /// To whom.
    pub to: PartyId,
    /// The epoch of its frame.
    pub epoch: u64,
    /// What it says.
    pub message: Wire,
}

/// Who is who, and with which keys.
pub struct Founded {
    /// Its digest.
    pub network: Digest,
    /// What each member has of its own.
    pub keys: Vec<EpochKeys>,
}

/// The network, always the same.
pub static FOUNDED: LazyLock<Founded> = LazyLock::new(|| {
    let committee = Committee::new(MEMBERS).expect("four are a committee");
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let dealt = TrustedKeyDealer::deal(committee, FIRST_EPOCH, &mut rng).expect("no key is zero");
    let keyrings = Keyring::for_tests(MEMBERS, SEED);
    let keys = |(keyring, keys): (Arc<Keyring>, KeySet)| EpochKeys {
        seed: Secret::new(*blake3::hash(&keyring.me().point().to_le_bytes()).as_bytes()),
        keyring,
        keys: Arc::new(keys),
    };
    Founded {
        network: Digest::from(NETWORK),
        keys: keyrings.into_iter().zip(dealt).map(keys).collect(),
    }
});

/// What the members wrote down until their first preprocessing run was over.
pub static SUPPLIED: LazyLock<Vec<Store>> = LazyLock::new(|| {
    let mut world = World::begin(Policy::for_members(MEMBERS));
    world.rest(usize::MAX);
    world.members.into_iter().map(|member| member.store).collect()
});

/// A member as it is in a store; without its first keys once it was told to erase them.
///
/// # Errors
/// The store cannot be read.
pub fn restored(
    of: PartyId,
    policy: Policy,
    with_first: bool,
    records: Vec<Record>,
) -> Result<Epochs, RestoreError> {
    let keys = FOUNDED.keys.get(of.index()).expect("a member");
    let config = EpochsConfig {
        network: FOUNDED.network,
        policy,
        accountable: true,
        identities: Arc::clone(keys.keyring.identities()),
        first: with_first.then(|| keys.clone()),
    };
    Epochs::new(config, records)
}

/// The records of a store.
pub fn records(store: &Store) -> Vec<Record> {
    store.records()
}

struct Member {
    epochs: Epochs,
    store: Store,
    /// How often it came up: what a life began ends with it.
    life: u32,
    /// Whether its first keys are gone.
    erased: bool,
}

/// Four members and everything between them.
pub struct World {
    policy: Policy,
    members: Vec<Member>,
    /// Messages on their way, in order.
    pub flight: VecDeque<Letter>,
    /// All letters so far.
    pub said: Vec<Letter>,
    jobs: VecDeque<(PartyId, u32, u64, Job<Done<RealSuite>>)>,
    timers: Vec<(u64, PartyId, u32, u64, TimerToken)>,
    now: u64,
    drawn: u8,
    requests: u64,
    /// Proposals that were taken, in order.
    pub decisions: Vec<Digest>,
    /// Who blamed whom for what.
    pub faults: Vec<(PartyId, Fault)>,
}

/// A policy under which a run is small and one decision uses up most of it.
pub const fn small_policy() -> Policy {
    let material = preprocessing::Request { bits: 40, triples: 16 };
    Policy {
        request: Request { material, pairs: 2 },
        low: Amount { bits: 20, triples: 8, pairs: 1 },
    }
}

impl World {
    /// A network whose members have not said anything yet, and are to begin.
    pub fn begin(policy: Policy) -> Self {
        Self::continued(policy, &vec![Store::default(); MEMBERS])
    }

    /// A network whose members come up from what they wrote down.
    pub fn continued(policy: Policy, stores: &[Store]) -> Self {
        let member = |(of, store): (PartyId, &Store)| Member {
            epochs: restored(of, policy, true, records(store)).expect("a sound store"),
            store: store.clone(),
            life: 0,
            erased: false,
        };
        let parties = (0..).map(PartyId::new);
        let mut world = Self {
            policy,
            members: parties.zip(stores).map(member).collect(),
            flight: VecDeque::new(),
            said: Vec::new(),
            jobs: VecDeque::new(),
            timers: Vec::new(),
            now: 0,
            drawn: 0,
            requests: 0,
            decisions: Vec::new(),
            faults: Vec::new(),
        };
        for of in world.parties() {
            world.step(of, EpochsEvent::Start);
        }
        world
    }

    /// Everybody.
    pub fn parties(&self) -> Vec<PartyId> {
        (0..).map(PartyId::new).take(self.members.len()).collect()
    }

    /// A member.
    pub fn member(&self, of: PartyId) -> Option<&Epochs> {
        self.members.get(of.index()).map(|member| &member.epochs)
    }

    /// What each member has written down.
    pub fn stores(&self) -> Vec<(PartyId, Store)> {
        let stores = self.members.iter().map(|member| member.store.clone());
        self.parties().into_iter().zip(stores).collect()
    }

    /// Certificates that the first member has.
    pub fn certificates(&self) -> Vec<Certificate> {
        let Some(member) = self.members.first().map(|member| &member.epochs) else {
            return Vec::new();
        };
        let of = |decision| {
            let mut live = (FIRST_EPOCH..=member.epoch()).filter_map(|epoch| member.party(epoch));
            let live = live.find_map(|party| party.certificate(decision));
            let mut archives = member.archives().values();
            live.or_else(|| archives.find_map(|archive| archive.certificate(decision))).cloned()
        };
        self.decisions.iter().filter_map(of).collect()
    }

    /// Lets a message be heard that `from` sends out of turn.
    pub fn hear(&mut self, from: PartyId, to: PartyId, epoch: u64, message: Wire) {
        self.step(to, EpochsEvent::Message { from, epoch, message });
    }

    /// The message at this place of those on their way arrives.
    pub fn deliver(&mut self, place: usize) {
        if let Some(Letter { from, to, epoch, message }) = self.flight.remove(place) {
            self.step(to, EpochsEvent::Message { from, epoch, message });
        }
    }

    /// The oldest work is done.
    pub fn work(&mut self) -> bool {
        let Some((of, life, epoch, job)) = self.jobs.pop_front() else { return false };
        let done = job();
        if self.life(of) == life {
            self.step(of, EpochsEvent::Party { epoch, event: Event::Done(done) });
        }
        true
    }

    /// The earliest timer fires.
    pub fn fire(&mut self) -> bool {
        let earliest = (0..).zip(&self.timers).min_by_key(|(_, timer)| timer.0);
        let Some((place, _)) = earliest else { return false };
        let (at, of, life, epoch, token) = self.timers.swap_remove(place);
        self.now = self.now.max(at);
        if self.life(of) == life {
            self.step(of, EpochsEvent::Party { epoch, event: Event::Timer(token) });
        }
        true
    }

    /// A member's process dies and comes up again.
    pub fn restart(&mut self, of: PartyId) {
        let policy = self.policy;
        let Some(member) = self.members.get_mut(of.index()) else { return };
        let again = restored(of, policy, !member.erased, records(&member.store));
        member.epochs = again.expect("a sound store");
        member.life += 1;
        self.step(of, EpochsEvent::Start);
    }

    /// A member proposes something.
    pub fn propose(&mut self, of: PartyId, what: Asked) {
        let document = (what == Asked::Signature).then(|| Bytes::from(vec![7; 300]));
        let rule =
            if what == Asked::Mean { "mean(confidence) > 75" } else { "count(approve) >= 3" };
        let proposal = Proposal {
            title: "Extend the credit line to Orion?".into(),
            text: String::new(),
            rule: Rule::parse(rule).expect("a rule"),
            deadline_ms: self.now + 60_000,
            minimum: 3,
            nonce: u128::from(self.requests).to_le_bytes(),
            document: document.as_ref().and_then(|bytes| DocumentRef::of(bytes)),
            renewal: if what == Asked::Refresh { Renewal::Refresh } else { Renewal::None },
        };
        let event = Event::Propose { request: self.request(), proposal, document };
        self.step(of, EpochsEvent::Here(event));
    }

    /// A member votes on the decision at this place of those proposed.
    pub fn vote(&mut self, of: PartyId, place: usize, value: u64) {
        let Some(decision) = self.decisions.get(place).copied() else { return };
        let event = Event::Vote { request: self.request(), decision, value: Secret::new(value) };
        self.step(of, EpochsEvent::Here(event));
    }

    /// Lets everything happen that is due, in order, timers last, in at most so many steps. Whether
    /// nothing is left.
    pub fn rest(&mut self, steps: usize) -> bool {
        for _ in 0..steps {
            if !self.flight.is_empty() {
                self.deliver(0);
            } else if !self.work() && !self.fire() {
                return true;
            }
        }
        false
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn life(&self, of: PartyId) -> u32 {
        self.members.get(of.index()).map_or(0, |member| member.life)
    }

    fn step(&mut self, of: PartyId, event: EpochsEvent) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(member) = self.members.get_mut(of.index()) else { return };
            for effect in member.epochs.step(event) {
                match effect {
                    EpochsEffect::Party { epoch, effect } => self.execute(of, epoch, effect),
                    EpochsEffect::Draw => {
                        self.drawn = self.drawn.wrapping_add(1);
                        events.push_back(EpochsEvent::Entropy(Secret::new([self.drawn; 32])));
                    }
                    // Nobody asks for a replacement.
                    EpochsEffect::Began(_) | EpochsEffect::Replaced => {}
                    EpochsEffect::Erased { epoch } => {
                        if let Some(member) = self.members.get_mut(of.index()) {
                            member.erased |= epoch == FIRST_EPOCH;
                        }
                    }
                }
            }
        }
    }

    fn execute(&mut self, of: PartyId, epoch: u64, effect: Effect<RealSuite>) {
        match effect {
            Effect::Persist(records) => self.persist(of, records),
            Effect::Send { to: Recipient::One(to), message } => self.say(of, to, epoch, &message),
            Effect::Send { to: Recipient::All, message } => {
                for to in self.parties().into_iter().filter(|to| *to != of) {
                    self.say(of, to, epoch, &message);
                }
            }
            Effect::SetTimer { token, when } => {
                let at = match when {
                    When::After(wait) => {
                        self.now.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
                    }
                    When::AtUtc(at) => at,
                };
                self.timers.push((at, of, self.life(of), epoch, token));
            }
            Effect::Work(job) => self.jobs.push_back((of, self.life(of), epoch, job)),
            Effect::Fault(fault) => {
                assert_ne!(fault.party, of, "{of} blames itself: {fault}");
                self.faults.push((of, fault));
            }
            Effect::Notify(Notice::Proposed { decision }) => {
                if !self.decisions.contains(&decision) {
                    self.decisions.push(decision);
                }
            }
            Effect::Notify(notice @ Notice::SafetyStop { .. }) => unreachable!("{notice:?}"),
            Effect::SayAgain(..) | Effect::Answer { .. } | Effect::Notify(_) => {}
        }
    }

    fn persist(&mut self, of: PartyId, records: Vec<Record>) {
        let Some(member) = self.members.get_mut(of.index()) else { return };
        member.store.write(records);
    }

    fn say(&mut self, from: PartyId, to: PartyId, epoch: u64, message: &Wire) {
        let bytes = wire::encode(message);
        let message = wire::decode(&bytes, limits::MAX_ENVELOPE);
        let message = message.expect("what a member says can be read");
        let letter = Letter { from, to, epoch, message };
        self.said.push(letter.clone());
        self.flight.push_back(letter);
    }
}

/// What a proposal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A count.
    Count,
    /// A mean.
    Mean,
    /// A signature over a document.
    Signature,
    /// New shares of the keys.
    Refresh,
}
