//! No honest party says two different things where one is allowed, over any restart.
//!
//! Two SENDs, ECHOs or READYs in one broadcast; two E2, E3, DECIDEs or coin shares in one agreement
//! and round; two share vectors in one opening; a dealing that is both held and complained of; two
//! shares of one signature, or two statements certified at one position; two documents of one
//! proposal; two stories of how a slot or a run ended; in a refresh, two things under one number or
//! two CONFIRMs.

use std::collections::BTreeMap;
use std::fmt;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::decision::{certifying, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::signing::Purpose;
use quorate_protocol::mpc::preprocessing::{self, refine};
use quorate_protocol::party::{Message, documents, sync};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::{acss, open};
use quorate_protocol::wire;
use serde::Serialize;

use super::instance::{Instance, Votes, agreement, broadcast, sharing};
use super::{Checker, Observation, What};
use crate::Wire;
use crate::ghost::Ghost;

/// Whom something is said to, where everybody is told something else.
type Whom = Option<PartyId>;

/// A place in an instance, in which one thing is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Send(Whom),
    Echo,
    Ready,
    Shards(Whom),
    Forward(Whom),
    Verdict,
    Reveal,
    Share { round: u32, about: PartyId },
    Mask(Whom),
    Compute { round: u16, to: Whom },
    Sign(Purpose),
    Own,
    Certified,
    Open { stage: refine::Stage, word: bool, to: Whom },
    Document,
    Ended,
    Number { number: u32, to: Whom },
    Confirm,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Votes of one kind in one round, and what was voted: for 0, for 1 and for bot.
type Round = (PartyId, u64, Instance, u32, u8);

/// See the [module](self).
#[derive(Default)]
pub(super) struct Equivocation {
    said: BTreeMap<(PartyId, u64, Instance, Place), u64>,
    votes: BTreeMap<Round, [PartySet; 3]>,
    /// The round of each DECIDE.
    decided: BTreeMap<(PartyId, u64, Instance, PartyId), u32>,
}

impl Checker for Equivocation {
    fn name(&self) -> &'static str {
        "honest equivocation"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Said { by, epoch, to, message } = seen.what else { return Ok(()) };
        if let Some((instance, m)) = agreement(message) {
            self.vote(by, epoch, instance, m)?;
        }
        let to = match to {
            Recipient::All => None,
            Recipient::One(party) => Some(party),
        };
        let mut clash = Ok(());
        statements(to, message, &mut |instance, place, what| {
            let first = *self.said.entry((by, epoch, instance, place)).or_insert(what);
            if first != what {
                clash = Err(format!(
                    "{by} says two different things in epoch {epoch}: {instance:?} {place}"
                ));
            }
        });
        clash
    }
}

impl Equivocation {
    /// Votes that contradict others of the same party in the same round.
    fn vote(
        &mut self,
        by: PartyId,
        epoch: u64,
        instance: Instance,
        message: &Votes,
    ) -> Result<(), String> {
        let acs::Message::Votes { round, kind, zero, one, bot } = message else { return Ok(()) };
        let (round, kind) = match kind {
            // Both values may be said in E1.
            Kind::E1 => return Ok(()),
            Kind::E2 => (*round, 2),
            Kind::E3 => (*round, 3),
            // Whatever the round; and that is said once, too.
            Kind::Decide => {
                for about in zero.union(*one).iter() {
                    let place = (by, epoch, instance, about);
                    if *self.decided.entry(place).or_insert(*round) != *round {
                        return Err(format!("{by} decides twice: {instance:?} about {about}"));
                    }
                }
                (0, 4)
            }
        };
        let said = self.votes.entry((by, epoch, instance, round, kind)).or_default();
        let [zeros, ones, bots] = said;
        (*zeros, *ones, *bots) = (zeros.union(*zero), ones.union(*one), bots.union(*bot));
        let twice = zeros.intersection(*ones).union(bots.intersection(zeros.union(*ones)));
        if twice.is_empty() {
            return Ok(());
        }
        Err(format!("{by} votes twice in epoch {epoch}: {instance:?} {message} about {twice}"))
    }
}

