//! Which protocol a message is of, and what it belongs to.

use std::fmt;

use quorate_protocol::agreement::acs;
use quorate_protocol::decision::proposal::ProposalId;
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::keys::{ceremony, generation, refresh};
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::sharing::acss;

use serde::{Deserialize, Serialize};

use crate::{Wire, keygen};

/// The protocol that a message is of: the lowest one with a name of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Reliable broadcast.
    Broadcast,
    /// Votes of binary agreements.
    Agreement,
    /// Shares of coins.
    Coin,
    /// Sharing of secrets.
    Sharing,
    /// Opening of shared values.
    Opening,
    /// Signatures, certificates, confirmations.
    Signing,
    /// Documents that are to be signed.
    Documents,
    /// Who is where, and what it lacks.
    CatchingUp,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Broadcast,
        Self::Agreement,
        Self::Coin,
        Self::Sharing,
        Self::Opening,
        Self::Signing,
        Self::Documents,
        Self::CatchingUp,
    ];
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broadcast => "broadcast",
            Self::Agreement => "agreement",
            Self::Coin => "coin",
            Self::Sharing => "sharing",
            Self::Opening => "opening",
            Self::Signing => "signing",
            Self::Documents => "documents",
            Self::CatchingUp => "catching up",
        })
    }
}

/// What a message belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// The decision at a ledger position.
    Decision(u64),
    /// A proposal without a position yet.
    Proposal(ProposalId),
    /// A slot of the ledger.
    Slot(u64),
    /// A preprocessing run.
    Run(u64),
    /// The refresh that ends the epoch.
    Refresh,
    /// The first keys.
    Keys,
    /// Catching up.
    CatchingUp,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(position) => write!(f, "d{position}"),
            Self::Proposal(id) => write!(f, "proposal {id}"),
            Self::Slot(slot) => write!(f, "slot{slot}"),
            Self::Run(run) => write!(f, "run{run}"),
            Self::Refresh => f.write_str("refresh"),
            Self::Keys => f.write_str("keys"),
            Self::CatchingUp => f.write_str("catching up"),
        }
    }
}

/// A message whose place among the protocols is known. Prints as its path, such as
/// `d7 acs 3/r2 E1 1`.
pub trait Labelled: fmt::Display {
    /// The protocol it is of.
    fn layer(&self) -> Layer;
    /// What it belongs to.
    fn subject(&self) -> Subject;
    /// The round of the agreement on a decision's ballots that it is a vote or share of.
    fn round(&self) -> Option<u32>;
}

impl Labelled for Wire {
    fn layer(&self) -> Layer {
        match self {
            Self::Proposal(..) => Layer::Broadcast,
            Self::Document(..) => Layer::Documents,
            Self::Slot(_, message) => of_collection(message),
            Self::Run(_, supply::Message::Material(message)) => match message {
                preprocessing::Message::Deal(_, message) => of_sharing(message),
                preprocessing::Message::Agree(message) => of_agreement(message),
                preprocessing::Message::Refine(_) => Layer::Opening,
                preprocessing::Message::Secrets(_) => Layer::Sharing,
            },
            Self::Run(_, supply::Message::Nonces(_, message)) => of_sharing(message),
            Self::Run(_, supply::Message::Pairs(_)) => Layer::Sharing,
            Self::Decision(_, message) => match message {
                life::Message::Mask(_) | life::Message::Compute(_) => Layer::Opening,
                life::Message::Collect(message) => of_collection(message),
                life::Message::Certify(_) | life::Message::Certified(_) => Layer::Signing,
            },
            Self::RunDone(_) | Self::Sync(_) => Layer::CatchingUp,
            Self::Refresh(envelope) => of_envelope(envelope, |message| match message {
                refresh::Message::Dealing(_, message) => of_sharing(message),
                refresh::Message::Sealing(..) => Layer::Broadcast,
                refresh::Message::Agreement(message) => of_agreement(message),
            }),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Proposal(id, _) | Self::Document(id, _) => Subject::Proposal(*id),
            Self::Slot(slot, _) => Subject::Slot(*slot),
            Self::Run(run, _) | Self::RunDone(run) => Subject::Run(*run),
            Self::Decision(position, _) => Subject::Decision(*position),
            Self::Sync(_) => Subject::CatchingUp,
            Self::Refresh(_) => Subject::Refresh,
        }
    }

    fn round(&self) -> Option<u32> {
        let Self::Decision(_, life::Message::Collect(collect::Message::Subset(message))) = self
        else {
            return None;
        };
        match message {
            acs::Message::Votes { round, .. } | acs::Message::Shares { round, .. } => Some(*round),
            acs::Message::Resend { .. } => None,
        }
    }
}

impl Labelled for keygen::Wire {
    fn layer(&self) -> Layer {
        of_envelope(self, |message| match message {
            generation::Message::Dealing(_, message) => of_sharing(message),
            generation::Message::Set(..) => Layer::Broadcast,
            generation::Message::Agreement(message) => of_agreement(message),
        })
    }

    fn subject(&self) -> Subject {
        Subject::Keys
    }

    fn round(&self) -> Option<u32> {
        None
    }
}

fn of_envelope<M>(envelope: &ceremony::Envelope<M>, of: impl FnOnce(&M) -> Layer) -> Layer {
    match envelope {
        ceremony::Envelope::Hello { .. } => Layer::CatchingUp,
        ceremony::Envelope::Said { message, .. } => of(message),
        ceremony::Envelope::Confirm { .. } => Layer::Signing,
    }
}

const fn of_collection<S>(message: &collect::Message<S>) -> Layer {
    match message {
        collect::Message::Value(..) => Layer::Broadcast,
        collect::Message::Subset(message) => of_agreement(message),
    }
}

const fn of_agreement<S>(message: &acs::Message<S>) -> Layer {
    match message {
        acs::Message::Shares { .. } => Layer::Coin,
        acs::Message::Votes { .. } | acs::Message::Resend { .. } => Layer::Agreement,
    }
}

const fn of_sharing(message: &acss::Message) -> Layer {
    match message {
        acss::Message::Rbc(_) => Layer::Broadcast,
        _ => Layer::Sharing,
    }
}
