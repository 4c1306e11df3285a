//! Which protocol instance a message is of, as a small value to keep books by.

use quorate_protocol::agreement::{acs, rbc};
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::proposal::ProposalId;
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::{CoinShare, Message, RealSuite};
use quorate_protocol::sharing::acss;

use crate::Wire;

/// A message of a common subset.
pub(crate) type Votes = acs::Message<CoinShare<RealSuite>>;

/// An instance within an epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Instance {
    /// The broadcast of a proposal.
    Proposal(ProposalId),
    /// A slot of the ledger, or its common subset.
    Slot(u64),
    /// The broadcast of a member's value in a slot.
    Value(u64, PartyId),
    /// The decision at a position, or its common subset.
    Decision(u64),
    /// The broadcast of a member's ballot.
    Ballot(u64, PartyId),
    /// A preprocessing run, or its common subset.
    Run(u64),
    /// A member's dealing in a run.
    Deal(u64, PartyId),
    /// A member's dealing of nonces in a run.
    Nonces(u64, PartyId),
    /// The refresh that ends the epoch, or its common subset.
    Refresh,
    /// A member's dealing in the refresh.
    Reshare(PartyId),
    /// The broadcast of a member's next sealing key.
    Sealing(PartyId),
}

/// The common subset that a message is of.
pub(crate) fn agreement(message: &Wire) -> Option<(Instance, &Votes)> {
    match message {
        Message::Slot(slot, collect::Message::Subset(m)) => Some((Instance::Slot(*slot), m)),
        Message::Decision(at, life::Message::Collect(collect::Message::Subset(m))) => {
            Some((Instance::Decision(*at), m))
        }
        Message::Run(run, supply::Message::Material(preprocessing::Message::Agree(m))) => {
            Some((Instance::Run(*run), m))
        }
        Message::Refresh(m) => match &**m {
            Envelope::Said { message: refresh::Message::Agreement(m), .. } => {
                Some((Instance::Refresh, m))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The sharing that a message is of, with its dealer.
pub(crate) fn sharing(message: &Wire) -> Option<(Instance, PartyId, &acss::Message)> {
    match message {
        Message::Run(run, supply::Message::Material(preprocessing::Message::Deal(dealer, m))) => {
            Some((Instance::Deal(*run, *dealer), *dealer, m))
        }
        Message::Run(run, supply::Message::Nonces(dealer, m)) => {
            Some((Instance::Nonces(*run, *dealer), *dealer, m))
        }
        Message::Refresh(m) => match &**m {
            Envelope::Said { message: refresh::Message::Dealing(dealer, m), .. } => {
                Some((Instance::Reshare(*dealer), *dealer, m))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The reliable broadcast that a message is of, with its sender.
pub(crate) fn broadcast(message: &Wire) -> Option<(Instance, PartyId, &rbc::Message)> {
    match message {
        Message::Proposal(id, m) => Some((Instance::Proposal(*id), id.proposer, m)),
        Message::Slot(slot, collect::Message::Value(of, m)) => {
            Some((Instance::Value(*slot, *of), *of, m))
        }
        Message::Decision(at, life::Message::Collect(collect::Message::Value(of, m))) => {
            Some((Instance::Ballot(*at, *of), *of, m))
        }
        Message::Refresh(m) => match &**m {
            Envelope::Said { message: refresh::Message::Sealing(sender, m), .. } => {
                Some((Instance::Sealing(*sender), *sender, m))
            }
            _ => sharing_broadcast(message),
        },
        _ => sharing_broadcast(message),
    }
}

fn sharing_broadcast(message: &Wire) -> Option<(Instance, PartyId, &rbc::Message)> {
    match sharing(message)? {
        (instance, dealer, acss::Message::Rbc(m)) => Some((instance, dealer, m)),
        _ => None,
    }
}