/// What a message commits its sender to: each place, and a fingerprint of what is said there.
fn statements(to: Whom, message: &Wire, say: &mut dyn FnMut(Instance, Place, u64)) {
    if let Some((instance, m)) = agreement(message) {
        if let acs::Message::Shares { round, shares } = m {
            for (about, share) in shares {
                let place = Place::Share { round: *round, about: *about };
                say(instance, place, fingerprint(share));
            }
        }
    } else if let Some((instance, _, m)) = broadcast(message) {
        broadcasted(instance, to, m, say);
    } else if let Some((instance, _, m)) = sharing(message) {
        dealt(instance, to, m, say);
    }
    match message {
        Message::Decision(position, m) => decided(Instance::Decision(*position), to, m, say),
        Message::Run(
            run,
            supply::Message::Material(preprocessing::Message::Refine(refine::Message::Open(
                stage,
                m,
            ))),
        ) => {
            let word = matches!(m, open::Message::Word(_));
            let place = Place::Open { stage: *stage, word, to };
            say(Instance::Run(*run), place, fingerprint(m));
        }
        Message::Document(id, m @ documents::Message::Send(_)) => {
            say(Instance::Proposal(*id), Place::Document, fingerprint(m));
        }
        Message::Sync(sync::Message::Slot(slot, summary)) => {
            say(Instance::Slot(*slot), Place::Ended, fingerprint(summary));
        }
        Message::Sync(sync::Message::Run(run, dealers)) => {
            say(Instance::Run(*run), Place::Ended, u64::from(*dealers));
        }
        Message::Refresh(m) => match &**m {
            Envelope::Said { number, message } => {
                let place = Place::Number { number: *number, to };
                say(Instance::Refresh, place, fingerprint(message));
            }
            m @ Envelope::Confirm { .. } => {
                say(Instance::Refresh, Place::Confirm, fingerprint(m));
            }
            Envelope::Hello { .. } => {}
        },
        _ => {}
    }
}

fn decided<S: Serialize>(
    instance: Instance,
    to: Whom,
    message: &life::Message<S>,
    say: &mut dyn FnMut(Instance, Place, u64),
) {
    match message {
        life::Message::Mask(m) => say(instance, Place::Mask(to), fingerprint(m)),
        life::Message::Compute(m) => {
            say(instance, Place::Compute { round: m.round, to }, fingerprint(m));
        }
        life::Message::Certify(m @ certifying::Message::Share(purpose, _)) => {
            say(instance, Place::Sign(*purpose), fingerprint(m));
        }
        life::Message::Certify(m @ certifying::Message::Own(..)) => {
            say(instance, Place::Own, fingerprint(m));
        }
        // In the accountable form there are several certificates of one statement.
        life::Message::Certified(certified) => {
            let statement = certified.certificate.statement.to_signed_bytes();
            say(instance, Place::Certified, fold(&statement));
        }
        life::Message::Collect(_) => {}
    }
}

fn dealt(
    instance: Instance,
    to: Whom,
    message: &acss::Message,
    say: &mut dyn FnMut(Instance, Place, u64),
) {
    match message {
        acss::Message::Shards(m) => say(instance, Place::Shards(to), fingerprint(m)),
        acss::Message::Forward(m) => say(instance, Place::Forward(to), fingerprint(m)),
        acss::Message::Ok => say(instance, Place::Verdict, 0),
        acss::Message::Complain(m) => say(instance, Place::Verdict, fingerprint(m) | 1),
        acss::Message::Reveal(m) => say(instance, Place::Reveal, fold(m)),
        acss::Message::Rbc(_) | acss::Message::Done | acss::Message::Local(_) => {}
    }
}

fn broadcasted(
    instance: Instance,
    to: Whom,
    message: &rbc::Message,
    say: &mut dyn FnMut(Instance, Place, u64),
) {
    let (place, what) = match message {
        rbc::Message::Send { payload, .. } => (Place::Send(None), fold(payload)),
        rbc::Message::SendShard { shard, .. } => (Place::Send(to), fold(shard.root.as_bytes())),
        rbc::Message::Echo(digest) => (Place::Echo, fold(digest.as_bytes())),
        rbc::Message::EchoShard(shard) => (Place::Echo, fold(shard.root.as_bytes())),
        rbc::Message::Ready(digest) => (Place::Ready, fold(digest.as_bytes())),
        rbc::Message::Pull(_) | rbc::Message::Payload(_) => return,
    };
    say(instance, place, what);
}

/// Stands for a value: two different ones have the same only by accident, once in 2^64 times.
fn fingerprint<T: Serialize>(value: &T) -> u64 {
    fold(&wire::encode(value))
}

/// Not a cryptographic hash: nobody chooses what honest parties say to have it collide, and there is
/// much of it.
fn fold(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    let start = (bytes.len() as u64).wrapping_mul(ODD);
    words.fold(start, |hash, word| (hash ^ word).wrapping_mul(ODD).rotate_left(29))
}
