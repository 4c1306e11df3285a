//! What a message is part of, whatever it is about.

use quorate_protocol::agreement::coin::DdhShare;
use quorate_protocol::agreement::{acs, rbc};
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::math::Fp61;
use quorate_protocol::mpc::preprocessing::{self, refine};
use quorate_protocol::party::{CoinShare, Message, RealSuite};
use quorate_protocol::sharing::{acss, open};

use crate::Wire;

/// The innermost message, to be changed.
pub(super) enum Part<'a> {
    /// Of a reliable broadcast.
    Broadcast(&'a mut rbc::Message),
    /// Of binary agreements.
    Agreement(&'a mut acs::Message<DdhShare>),
    /// Of a sharing, but of its broadcast.
    Sharing(&'a mut acss::Message),
    /// Of an opening.
    Opening(&'a mut open::Message<Fp61>),
    /// Anything else.
    Other,
}

/// The innermost message of a message.
pub(super) fn part(message: &mut Wire) -> Part<'_> {
    match message {
        Message::Proposal(_, m) => Part::Broadcast(m),
        Message::Slot(_, m) | Message::Decision(_, life::Message::Collect(m)) => match m {
            collect::Message::Value(_, m) => Part::Broadcast(m),
            collect::Message::Subset(m) => Part::Agreement(m),
        },
        Message::Run(_, supply::Message::Nonces(_, m)) => of_sharing(m),
        Message::Run(_, supply::Message::Material(m)) => match m {
            preprocessing::Message::Deal(_, m) => of_sharing(m),
            preprocessing::Message::Agree(m) => Part::Agreement(m),
            preprocessing::Message::Refine(refine::Message::Open(_, m)) => Part::Opening(m),
            _ => Part::Other,
        },
        Message::Decision(_, life::Message::Mask(m)) => Part::Opening(m),
        Message::Decision(_, life::Message::Compute(m)) => Part::Opening(&mut m.shares),
        Message::Refresh(envelope) => match &mut **envelope {
            Envelope::Said { message: refresh::Message::Dealing(_, m), .. } => of_sharing(m),
            Envelope::Said { message: refresh::Message::Sealing(_, m), .. } => Part::Broadcast(m),
            Envelope::Said { message: refresh::Message::Agreement(m), .. } => Part::Agreement(m),
            _ => Part::Other,
        },
        _ => Part::Other,
    }
}

const fn of_sharing(message: &mut acss::Message) -> Part<'_> {
    match message {
        acss::Message::Rbc(m) => Part::Broadcast(m),
        other => Part::Sharing(other),
    }
}

/// The part of a message that belongs to binary agreements, but those of a refresh.
pub(super) const fn agreement(message: &Wire) -> Option<&acs::Message<CoinShare<RealSuite>>> {
    match message {
        Message::Slot(_, collect::Message::Subset(m))
        | Message::Decision(_, life::Message::Collect(collect::Message::Subset(m)))
        | Message::Run(_, supply::Message::Material(preprocessing::Message::Agree(m))) => Some(m),
        _ => None,
    }
}

/// What a message is about: of what sort that is, its number, and whose.
pub(super) type Place = (u8, u64, u64);

/// What a message is about: one broadcast, sharing, common subset, opening.
pub(super) fn place(message: &Wire) -> Option<Place> {
    let of = |sort, number: u64, party: PartyId| (sort, number, party.point());
    Some(match message {
        Message::Proposal(id, _) | Message::Document(id, _) => of(0, id.sequence, id.proposer),
        Message::Slot(slot, collect::Message::Value(party, _)) => of(1, *slot, *party),
        Message::Slot(slot, collect::Message::Subset(_)) => (2, *slot, 0),
        Message::Decision(at, m) => match m {
            life::Message::Collect(collect::Message::Value(party, _)) => of(3, *at, *party),
            life::Message::Collect(collect::Message::Subset(_)) => (4, *at, 0),
            life::Message::Mask(_) => (5, *at, 0),
            life::Message::Compute(m) => (6, *at, u64::from(m.round)),
            life::Message::Certify(_) | life::Message::Certified(_) => (7, *at, 0),
        },
        Message::Run(run, supply::Message::Nonces(party, _)) => of(8, *run, *party),
        Message::Run(run, supply::Message::Material(m)) => match m {
            preprocessing::Message::Deal(party, _) => of(9, *run, *party),
            preprocessing::Message::Agree(_) => (10, *run, 0),
            _ => (11, *run, 0),
        },
        Message::Refresh(envelope) => match &**envelope {
            Envelope::Said { message: refresh::Message::Dealing(party, _), .. } => {
                of(12, 0, *party)
            }
            Envelope::Said { message: refresh::Message::Sealing(party, _), .. } => {
                of(13, 0, *party)
            }
            Envelope::Said { message: refresh::Message::Agreement(_), .. } => (14, 0, 0),
            _ => return None,
        },
        Message::Run(_, supply::Message::Pairs(_)) | Message::RunDone(_) | Message::Sync(_) => {
            return None;
        }
    })
}

/// The round of an agreement that a message is of.
pub(super) fn round(message: &Wire) -> Option<u32> {
    let round = |m: &acs::Message<_>| match m {
        acs::Message::Votes { round, .. }
        | acs::Message::Shares { round, .. }
        | acs::Message::Resend { round, .. } => *round,
    };
    if let Message::Refresh(envelope) = message {
        return match &**envelope {
            Envelope::Said { message: refresh::Message::Agreement(m), .. } => Some(round(m)),
            _ => None,
        };
    }
    agreement(message).map(round)
}
