//! For a message another one of the same kind and place, which contradicts it.

use std::sync::Arc;

use quorate_protocol::agreement::acs;
use quorate_protocol::agreement::coin::{Coin, DdhShare};
use quorate_protocol::agreement::rbc::{self, Mode, Rbc};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::certifying::{self, Certified};
use quorate_protocol::decision::proposal::{Proposal, ProposalId};
use quorate_protocol::decision::slot::Turn;
use quorate_protocol::decision::{collect, life};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::limits;
use quorate_protocol::math::{Field, Fl};
use quorate_protocol::party::{Message, documents, sync};
use quorate_protocol::sharing::{acss, open};
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::{self, Bytes};
use rand::RngExt;

use super::parts::{Part, part};
use super::wrong_shares::falsified;
use super::{Insider, LastSaid};
use crate::{Rng, Wire};

/// A message that contradicts `message`; `None` if nothing of its kind can but silence.
pub(super) fn other(insider: &Insider, message: &Wire, rng: &mut Rng) -> Option<Wire> {
    if let Some(send) = other_broadcast(insider, message, rng) {
        return Some(send);
    }
    let mut other = message.clone();
    match part(&mut other) {
        Part::Broadcast(m) => change_broadcast(m, rng),
        Part::Agreement(m) => change_agreement(insider, m),
        Part::Sharing(m) => change_sharing(m, rng)?,
        Part::Opening(open::Message::Share(shares) | open::Message::Word(shares)) => {
            *shares = Arc::new(falsified(shares, rng));
        }
        Part::Other => change_other(&mut other, rng)?,
    }
    Some(other)
}

/// The first message of a broadcast of one's own of something else, signed as it should be.
fn other_broadcast(insider: &Insider, message: &Wire, rng: &mut Rng) -> Option<Wire> {
    let mut other = message.clone();
    let (tag, limit) = broadcast_tag(insider, message)?;
    let Part::Broadcast(m) = part(&mut other) else { return None };
    let rbc::Message::Send { payload, .. } = &*m else { return None };
    let payload = match message {
        Message::Proposal(..) => other_proposal(payload, rng)?,
        Message::Slot(..) => other_slot(insider, payload, rng)?,
        _ => flipped(payload, 12, rng),
    };
    *m = signed_send(insider, tag, limit, payload)?;
    Some(other)
}

/// The name of the broadcast of one's own that a message is of, and the limit of what it carries; that
/// of a dealing is not known here.
pub(super) fn broadcast_tag(insider: &Insider, message: &Wire) -> Option<(Tag, usize)> {
    let (me, root) = (insider.keyring.me(), insider.root);
    match message {
        Message::Proposal(id, _) if id.proposer == me => {
            let tag = root.indexed("proposer", me.point()).indexed("proposal", id.sequence);
            Some((tag, limits::MAX_SHORT_PAYLOAD))
        }
        Message::Slot(slot, collect::Message::Value(of, _)) if *of == me => {
            let tag = root.indexed("slot", *slot).indexed("value", me.point());
            Some((tag, limits::MAX_SHORT_PAYLOAD))
        }
        Message::Decision(at, life::Message::Collect(collect::Message::Value(of, _)))
            if *of == me =>
        {
            let tag = root.indexed("decision", *at).child("collect").indexed("value", me.point());
            Some((tag, limits::MAX_BALLOT))
        }
        _ => None,
    }
}

/// The first message of the broadcast of a payload of one's own.
pub(super) fn signed_send(
    insider: &Insider,
    tag: Tag,
    limit: usize,
    payload: Bytes,
) -> Option<rbc::Message> {
    let (keyring, mode) = (Arc::clone(&insider.keyring), Mode::Short { limit });
    let mut broadcast = Rbc::new(keyring, insider.keyring.me(), tag, mode);
    let mut said = LastSaid(None);
    broadcast.broadcast(payload, &mut said).ok()?;
    said.0
}

/// Nearly the same question.
pub(super) fn other_proposal(payload: &[u8], rng: &mut Rng) -> Option<Bytes> {
    let mut proposal: Proposal = wire::decode(payload, limits::MAX_SHORT_PAYLOAD).ok()?;
    match rng.random_range(0..4) {
        0 => proposal.title.push('.'),
        1 => proposal.minimum = proposal.minimum.saturating_add(1),
        2 => proposal.deadline_ms = proposal.deadline_ms.saturating_add(1),
        _ => rng.fill(&mut proposal.nonce),
    }
    Some(wire::encode(&proposal).into())
}

