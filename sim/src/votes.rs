//! What messages vote for, for schedulers that look into frames.

use quorate_protocol::agreement::acs;
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::{generation, refresh};
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::Message;

use crate::{Wire, keygen};

/// The value that a message votes for in all agreements it speaks of, if that is one.
pub(crate) fn of(message: &Wire) -> Option<bool> {
    match message {
        Message::Slot(_, collect::Message::Subset(m))
        | Message::Decision(_, life::Message::Collect(collect::Message::Subset(m)))
        | Message::Run(_, supply::Message::Material(preprocessing::Message::Agree(m))) => vote(m),
        Message::Refresh(envelope) => match &**envelope {
            Envelope::Said { message: refresh::Message::Agreement(m), .. } => vote(m),
            _ => None,
        },
        _ => None,
    }
}

/// The same, of a message of a key generation.
pub(crate) fn of_keygen(message: &keygen::Wire) -> Option<bool> {
    match message {
        Envelope::Said { message: generation::Message::Agreement(m), .. } => vote(m),
        _ => None,
    }
}

const fn vote<S>(message: &acs::Message<S>) -> Option<bool> {
    let acs::Message::Votes { zero, one, .. } = message else { return None };
    match (zero.is_empty(), one.is_empty()) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}
