//! A member of the network: its keys, its party or parties, and what it does wrong.

use std::sync::Arc;

use quorate_protocol::agreement::coin::DdhCoin;
use quorate_protocol::committee::{PartyId, PartyMap};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::keys::{KeySet, TrustedKeyDealer};
use quorate_protocol::party::frame::Outgoing;
use quorate_protocol::party::{Config, RealSuite};
use quorate_protocol::secret::Secret;
use quorate_protocol::tag::Tag;
use rand::SeedableRng;

use super::Frame;
use super::actor::{Actor, ActorId};
use crate::adversary::{Adversary, Behaviour, Insider, Letter};
use crate::plan::{Plan, Restart};
use crate::{Rng, Wire};

/// The epoch of all simulated networks.
pub(super) const EPOCH: u64 = 0;

/// All keys of a network.
pub(super) struct Keys {
    network: Digest,
    pub(super) root: Tag,
    policy: Policy,
    keyrings: Vec<Arc<Keyring>>,
    key_sets: PartyMap<Arc<KeySet>>,
    coins: PartyMap<Arc<DdhCoin>>,
    accountable: bool,
}

impl Keys {
    /// Keys from the plan's seed.
    pub(super) fn new(plan: &Plan) -> Self {
        let (committee, seed) = (plan.committee, plan.token.seed);
        let keyrings = Keyring::for_tests(committee.n(), seed);
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed ^ 0xc014);
        let dealt = TrustedKeyDealer::deal(committee, EPOCH, &mut rng).expect("no key is zero");
        let mut dealt = dealt.into_iter().map(Arc::new);
        let mut next = |_| dealt.next().expect("the dealer deals to every party");
        let key_sets: PartyMap<Arc<KeySet>> = PartyMap::from_fn(committee, &mut next);
        let coins = PartyMap::from_fn(committee, |party| {
            Arc::new(key_sets[party].coin().expect("the dealer's keys belong together"))
        });
        // One network in four has the members sign beside the network.
        let accountable = seed % 4 == 3;
        let network = Digest::from([0x51; 32]);
        let root = Tag::root(network.as_bytes(), EPOCH);
        Self { network, root, policy: plan.policy, keyrings, key_sets, coins, accountable }
    }

    fn keyring(&self, party: PartyId) -> Arc<Keyring> {
        self.keyrings.get(party.index()).map(Arc::clone).expect("every party has a keyring")
    }

    /// What an actor's party is made from.
    pub(super) fn config(&self, actor: ActorId) -> Config<RealSuite> {
        Config {
            network: self.network,
            epoch: EPOCH,
            keyring: self.keyring(actor.party),
            keys: Arc::clone(&self.key_sets[actor.party]),
            accountable: self.accountable,
            coin: Arc::clone(&self.coins[actor.party]),
            seed: Self::seed(actor),
            policy: self.policy,
        }
    }

    /// Twins deal differently under one name.
    fn seed(actor: ActorId) -> Secret<[u8; 32]> {
        let mut seed = [u8::from(actor.twin); 32];
        let (point, _) = seed.split_at_mut(8);
        point.copy_from_slice(&actor.party.point().to_le_bytes());
        Secret::new(seed)
    }

    fn insider(&self, party: PartyId) -> Insider {
        Insider {
            keyring: self.keyring(party),
            coin: Arc::clone(&self.coins[party]),
            root: self.root,
            policy: self.policy,
            seed: Self::seed(ActorId { party, twin: false }),
        }
    }
}

/// One member.
pub(super) struct Member {
    pub(super) actors: Vec<Actor>,
    adversaries: Vec<Box<dyn Adversary>>,
    /// How often it was started.
    pub(super) life: u32,
    pub(super) down: bool,
    /// Frames that wait for its start.
    pub(super) held: Vec<Frame>,
    /// Steps of all its lives.
    pub(super) steps: u64,
    /// When it is still to be killed, the next first.
    pub(super) restarts: Vec<Restart>,
}

impl Member {
    pub(super) fn new(plan: &Plan, keys: &Keys, party: PartyId) -> Self {
        let behaviours = plan.behaviours(party);
        let actor = |twin| {
            let outgoing = Outgoing::new(plan.committee, party, EPOCH);
            Actor::new(ActorId { party, twin }, outgoing)
        };
        let twins = behaviours.contains(&Behaviour::Twins);
        let insider = keys.insider(party);
        Self {
            actors: if twins { vec![actor(false), actor(true)] } else { vec![actor(false)] },
            adversaries: behaviours.iter().filter_map(|b| b.adversary(&insider)).collect(),
            life: 0,
            down: false,
            held: Vec::new(),
            steps: 0,
            restarts: plan.restarts.iter().filter(|r| r.party == party).copied().collect(),
        }
    }

    /// An actor of this member.
    pub(super) fn actor(&mut self, id: ActorId) -> Option<&mut Actor> {
        self.actors.iter_mut().find(|actor| actor.id == id)
    }

    /// Whether its messages are rewritten.
    pub(super) fn is_wrapped(&self) -> bool {
        !self.adversaries.is_empty()
    }

    /// What is really sent in place of a message to one recipient.
    pub(super) fn rewrite(&mut self, letter: Letter, rng: &mut Rng) -> Vec<Wire> {
        let Letter { to, inner, message } = letter;
        let mut messages = vec![message];
        for adversary in &mut self.adversaries {
            let letters = messages.into_iter().map(|message| Letter { to, inner, message });
            messages = letters.flat_map(|letter| adversary.rewrite(letter, rng)).collect();
        }
        messages
    }

    /// What is made of a result of its own work.
    pub(super) fn done(&mut self, message: Wire, rng: &mut Rng) -> Wire {
        self.adversaries.iter_mut().fold(message, |message, adversary| adversary.done(message, rng))
    }
}
