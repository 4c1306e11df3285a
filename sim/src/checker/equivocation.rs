//! No honest party says two different things where one is allowed, over any restart.
//!
//! Two SENDs, ECHOs or READYs in one broadcast; two E2, E3, DECIDEs or coin shares in one agreement
//! and round; two share vectors in one opening; two shares of one signature; in a refresh, two things under one
//! number or two CONFIRMs.

use std::collections::BTreeMap;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::{certifying, collect, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::mpc::preprocessing::{self, refine};
use quorate_protocol::party::{CoinShare, Message, RealSuite};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::acss;
use quorate_protocol::wire;
use serde::Serialize;

use super::{Checker, Observation, What};
use crate::Wire;
use crate::ghost::Ghost;

/// Names of places, and what is said there.
pub(crate) type Said = Vec<(String, Vec<u8>)>;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Equivocation {
    said: BTreeMap<(PartyId, String), blake3::Hash>,
}

impl Checker for Equivocation {
    fn name(&self) -> &'static str {
        "honest equivocation"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Said { by, epoch, to, message } = seen.what else { return Ok(()) };
        let mut said = Vec::new();
        statements(to, message, &mut said);
        for (slot, what) in said {
            let slot = format!("e{epoch} {slot}");
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
fn statements(to: Recipient, message: &Wire, said: &mut Said) {
    let whom = match to {
        Recipient::All => String::new(),
        Recipient::One(party) => format!(" to {party}"),
    };
    match message {
        Message::Proposal(id, m) => broadcast(&format!("proposal {id}"), &whom, m, said),
        Message::Slot(slot, m) => collected(&format!("slot{slot}"), &whom, m, said),
        Message::Decision(position, m) => {
            let path = format!("d{position}");
            match m {
                life::Message::Collect(m) => collected(&path, &whom, m, said),
                life::Message::Mask(m) => {
                    said.push((format!("{path} MASK{whom}"), wire::encode(m)))
                }
                life::Message::Compute(m) => {
                    said.push((format!("{path} compute r{}{whom}", m.round), wire::encode(m)));
                }
                life::Message::Certify(m @ certifying::Message::Share(purpose, _)) => {
                    said.push((format!("{path} SIGN {purpose}"), wire::encode(m)));
                }
                life::Message::Certify(m @ certifying::Message::Own(..)) => {
                    said.push((format!("{path} SIGN own"), wire::encode(m)));
                }
                life::Message::Certified(_) => {}
            }
        }
        Message::Run(run, supply::Message::Material(m)) => produced(*run, &whom, m, said),
        Message::Run(run, supply::Message::Nonces(dealer, m)) => {
            dealt(&format!("run{run} nonces/{dealer}"), &whom, m, said);
        }
        Message::Run(_, supply::Message::Pairs(_)) => {}
        Message::Refresh(m) => match &**m {
            Envelope::Said { number, message } => {
                said.push((format!("refresh {number}{whom}"), wire::encode(message)));
                match message {
                    refresh::Message::Dealing(dealer, m) => {
                        dealt(&format!("refresh dealing/{dealer}"), &whom, m, said);
                    }
                    refresh::Message::Sealing(sender, m) => {
                        broadcast(&format!("refresh sealing/{sender}"), &whom, m, said);
                    }
                    refresh::Message::Agreement(m) => agreed("refresh", m, said),
                }
            }
            m @ Envelope::Confirm { .. } => said.push(("refresh CONFIRM".into(), wire::encode(m))),
            Envelope::Hello { .. } => {}
        },
        Message::Document(..) | Message::RunDone(_) | Message::Sync(_) => {}
    }
}

fn produced(
    run: u64,
    whom: &str,
    message: &preprocessing::Message<quorate_protocol::math::Fp61, CoinShare<RealSuite>>,
    said: &mut Said,
) {
    match message {
        preprocessing::Message::Deal(dealer, m) => {
            dealt(&format!("run{run} deal/{dealer}"), whom, m, said);
        }
        preprocessing::Message::Agree(m) => agreed(&format!("run{run}"), m, said),
        preprocessing::Message::Refine(refine::Message::Open(stage, m)) => {
            let kind = match m {
                quorate_protocol::sharing::open::Message::Share(_) => "SHARE",
                quorate_protocol::sharing::open::Message::Word(_) => "WORD",
            };
            said.push((format!("run{run} {stage:?} {kind}{whom}"), wire::encode(m)));
        }
        _ => {}
    }
}

fn dealt(path: &str, whom: &str, message: &acss::Message, said: &mut Said) {
    match message {
        acss::Message::Rbc(m) => broadcast(path, whom, m, said),
        acss::Message::Shards(m) => said.push((format!("{path} SHARDS{whom}"), wire::encode(m))),
        acss::Message::Forward(m) => said.push((format!("{path} FORWARD{whom}"), wire::encode(m))),
        _ => {}
    }
}

fn collected(
    path: &str,
    whom: &str,
    message: &collect::Message<CoinShare<RealSuite>>,
    said: &mut Said,
) {
    match message {
        collect::Message::Value(of, m) => broadcast(&format!("{path} rbc/{of}"), whom, m, said),
        collect::Message::Subset(m) => agreed(path, m, said),
    }
}

/// What a message of a broadcast commits its sender to.
pub(crate) fn broadcast(path: &str, whom: &str, message: &rbc::Message, said: &mut Said) {
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
pub(crate) fn agreed<S: Serialize>(path: &str, message: &acs::Message<S>, said: &mut Said) {
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
