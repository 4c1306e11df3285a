//! The interface's view of a running node: from protocol values to organisation names and words.

use std::sync::Arc;

use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::life;
use quorate_protocol::decision::proposal::{
    DecisionId, DocumentRef, Proposal, ProposalError, Renewal,
};
use quorate_protocol::limits;
use quorate_protocol::party::{DecisionView, Notice, Refusal, StatusView};
use quorate_protocol::rule::Rule;
use quorate_protocol::secret::Secret;
use quorate_protocol::wire::Bytes;
use tokio::sync::broadcast;

use super::model::{
    Code, Decision, DecisionCounts, Document, Explanation, Faults, NewDecision, NewMember, NewVote,
    Outcome, Peer, Phase, Problem, Proposed, Readiness, Receipt, Refreshing, Status, Stock, Work,
};
use super::{Service, explain, health};
use crate::certificate_file::{CertificateFile, name, names, replaces};
use crate::cli::time;
use crate::evidence_file::EvidenceFile;
use crate::home::{Home, Rehearsal};
use crate::metrics::{self, Ages};
use crate::net::Transport;
use crate::roster::{MemberCard, Network, RosterError};
use crate::{CallError, NodeHandle, NodeStatus};

/// A running node behind the interface.
#[derive(Clone)]
pub struct Live {
    node: NodeHandle,
    network: Arc<Network>,
    home: Home,
}

impl Live {
    /// The node of this handle, which runs on this data directory.
    pub fn new(node: NodeHandle, home: Home) -> Self {
        let network = Arc::new(node.network().clone());
        Self { node, network, home }
    }

    /// How old the last backup and drill of the keys of this epoch are.
    fn ages(&self, epoch: u64) -> Ages {
        let Ok(history) = self.home.history() else { return Ages::default() };
        let now = time::now_ms() / 1000;
        let age = |last: Option<Rehearsal>| {
            let last = last.filter(|last| last.epoch == epoch)?;
            Some(now.saturating_sub(time::seconds(&last.at)?))
        };
        Ages { backup: age(history.backup), drill: age(history.drill) }
    }

    async fn view(&self, digest: &str) -> Result<DecisionView, Problem> {
        let unknown = || {
            Problem::new(Code::NotFound, "this node knows no decision with that digest")
                .hint("quorate list")
        };
        let digest = parse_digest(digest).ok_or_else(unknown)?;
        self.node.decision(&digest).await?.ok_or_else(unknown)
    }

    /// Whether the node says nothing yet.
    async fn listens(&self) -> Result<bool, Problem> {
        Ok(health::listens(&self.node.status().await?))
    }
}

/// A decision in names and words; `listens` says that the node says nothing yet, whatever comes.
pub(super) fn describe(network: &Network, view: &DecisionView, listens: bool) -> Decision {
    let committee = network.committee();
    let proposal = &view.proposal;
    // The protocol counts abstentions among the votes that are in.
    let voted = view.voted.difference(view.abstained);
    Decision {
        id: view.id.clone(),
        digest: view.digest.to_string(),
        title: proposal.title.clone(),
        body: proposal.text.clone(),
        rule: proposal.rule.to_string(),
        input: proposal.rule.input().to_string(),
        proposer: name(network, view.proposer),
        deadline: time::moment(proposal.deadline_ms),
        deadline_ms: proposal.deadline_ms,
        document: proposal.document.map(|document| Document {
            bytes: document.length,
            blake3: document.digest.to_string(),
            here: view.document_here,
        }),
        refresh: proposal.renewal.is_some(),
        replaces: proposal.renewal.replacement().map(|new| replaces(network, new)),
        minimum: proposal.minimum.into(),
        position: view.position,
        phase: phase(view.phase),
        members: committee.n(),
        voted: names(network, voted),
        abstained: names(network, view.abstained),
        missing: names(network, committee.everyone().difference(view.voted)),
        you_voted: view.i_voted,
        counted: view.counted.map(|counted: PartySet| names(network, counted)),
        outcome: view.outcome.map(Into::into),
        following: view.follows || listens && view.outcome.is_none(),
        waiting: view.waiting.clone(),
    }
}

impl Service for Live {
    type Notice = Notice;

    async fn status(&self) -> Result<Status, Problem> {
        Ok(describe_status(&self.network, &self.node.status().await?))
    }