/// Other proposals, or another turn: what is left out, said twice, unknown or not yet accepted.
fn other_slot(insider: &Insider, payload: &[u8], rng: &mut Rng) -> Option<Bytes> {
    type Value = (Vec<ProposalId>, Option<Turn>);
    let (mut ids, mut turn): Value = wire::decode(payload, limits::MAX_SHORT_PAYLOAD).ok()?;
    let unknown = ProposalId { proposer: insider.keyring.me(), sequence: rng.random_range(0..64) };
    match rng.random_range(0..6) {
        0 => ids.clear(),
        1 => ids.push(unknown),
        2 => ids.extend(ids.first().copied()),
        3 => turn = Some(Turn::Last),
        4 => turn = Some(Turn::Refresh(rng.random_range(0..8))),
        _ => ids.reverse(),
    }
    ids.truncate(limits::MAX_SLOT_PROPOSALS);
    let other = wire::encode(&(ids, turn));
    let same = other == payload;
    (!same).then(|| other.into())
}

fn change_broadcast(message: &mut rbc::Message, rng: &mut Rng) {
    match message {
        rbc::Message::Send { payload, .. } | rbc::Message::Payload(payload) => {
            *payload = flipped(payload, 0, rng);
        }
        rbc::Message::SendShard { shard, .. } | rbc::Message::EchoShard(shard) => {
            shard.bytes = flipped(&shard.bytes, 0, rng);
        }
        rbc::Message::Echo(digest) | rbc::Message::Ready(digest) | rbc::Message::Pull(digest) => {
            *digest = Digest::from(rng.random::<[u8; 32]>());
        }
    }
}

fn change_agreement(insider: &Insider, message: &mut acs::Message<DdhShare>) {
    match message {
        acs::Message::Votes { zero, one, bot, .. } => {
            std::mem::swap(zero, one);
            *one = one.union(std::mem::take(bot));
        }
        acs::Message::Shares { shares, .. } => {
            let another = insider.root.child("another coin");
            shares.iter_mut().for_each(|(_, share)| *share = insider.coin.share(&another));
        }
        acs::Message::Resend { round, .. } => *round = round.saturating_add(1),
    }
}

fn change_sharing(message: &mut acss::Message, rng: &mut Rng) -> Option<()> {
    match message {
        acss::Message::Shards(shards) => {
            let place = rng.random_range(0..shards.len().max(1));
            let shard = shards.get_mut(place)?;
            shard.bytes = flipped(&shard.bytes, 0, rng);
        }
        acss::Message::Forward(shard) => shard.bytes = flipped(&shard.bytes, 0, rng),
        acss::Message::Ok => *message = acss::Message::Done,
        acss::Message::Complain(acss::Complaint::BadShare { ciphertext, .. }) => {
            *ciphertext = flipped(ciphertext, 0, rng);
        }
        acss::Message::Complain(acss::Complaint::BadDispersal { shards }) => {
            let (_, shard) = shards.first_mut()?;
            shard.bytes = flipped(&shard.bytes, 0, rng);
        }
        acss::Message::Reveal(share) => *share = flipped(share, 0, rng),
        _ => return None,
    }
    Some(())
}

fn change_other(message: &mut Wire, rng: &mut Rng) -> Option<()> {
    match message {
        Message::Document(_, documents::Message::Send(bytes)) => *bytes = flipped(bytes, 0, rng),
        Message::Decision(_, life::Message::Certify(certifying::Message::Share(_, share))) => {
            share.0 += Fl::from_u64(rng.random_range(1..u64::from(u32::MAX)));
        }
        Message::Decision(_, life::Message::Certify(certifying::Message::Own(outcome, _))) => {
            *outcome = another_outcome(*outcome);
        }
        Message::Decision(_, life::Message::Certified(certified)) => {
            let Certified { certificate, .. } = &mut **certified;
            certificate.statement.outcome = another_outcome(certificate.statement.outcome);
        }
        Message::Sync(sync::Message::Slot(_, summary)) => {
            if summary.proposals.pop().is_none() {
                summary.turn = Some(Turn::Last);
            }
        }
        Message::Sync(sync::Message::Run(_, dealers)) => *dealers = dealers.wrapping_sub(1),
        Message::Sync(sync::Message::SoFar(_, begun)) => begun.slots = begun.slots.wrapping_add(1),
        Message::Refresh(envelope) => match &mut **envelope {
            Envelope::Hello { next, .. } => *next = next.wrapping_add(1),
            Envelope::Confirm { keys, .. } => *keys = Digest::from(rng.random::<[u8; 32]>()),
            Envelope::Said { .. } => return None,
        },
        _ => return None,
    }
    Some(())
}

/// An outcome that it is not.
pub(super) const fn another_outcome(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Accepted => Outcome::Rejected,
        Outcome::Rejected | Outcome::Expired => Outcome::Accepted,
    }
}

/// The same bytes but for one bit, from this byte on if there are so many.
pub(super) fn flipped(bytes: &[u8], from: usize, rng: &mut Rng) -> Bytes {
    let mut changed = bytes.to_vec();
    let from = from.min(changed.len().saturating_sub(1));
    let place = rng.random_range(from..changed.len().max(1).max(from + 1));
    let bit = 1 << rng.random_range(0..8);
    changed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= bit);
    changed.into()
}
