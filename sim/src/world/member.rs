//! A member of the network: its keys, its party or parties, and what it does wrong.

use std::sync::Arc;

use quorate_protocol::committee::{PartyId, PartyMap};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::certificate::Verifier;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::keys::refresh::Deviation;
use quorate_protocol::keys::{KeySet, TrustedKeyDealer};
use quorate_protocol::party::epochs::{EpochKeys, Epochs, EpochsConfig};
use quorate_protocol::party::{Record, RestoreError};
use quorate_protocol::secret::Secret;
use quorate_protocol::tag::Tag;
use rand::{RngExt, SeedableRng};

use super::actor::{Actor, ActorId};
use super::{Frame, Happening};
use crate::adversary::{Behaviour, Corruption, Insider};
use crate::ghost::Network;
use crate::plan::{Pause, Plan, Restart};
use crate::schedule::Next;
use crate::token::Token;

/// The first epoch of all simulated networks.
pub(super) const FIRST_EPOCH: u64 = 1;

/// The first keys of a network.
pub(super) struct Keys {
    token: Token,
    network: Digest,
    policy: Policy,
    keyrings: Vec<Arc<Keyring>>,
    key_sets: PartyMap<Arc<KeySet>>,
    deviations: PartyMap<Deviation>,
    accountable: bool,
}

impl Keys {
    /// Keys from the plan's seed.
    pub(super) fn new(plan: &Plan) -> Self {
        let (committee, seed) = (plan.committee, plan.token.seed);
        let keyrings = Keyring::for_tests(committee.n(), seed);
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed ^ 0xc014);
        let dealt = TrustedKeyDealer::deal(committee, FIRST_EPOCH, &mut rng);
        let mut dealt = dealt.expect("no key is zero").into_iter().map(Arc::new);
        let mut next = |_| dealt.next().expect("the dealer deals to every party");
        let deviation = |party| {
            let copied = keyrings.iter().find(|keyring| keyring.me() != party);
            let copied = copied.map(|keyring| keyring.sealing().public().to_bytes());
            Behaviour::deviation(plan.behaviours(party), copied.unwrap_or_default())
        };
        Self {
            token: plan.token,
            network: Digest::from([0x51; 32]),
            policy: plan.policy,
            key_sets: PartyMap::from_fn(committee, &mut next),
            deviations: PartyMap::from_fn(committee, deviation),
            keyrings,
            // One network in four has the members sign beside the network.
            accountable: seed % 4 == 3,
        }
    }

    fn keyring(&self, party: PartyId) -> Arc<Keyring> {
        self.keyrings.get(party.index()).map(Arc::clone).expect("every party has a keyring")
    }

    /// The root of all names of an epoch.
    pub(super) fn root(&self, epoch: u64) -> Tag {
        Tag::root(self.network.as_bytes(), epoch)
    }

    /// What certificates of an epoch are checked against: the network's first key in all of them.
    pub(super) fn verifier(&self, epoch: u64) -> Verifier {
        let member = PartyId::new(0);
        let key = (&self.key_sets[member].public().certificate).into();
        Verifier::of(self.network, epoch, self.keyring(member).identities(), key, self.accountable)
    }

    /// The network as a verifier knows it.
    pub(super) fn network(&self) -> Network {
        let member = PartyId::new(0);
        let identity = |keyring: &Arc<Keyring>| keyring.identity_of(keyring.me()).to_bytes();
        let key_set = &self.key_sets[member];
        Network {
            digest: *self.network.as_bytes(),
            key: key_set.public().certificate.to_bytes(),
            identities: self.keyrings.iter().map(identity).collect(),
            signers: if self.accountable { key_set.committee().quorum() } else { 0 },
        }
    }

    /// What an actor has of its own in the first epoch.
    pub(super) fn first(&self, actor: ActorId) -> EpochKeys {
        EpochKeys {
            keyring: self.keyring(actor.party),
            keys: Arc::clone(&self.key_sets[actor.party]),
            seed: self.seed(actor),
        }
    }

    /// An actor's party as it was when it wrote `records`; without its first keys once it was told
    /// to erase them.
    pub(super) fn restored(
        &self,
        actor: ActorId,
        first: bool,
        records: Vec<Record>,
    ) -> Result<Epochs, RestoreError> {
        let config = EpochsConfig {
            network: self.network,
            policy: self.policy,
            accountable: self.accountable,
            identities: Arc::clone(self.keyring(actor.party).identities()),
            first: first.then(|| self.first(actor)),
        };
        Epochs::with_deviation(config, self.deviations[actor.party].clone(), records)
    }

    /// Twins deal differently under one name.
    fn seed(&self, actor: ActorId) -> Secret<[u8; 32]> {
        let purpose = format!("{} {}", actor.party.point(), actor.twin);
        Secret::new(self.token.rng(&purpose).random())
    }

    /// What a corrupt member knows of itself in an epoch.
    pub(super) fn insider(&self, keys: &EpochKeys) -> Insider {
        let coin = keys.keys.coin().expect("a key set was checked when it was made");
        Insider {
            keyring: Arc::clone(&keys.keyring),
            coin: Arc::new(coin),
            root: self.root(keys.keys.epoch()),
            policy: self.policy,
            seed: keys.seed.clone(),
        }
    }
}

/// One member.
pub(super) struct Member {
    pub(super) actors: Vec<Actor>,
    pub(super) corruption: Corruption,
    /// How often it was started.
    pub(super) life: u32,
    pub(super) down: bool,
    /// When it pauses, the next first, and what waits for the end of that.
    pub(super) pauses: Vec<Pause>,
    pub(super) waiting: Vec<Next<Frame, Happening>>,
    /// Frames that wait for its start.
    pub(super) held: Vec<Frame>,
    /// Steps of all its lives.
    pub(super) steps: u64,
    /// Effects executed in all its lives.
    pub(super) effects: u64,
    /// It has said what it ordered below this position.
    pub(super) ordered: u64,
    /// When it is still to be killed, the next first.
    pub(super) restarts: Vec<Restart>,
}

impl Member {
    pub(super) fn new(plan: &Plan, keys: &Keys, party: PartyId) -> Self {
        let behaviours = plan.behaviours(party);
        let forgetful = plan.forgetful().union(plan.noticing()).contains(party);
        let actor = |twin| Actor::new(ActorId { party, twin }, plan.committee, forgetful);
        let twins = behaviours.contains(&Behaviour::Twins);
        let insider = keys.insider(&keys.first(ActorId { party, twin: false }));
        Self {
            actors: if twins { vec![actor(false), actor(true)] } else { vec![actor(false)] },
            corruption: Corruption::new(behaviours, &insider),
            life: 0,
            down: false,
            pauses: plan.pauses.iter().filter(|p| p.party == party).copied().collect(),
            waiting: Vec::new(),
            held: Vec::new(),
            steps: 0,
            effects: 0,
            ordered: 0,
            restarts: plan.restarts.iter().filter(|r| r.party == party).copied().collect(),
        }
    }

    /// An actor of this member.
    pub(super) fn actor(&mut self, id: ActorId) -> Option<&mut Actor> {
        self.actors.iter_mut().find(|actor| actor.id == id)
    }
}