    async fn decisions(&self) -> Result<Vec<Decision>, Problem> {
        let mut views = self.node.decisions().await?;
        // Newest first: those without a position yet, then by position.
        views.sort_by_key(|view| std::cmp::Reverse(view.position.unwrap_or(u64::MAX)));
        let listens = self.listens().await?;
        Ok(views.iter().map(|view| describe(&self.network, view, listens)).collect())
    }

    async fn decision(&self, digest: &str) -> Result<Decision, Problem> {
        let view = self.view(digest).await?;
        Ok(describe(&self.network, &view, self.listens().await?))
    }

    async fn explain(&self, digest: &str) -> Result<Explanation, Problem> {
        let view = self.view(digest).await?;
        let known = self.node.standing(&view.digest).await?;
        let known = known.ok_or_else(|| Problem::new(Code::NotFound, "it has just lapsed"))?;
        Ok(explain::explain(&self.network, &known, time::now_ms()))
    }

    async fn propose(&self, new: NewDecision) -> Result<Proposed, Problem> {
        let committee = self.network.committee();
        let rule = Rule::parse(&new.rule)
            .map_err(|e| Problem::new(Code::InvalidRule, e.to_string()).hint(e.hint()))?;
        let document = new.document.as_deref().map(decode_document).transpose()?;
        let renewal = match new.replaces {
            Some(NewMember { member, card }) => {
                let card = MemberCard::parse(&card);
                let new = card.and_then(|card| self.network.replacement(&member, &card));
                Renewal::Replace(Box::new(new.map_err(misfit)?))
            }
            None if new.refresh => Renewal::Refresh,
            None => Renewal::None,
        };
        let proposal = Proposal {
            title: new.title,
            text: new.body,
            rule,
            deadline_ms: new.deadline_ms,
            minimum: u16::try_from(committee.majority()).unwrap_or(u16::MAX),
            nonce: rand::random(),
            document: document.as_deref().map(name_document).transpose()?,
            renewal,
        };
        proposal.validate(committee).map_err(|error| match &error {
            ProposalError::Rule(rule) => {
                Problem::new(Code::InvalidRule, error.to_string()).hint(rule.hint())
            }
            _ => Problem::new(Code::InvalidProposal, error.to_string())
                .hint("change it and propose again"),
        })?;
        let digest = self.node.propose(proposal, document).await?;
        Ok(Proposed { id: DecisionId::of(&digest).to_string(), digest: digest.to_string() })
    }

    async fn vote(&self, digest: &str, vote: NewVote) -> Result<Receipt, Problem> {
        let view = self.view(digest).await?;
        let rule = &view.proposal.rule;
        let value = rule.parse_vote(&vote.vote).map_err(|error| {
            Problem::new(Code::InvalidVote, error.to_string())
                .hint(format!("quorate vote {}", view.id))
        })?;
        let receipt = self.node.vote(view.digest, Secret::new(value)).await.map_err(|error| {
            match Problem::from(error) {
                changing if changing.code == Code::KeysChanging => changing,
                other => other.hint(format!("quorate show {}", view.id)),
            }
        })?;
        Ok(Receipt {
            id: DecisionId::of(&receipt.decision).to_string(),
            digest: receipt.decision.to_string(),
            position: receipt.position,
        })
    }

    async fn certificate(&self, digest: &str) -> Result<CertificateFile, Problem> {
        let view = self.view(digest).await?;
        let certificate = self.node.certificate(&view.digest).await?.ok_or_else(|| {
            Problem::new(Code::Undecided, format!("{} is not decided yet", view.id))
                .hint(format!("quorate wait {}", view.id))
        })?;
        Ok(CertificateFile::new(&self.network, &certificate))
    }

    async fn evidence(&self) -> Result<Vec<EvidenceFile>, Problem> {
        let all = self.node.evidence().await?;
        Ok(all.iter().filter_map(|one| EvidenceFile::new(&self.network, one).ok()).collect())
    }

