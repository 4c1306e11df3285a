//! Announcements by gossip: what was proposed and what came of it, so that others can follow.
//!
//! Nothing the node decides depends on gossip, which may lose messages without a word. Every
//! announcement is signed by the transport key of the member that made it; whatever is not from a
//! member, or does not hold, is dropped before it is passed on. So is what a member announces beyond
//! [`ANNOUNCED`]; a peer that passes on more than all members together may announce is disconnected.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

use libp2p::PeerId;
use libp2p::gossipsub::{
    Behaviour, ConfigBuilder, IdentTopic, MessageAuthenticity, TopicHash, ValidationMode,
    WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;
use quorate_protocol::PartyId;
use tokio::time::Instant;

use super::bounds::{ANNOUNCED, ANNOUNCEMENTS_QUEUED, ANNOUNCING, MAX_ANNOUNCEMENT};
use super::rate::{Meter, Rate};

/// What an announcement is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// A proposal.
    Proposals,
    /// An outcome, with its certificate.
    Certificates,
}

/// Says whether an announcement holds. Called for every one that arrives, so it must be quick.
pub type Validator = Arc<dyn Fn(Topic, &[u8]) -> bool + Send + Sync>;

/// An announcement that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// The member that made it.
    pub from: PartyId,
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub data: Vec<u8>,
}

/// The topics of one epoch of one network.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    proposals: IdentTopic,
    certificates: IdentTopic,
    neighbours: IdentTopic,
}

pub(super) type Gossip =
    Behaviour<libp2p::gossipsub::IdentityTransform, WhitelistSubscriptionFilter>;

impl Topics {
    pub(super) fn new(network: &[u8; 32], epoch: u64) -> Self {
        let network = data_encoding::HEXLOWER.encode(network);
        let topic = |what| IdentTopic::new(format!("quorate/{network}/{epoch}/{what}"));
        // Who is behind in epochs needs to be reached as well.
        let neighbours = IdentTopic::new(format!("quorate/{network}/neighbours"));
        Self { proposals: topic("proposals"), certificates: topic("certificates"), neighbours }
    }

    /// Where members say who their neighbours are ([`circuit`](super::circuit)).
    pub(super) fn neighbours(&self) -> TopicHash {
        self.neighbours.hash()
    }

    pub(super) fn hash(&self, topic: Topic) -> TopicHash {
        match topic {
            Topic::Proposals => self.proposals.hash(),
            Topic::Certificates => self.certificates.hash(),
        }
    }

    pub(super) fn topic(&self, hash: &TopicHash) -> Option<Topic> {
        [Topic::Proposals, Topic::Certificates].into_iter().find(|topic| self.hash(*topic) == *hash)
    }

    /// Gossip that takes part in these topics only.
    pub(super) fn behaviour(&self, keys: &Keypair) -> io::Result<Gossip> {
        let topics = [&self.proposals, &self.certificates, &self.neighbours];
        let allowed = HashSet::from(topics.map(IdentTopic::hash));
        let config = ConfigBuilder::default()
            .max_transmit_size(MAX_ANNOUNCEMENT)
            .connection_handler_queue_len(ANNOUNCEMENTS_QUEUED)
            .validation_mode(ValidationMode::Strict)
            .validate_messages()
            .build()
            .map_err(io::Error::other)?;
        let mut gossip = Gossip::new_with_subscription_filter(
            MessageAuthenticity::Signed(keys.clone()),
            config,
            WhitelistSubscriptionFilter(allowed),
        )
        .map_err(io::Error::other)?;
        for topic in topics {
            gossip.subscribe(topic).map_err(io::Error::other)?;
        }
        Ok(gossip)
    }
}

/// How much is announced, by whom.
pub(super) struct Quotas {
    made: BTreeMap<PeerId, Meter>,
    passed_on: BTreeMap<PeerId, Meter>,
    ours: Meter,
}

impl Quotas {
    /// For a node with these peers.
    pub(super) fn new(peers: impl Iterator<Item = PeerId> + Clone) -> Self {
        // Honest nodes pass on what each member may make, and each of us also makes some.
        let members = u32::try_from(peers.clone().count() + 1).unwrap_or(u32::MAX);
        let burst = ANNOUNCED.burst.saturating_mul(2).saturating_mul(members);
        let all = Rate { burst, every: ANNOUNCED.every / (2 * members).max(1) };
        let each = |rate| peers.clone().map(|peer| (peer, Meter::new(rate))).collect();
        Self { made: each(ANNOUNCED), passed_on: each(all), ours: Meter::new(ANNOUNCING) }
    }

    /// Whether we may announce something.
    pub(super) fn may_announce(&mut self) -> bool {
        self.ours.take(Instant::now())
    }

    /// Whether a peer may make one more announcement.
    pub(super) fn may_make(&mut self, author: &PeerId) -> bool {
        self.made.get_mut(author).is_some_and(|meter| meter.take(Instant::now()))
    }

    /// Whether a peer may pass on one more.
    pub(super) fn may_pass_on(&mut self, peer: &PeerId) -> bool {
        self.passed_on.get_mut(peer).is_some_and(|meter| meter.take(Instant::now()))
    }
}
