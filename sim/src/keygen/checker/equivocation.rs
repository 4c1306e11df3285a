//! No honest member says two different things where one is allowed, over any restart.
//!
//! What it says to one member under one number is always the same bytes. And in one place it says
//! the same to all: one SEND, ECHO or READY in one broadcast; one E2, E3, DECIDE or coin share in
//! one agreement and round; one CONFIRM.

use std::collections::BTreeMap;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::sharing::acss;
use quorate_protocol::wire;
use serde::Serialize;

use super::{Checker, Observation, What};
use crate::keygen::{Content, Ghost, Wire};

/// Names of places, and what is said there.
type Said = Vec<(String, Vec<u8>)>;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Equivocation {
    numbered: BTreeMap<(PartyId, PartyId, u32), blake3::Hash>,
    said: BTreeMap<(PartyId, String), blake3::Hash>,
}

impl Checker for Equivocation {
    fn name(&self) -> &'static str {
        "honest equivocation"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Said { by, to, message } = seen.what else { return Ok(()) };
        let mut said = Vec::new();
        match message {
            Wire::Said { number, message } => {
                let hash = blake3::hash(&wire::encode(message));
                let first = *self.numbered.entry((by, to, *number)).or_insert(hash);
                if first != hash {
                    return Err(format!("{by} says two different things to {to}: {message}"));
                }
                statements(to, message, &mut said);
            }
            Wire::Confirm { .. } => said.push(("CONFIRM".into(), wire::encode(message))),
            Wire::Hello { .. } => {}
        }
        for (slot, what) in said {
            let hash = blake3::hash(&what);
            let first = *self.said.entry((by, slot.clone())).or_insert(hash);
            if first != hash {
                return Err(format!("{by} says two different things: {slot}"));
            }
        }
        Ok(())
    }
}

/// What a message commits its sender to: a name of the place, and what is said there.
fn statements(to: PartyId, message: &Content, said: &mut Said) {
    let whom = format!(" to {to}");
    match message {
        Content::Dealing(dealer, m) => {
            let path = format!("dealing/{dealer}");
            match m {
                acss::Message::Rbc(m) => broadcast(&path, &whom, m, said),
                acss::Message::Shards(m) => {
                    said.push((format!("{path} SHARDS{whom}"), wire::encode(m)));
                }
                acss::Message::Forward(m) => {
                    said.push((format!("{path} FORWARD{whom}"), wire::encode(m)));
                }
                acss::Message::Complain(m) => {
                    said.push((format!("{path} OK"), wire::encode(&(false, m))));
                }
                acss::Message::Ok => said.push((format!("{path} OK"), wire::encode(&true))),
                acss::Message::Reveal(m) => {
                    said.push((format!("{path} REVEAL"), wire::encode(m)));
                }
                acss::Message::Done | acss::Message::Local(_) => {}
            }
        }
        Content::Set(sender, m) => broadcast(&format!("set/{sender}"), &whom, m, said),
        Content::Agreement(m) => agreed("agreement", m, said),
    }
}

/// What a message of a broadcast commits its sender to.
fn broadcast(path: &str, whom: &str, message: &rbc::Message, said: &mut Said) {
    let place = match message {
        rbc::Message::Send { .. } => format!("{path} SEND"),
        rbc::Message::SendShard { .. } => format!("{path} SEND{whom}"),
        rbc::Message::Echo(_) | rbc::Message::EchoShard(_) => format!("{path} ECHO"),
        rbc::Message::Ready(_) => format!("{path} READY"),
        rbc::Message::Pull(_) | rbc::Message::Payload(_) => return,
    };
    said.push((place, wire::encode(message)));
}

/// What a message of a common subset commits its sender to.
fn agreed<S: Serialize>(path: &str, message: &acs::Message<S>, said: &mut Said) {
    match message {
        // Both values may be said in E1.
        acs::Message::Votes { kind: Kind::E1, .. } | acs::Message::Resend { .. } => {}
        acs::Message::Votes { round, kind, zero, one, bot } => {
            for (value, set) in [(0u8, zero), (1, one), (2, bot)] {
                for about in set.iter() {
                    let (place, what) = match kind {
                        Kind::Decide => (String::new(), vec![value, 0]),
                        _ => (format!("r{round} "), vec![value]),
                    };
                    said.push((format!("{path} acs/{about} {place}{kind}"), what));
                }
            }
        }
        acs::Message::Shares { round, shares } => {
            for (about, share) in shares {
                said.push((format!("{path} acs/{about} r{round} SHARE"), wire::encode(share)));
            }
        }
    }
}