    async fn signature(&self, digest: &str) -> Result<Bytes, Problem> {
        let view = self.view(digest).await?;
        if let Some(signature) = self.node.document_signature(&view.digest).await? {
            return Ok(signature.to_bytes().to_vec().into());
        }
        let (id, outcome) = (&view.id, view.outcome.map(Outcome::from));
        let show = format!("quorate show {id}");
        let (code, detail, hint) = match (view.proposal.document, outcome) {
            (None, _) => (Code::NotFound, format!("{id} names no document to be signed"), show),
            (_, None) => (
                Code::Undecided,
                format!("{id} is not decided yet, so nothing is signed"),
                format!("quorate wait {id}"),
            ),
            (_, Some(Outcome::Accepted)) => (
                Code::NotFound,
                "this node has the certificate alone, without the signature".to_owned(),
                "ask another member for it".to_owned(),
            ),
            (_, Some(other)) => {
                (Code::NotFound, format!("{id} is {}: nothing was signed", other.word()), show)
            }
        };
        Err(Problem::new(code, detail).hint(hint))
    }

    async fn document(&self, digest: &str) -> Result<Bytes, Problem> {
        let view = self.view(digest).await?;
        if let Some(bytes) = self.node.document(&view.digest).await? {
            return Ok(bytes);
        }
        let id = &view.id;
        let (detail, hint) = match (view.proposal.document, view.phase) {
            (None, _) => (format!("{id} names no document"), format!("quorate show {id}")),
            (_, life::Phase::Certified) => (
                format!("{id} is decided, and its document is no longer kept here"),
                "ask a member that saved it".to_owned(),
            ),
            _ => (
                format!("the document of {id} is not here yet; this node asks the others for it"),
                format!("try again: quorate show {id}"),
            ),
        };
        Err(Problem::new(Code::NotFound, detail).hint(hint))
    }

    async fn readiness(&self) -> Result<Readiness, Problem> {
        Ok(health::readiness(&self.network, &self.node.status().await?))
    }

    async fn metrics(&self) -> Result<String, Problem> {
        let status = self.node.status().await?;
        let margin = health::margin(&self.network, &status).left;
        let needing = status.open.iter();
        let now = time::now_ms();
        let needing = needing.filter(|view| health::needs_you(&status, view, now)).count();
        let ages = self.ages(status.epoch);
        let counted = self.node.counted();
        metrics::render(&self.network, &status, (margin, needing), ages, counted)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))
    }

    fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.node.subscribe()
    }
}

/// Why somebody cannot come in.
fn misfit(error: RosterError) -> Problem {
    let hint =
        error.hint().unwrap_or_else(|| "ask the member for its member.toml again".to_owned());
    Problem::new(Code::InvalidProposal, error.to_string()).hint(hint)
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let code = match &error {
            CallError::Stopped => Code::Stopping,
            CallError::CeremonyOpen => Code::KeysChanging,
            CallError::Misfit(_) => Code::InvalidProposal,
            CallError::Refused(refusal) => match refusal {
                Refusal::UnknownDecision => Code::NotFound,
                Refusal::AlreadyVoted => Code::AlreadyVoted,
                Refusal::Sealed | Refusal::Late => Code::Sealed,
                Refusal::EpochOver => Code::KeysChanging,
                Refusal::FollowingOnly | Refusal::Returning => Code::FollowingOnly,
                Refusal::InvalidVote(_) => Code::InvalidVote,
                Refusal::InvalidProposal(_) => Code::InvalidProposal,
                Refusal::TooManyOpen { .. } | Refusal::TooManyDocuments { .. } => Code::TooManyOpen,
                _ => Code::BadRequest,
            },
        };
        let problem = Self::new(code, error.to_string());
        match code {
            Code::KeysChanging if error == CallError::CeremonyOpen => problem.hint(
                "it is finished soon after all members' nodes run: see quorate peers, and try again",
            ),
            Code::Stopping => problem.hint("start the node again: quorate run"),
            Code::KeysChanging => problem.hint("quorate status shows how far they are"),
            Code::TooManyOpen => problem.hint("wait for one to be decided: quorate list --open"),
            _ => problem.hint("quorate list"),
        }
    }
}

fn decode_document(text: &str) -> Result<Bytes, Problem> {
    let decoded = data_encoding::BASE64.decode(text.as_bytes());
    decoded.map(Bytes::from).map_err(|_| {
        Problem::new(Code::BadRequest, "the document is not in base 64")
            .hint("is the command of another version than the node?")
    })
}

