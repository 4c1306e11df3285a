//! How the rest of the program talks to the running party.

use std::sync::Arc;

use libp2p::Multiaddr;
use quorate_protocol::PartyId;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Certificate;
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::keys::GroupSignature;
use quorate_protocol::party::epochs::RefreshView;
use quorate_protocol::party::evidence::Evidence;
use quorate_protocol::party::{DecisionView, Notice, Receipt, Refusal, Standing, StatusView};
use quorate_protocol::secret::Secret;
use quorate_protocol::wire::Bytes;
use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::home::Origin;
use crate::metrics::Counted;
use crate::net::Transport;
use crate::roster::Network;

/// Why a call was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// The party refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Members may still need what a refresh would erase.
    #[error("not all members have finished the ceremony, and a refresh would lock them out")]
    CeremonyOpen,
    /// The new member of a proposal has a key or an address of another.
    #[error("the new member cannot come in: {0}")]
    Misfit(String),
    /// The node has stopped.
    #[error("the node is stopping")]
    Stopped,
}

/// How a node is.
#[derive(Clone, Debug, Serialize)]
pub struct NodeStatus {
    /// How its party is.
    pub party: StatusView,
    /// Name of the network.
    pub network: String,
    /// Digest of the network.
    pub digest: Digest,
    /// The epoch of its keys.
    pub epoch: u64,
    /// How they came about.
    pub origin: Origin,
    /// The refresh that is going on, if one is.
    pub refresh: Option<RefreshView>,
    /// Our place in the roster.
    pub me: PartyId,
    /// Our name.
    pub name: String,
    /// Whether its data directory was found to be an older copy, and it does not take part again yet.
    pub older_copy: bool,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// The other members, in order.
    pub peers: Vec<PeerStatus>,
    /// Decisions that are not certified here.
    pub open: Vec<DecisionView>,
}

/// Why a decision is not certified, and how the members are that it may wait for.
#[derive(Clone, Debug)]
pub struct DecisionStanding {
    /// The decision.
    pub decision: DecisionView,
    /// What it waits for; `None` once it is certified.
    pub standing: Option<Standing>,
    /// How the node is.
    pub node: NodeStatus,
}

/// How the connection to another member is.
#[derive(Clone, Debug, Serialize)]
pub struct PeerStatus {
    /// Which member.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// Whether it is connected.
    pub connected: bool,
    /// Over what.
    pub transport: Option<Transport>,
    /// Milliseconds since something came from it.
    pub last_seen_ms_ago: Option<u64>,
    /// Microseconds there and back, when it was last measured.
    pub round_trip_us: Option<u64>,
    /// Milliseconds by which its clock is ahead of ours, at least; negative if it is behind.
    pub clock_ahead_ms: Option<i64>,
    /// Frames it has not acknowledged.
    pub unacked_frames: usize,
    /// Their bytes.
    pub unacked_bytes: usize,
    /// Frames that are lost to it because it was gone for too long.
    pub lost_frames: u64,
    /// Bytes that it has this node keep for later.
    pub kept_bytes: usize,
    /// Why it and we cannot talk to each other, though it is there.
    pub trouble: Option<String>,
}

/// What can be asked of the driver; each with where the answer goes.
pub(super) enum Call {
    Propose(Proposal, Option<Bytes>, Reply<Result<Digest, CallError>>),
    Vote(Digest, Secret<u64>, Reply<Result<Receipt, CallError>>),
    Decisions(Reply<Vec<DecisionView>>),
    Decision(Digest, Reply<Option<DecisionView>>),
    Standing(Digest, Reply<Option<Box<DecisionStanding>>>),
    Certificate(Digest, Reply<Option<Certificate>>),
    Document(Digest, Reply<Option<Bytes>>),
    DocumentSignature(Digest, Reply<Option<GroupSignature>>),
    Evidence(Reply<Vec<Evidence>>),
    Status(Reply<NodeStatus>),
}

pub(super) type Reply<T> = oneshot::Sender<T>;

/// Access to a running node; cheap to clone.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(super) calls: mpsc::Sender<Call>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) network: Arc<Network>,
    pub(super) me: PartyId,
    pub(super) listening: Arc<[Multiaddr]>,
    pub(super) counted: Counted,
}

impl NodeHandle {
    /// Puts a question to the members, with the document that it names; returns its digest once it
    /// is durable and on its way.
    ///
    /// # Errors
    /// It is not well formed, too many are open, or the node has stopped.
    pub async fn propose(
        &self,
        proposal: Proposal,
        document: Option<Bytes>,
    ) -> Result<Digest, CallError> {
        self.call(|reply| Call::Propose(proposal, document, reply)).await?
    }

    /// Votes on a proposal; returns a receipt once the vote is durable and on its way.
    ///
    /// # Errors
    /// It is not known or sealed, this member has voted, the vote is out of range, or the node has
    /// stopped.
    pub async fn vote(&self, decision: Digest, value: Secret<u64>) -> Result<Receipt, CallError> {
        self.call(|reply| Call::Vote(decision, value, reply)).await?
    }

    /// All decisions, ordered ones first, in order.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn decisions(&self) -> Result<Vec<DecisionView>, CallError> {
        self.call(Call::Decisions).await
    }

    /// One decision, by the digest of its proposal.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn decision(&self, digest: &Digest) -> Result<Option<DecisionView>, CallError> {
        self.call(|reply| Call::Decision(*digest, reply)).await
    }

    /// One decision, and why it is not certified.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn standing(
        &self,
        decision: &Digest,
    ) -> Result<Option<Box<DecisionStanding>>, CallError> {
        self.call(|reply| Call::Standing(*decision, reply)).await
    }

    /// What shows to others that members are faulty.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn evidence(&self) -> Result<Vec<Evidence>, CallError> {
        self.call(Call::Evidence).await
    }

    /// The certificate of a decision, by the digest of its proposal.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn certificate(&self, digest: &Digest) -> Result<Option<Certificate>, CallError> {
        self.call(|reply| Call::Certificate(*digest, reply)).await
    }

    /// The document that a decision is about, if it is here.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn document(&self, digest: &Digest) -> Result<Option<Bytes>, CallError> {
        self.call(|reply| Call::Document(*digest, reply)).await
    }

    /// The network's signature over that document, once it was accepted.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn document_signature(
        &self,
        digest: &Digest,
    ) -> Result<Option<GroupSignature>, CallError> {
        self.call(|reply| Call::DocumentSignature(*digest, reply)).await
    }

    /// How the node is.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn status(&self) -> Result<NodeStatus, CallError> {
        self.call(Call::Status).await
    }

    /// What changes from now on. Who lags behind has to look at the decisions again.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// What the node has counted since it was started.
    pub const fn counted(&self) -> &Counted {
        &self.counted
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Our place in it.
    pub const fn me(&self) -> PartyId {
        self.me
    }

    /// Where the node listens for members.
    pub fn listening(&self) -> &[Multiaddr] {
        &self.listening
    }

    async fn call<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<T, CallError> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(call(reply)).await.map_err(|_| CallError::Stopped)?;
        answer.await.map_err(|_| CallError::Stopped)
    }
}