fn name_document(bytes: &[u8]) -> Result<DocumentRef, Problem> {
    DocumentRef::of(bytes).ok_or_else(|| {
        let limit = limits::MAX_DOCUMENT;
        Problem::new(Code::InvalidProposal, format!("the document is over {limit} bytes long"))
            .hint("have a list of hashes signed: sha256sum FILE.. > FILES")
    })
}

pub(super) fn describe_status(network: &Network, status: &NodeStatus) -> Status {
    let committee = network.committee();
    let party: &StatusView = &status.party;
    let stats = &party.stats;
    let peer = |peer: &crate::PeerStatus| Peer {
        name: peer.name.clone(),
        connected: peer.connected,
        transport: peer.transport.as_ref().map(transport),
        through: match &peer.transport {
            Some(Transport::Relayed { through }) => {
                through.iter().map(|member| name(network, *member)).collect()
            }
            _ => Vec::new(),
        },
        last_seen_ms_ago: peer.last_seen_ms_ago,
        round_trip_us: peer.round_trip_us,
        clock_ahead_ms: peer.clock_ahead_ms,
        unacknowledged: peer.unacked_frames,
        waiting_bytes: peer.unacked_bytes,
        lost: peer.lost_frames,
        kept_bytes: peer.kept_bytes,
        faults: party.faults.iter().filter(|f| f.member == peer.party).map(|f| f.times).sum(),
        trouble: peer.trouble.clone(),
    };
    let margin = health::margin(network, status);
    let now_ms = time::now_ms();
    let warnings = health::warnings(network, status, now_ms);
    // Newest first: those without a position yet, then by position.
    let mut open: Vec<_> = status.open.iter().collect();
    open.sort_by_key(|view| std::cmp::Reverse(view.position.unwrap_or(u64::MAX)));
    Status {
        organisation: status.name.clone(),
        network: status.network.clone(),
        digest: status.digest.to_string(),
        epoch: status.epoch,
        refresh: status.refresh.as_ref().map(|refresh| Refreshing {
            position: refresh.position,
            made: refresh.made,
            confirmed: names(network, refresh.confirmed),
            missing: names(network, committee.everyone().difference(refresh.confirmed)),
        }),
        members: committee.n(),
        tolerates: committee.t(),
        quorum: committee.quorum(),
        uptime_seconds: status.uptime_seconds,
        peers: status.peers.iter().map(peer).collect(),
        stock: Stock {
            bits: party.bits_left,
            triples: party.triples_left,
            pairs: party.pairs_left,
            runs: party.runs,
            refilling: party.run_in_progress,
        },
        decisions: DecisionCounts {
            open: party.open,
            certified: party.certified,
            positions: party.positions,
        },
        faults: party
            .faults
            .iter()
            .map(|fault| Faults {
                name: name(network, fault.member),
                what: fault.what.clone(),
                times: fault.times,
                provable: fault.provable,
            })
            .collect(),
        work: Work {
            coins: stats.coins,
            complaints: stats.complaints,
            recovered: stats.recovered,
            corrected_openings: stats.corrected_openings,
            excluded_inputs: stats.excluded_inputs,
            refills: stats.refills,
        },
        returning: party
            .returning
            .map(|silent| silent.iter().map(|member| name(network, member)).collect()),
        half_back: party.half_back,
        older_copy: status.older_copy,
        keys: status.origin.words().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        process: std::process::id(),
        health: health::health(&margin, &warnings),
        margin,
        warnings,
        open: open.into_iter().map(|view| health::in_a_line(status, view, now_ms)).collect(),
    }
}

fn transport(transport: &Transport) -> String {
    match transport {
        Transport::Quic => "quic",
        Transport::Tcp => "tcp",
        Transport::Relayed { .. } => "relayed",
    }
    .to_owned()
}

pub(super) const fn phase(phase: life::Phase) -> Phase {
    match phase {
        life::Phase::Proposed => Phase::Proposed,
        life::Phase::Open => Phase::Open,
        life::Phase::Sealed => Phase::Sealed,
        life::Phase::Computing => Phase::Computing,
        life::Phase::Certified => Phase::Certified,
    }
}

fn parse_digest(text: &str) -> Option<Digest> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    <[u8; 32]>::try_from(bytes).ok().map(Digest::from)
}
