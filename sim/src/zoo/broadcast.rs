//! Single reliable broadcasts, in which one party lies: the sender, or another.

use std::sync::Arc;

use quorate_protocol::agreement::rbc::{Delivery, Message, Mode, Rbc, Shard};
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::{Digest, Keyring, erasure, merkle};
use quorate_protocol::protocol::{Outbox, Protocol};
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::Bytes;
use rand::{RngExt, SeedableRng};

use super::campaign::{Verdict, holds};
use super::net::{Collected, Net};
use crate::Rng;

const PAYLOAD: &[u8] = b"what the sender has to say to everybody alike";
const OTHER: &[u8] = b"what the sender says to some";
const SENDER: PartyId = PartyId::new(0);
const SHORT: Mode = Mode::Short { limit: 100 };
const LONG: Mode = Mode::Long { limit: 100 };

/// A broadcast that approves of whatever it holds.
struct Approving(Rbc);

impl Protocol for Approving {
    type Message = Message;
    type Output = Delivery;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<Delivery> {
        let delivery = self.0.handle(from, message, out);
        if self.0.held().is_some() {
            self.0.approve(out);
        }
        delivery
    }
}

fn tag() -> Tag {
    Tag::root(&[4; 32], 0).child("broadcast")
}

/// What the sender sends to each, for a payload.
fn sends(keyring: &Arc<Keyring>, mode: Mode, payload: &[u8]) -> Vec<Message> {
    let mut sender = Rbc::new(Arc::clone(keyring), SENDER, tag(), mode);
    let mut out = Collected::default();
    let _sent = sender.broadcast(payload.into(), &mut out);
    out.sent.into_iter().map(|(_, message)| message).collect()
}

/// What a sender sends to each whose shards are not of one payload, under a root that fits them.
fn crooked(keyring: &Arc<Keyring>, rng: &mut Rng) -> Vec<Message> {
    let committee = keyring.committee();
    let mut shards = erasure::encode(PAYLOAD, committee.data_shards(), committee.n());
    let wrong = rng.random_range(0..shards.len());
    if let Some(shard) = shards.get_mut(wrong) {
        *shard = shard.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>().into();
    }
    let tree = merkle::Tree::new(&shards);
    let root = tree.root();
    let signature = keyring.identity().sign(&tag(), "rbc long", root.as_bytes());
    let shard = |(i, bytes)| Shard { root, bytes, path: tree.path(i) };
    let shards = shards.into_iter().enumerate().map(shard);
    shards.map(|shard| Message::SendShard { shard, signature }).collect()
}

/// By what a party votes for it.
fn digest(keyring: &Arc<Keyring>, send: &Message) -> Option<Digest> {
    let mut receiver = Rbc::new(Arc::clone(keyring), SENDER, tag(), SHORT);
    let mut out = Collected::default();
    receiver.handle(SENDER, send.clone(), &mut out);
    out.sent.into_iter().find_map(|(_, message)| match message {
        Message::Echo(digest) => Some(digest),
        _ => None,
    })
}

/// What the party that lies says in place of a message of a short broadcast.
fn lie(message: Message, sends: &[Message], digests: &[Digest], rng: &mut Rng) -> Vec<Message> {
    let any = |rng: &mut Rng| digests.get(rng.random_range(0..digests.len().max(1))).copied();
    let often = if rng.random() { 1 } else { rng.random_range(0..4) };
    let said = |rng: &mut Rng| match &message {
        Message::Send { .. } => sends.get(rng.random_range(0..sends.len().max(1))).cloned(),
        Message::Echo(_) => any(rng).map(Message::Echo),
        Message::Ready(_) => any(rng).map(Message::Ready),
        other => Some(other.clone()),
    };
    let mut all: Vec<Message> = (0..often).filter_map(|_| said(rng)).collect();
    if rng.random_range(0..3) == 0 {
        all.extend(any(rng).map(Message::Ready));
    }
    all
}

/// One short broadcast among four, or, now and then, seven.
pub(super) fn short(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let n = if seed % 8 == 7 { 7 } else { 4 };
    let committee = Committee::new(n).expect("a committee of four or seven");
    let keyrings = Keyring::for_tests(n, 1);
    let liar = if rng.random() { SENDER } else { PartyId::new(1) };
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let mut both = sends(&keyring(SENDER), SHORT, PAYLOAD);
    both.extend(sends(&keyring(SENDER), SHORT, OTHER));
    let mut digests: Vec<Digest> =
        both.iter().filter_map(|send| digest(&keyring(liar), send)).collect();
    if liar == SENDER {
        // Now and then one whose signature is of the other.
        if let [Message::Send { signature, .. }, Message::Send { payload, .. }] = both.as_slice() {
            let (payload, signature) = (payload.clone(), *signature);
            both.push(Message::Send { payload, signature });
        }
    } else {
        digests.push(Digest::from([9; 32]));
    }
    let gated = rng.random();
    let mut net = Net::new(committee, rng, |party| {
        let rbc = Rbc::new(keyring(party), SENDER, tag(), SHORT);
        Approving(if gated { rbc.gated() } else { rbc })
    })
    .lying([liar], |_, _, message, rng| lie(message, &both, &digests, rng));
    net.input(0, SENDER, |Approving(rbc), out| {
        let _sent = rbc.broadcast(PAYLOAD.into(), out);
        None
    });
    net.run()?;
    net.agreed()?;
    net.all_or_none(liar != SENDER)?;
    let right = Delivery::Payload(Bytes::from(PAYLOAD));
    let as_sent = net.given().iter().all(|(_, delivery)| **delivery == right);
    holds("validity", liar == SENDER || as_sent, "not what the honest sender sent")?;
    let evidence = |party| net.parties[party].0.equivocation();
    let sound = net
        .honest()
        .filter_map(evidence)
        .all(|evidence| evidence.verify(keyring(SENDER).identity_of(SENDER), &tag(), SHORT));
    holds("evidence", sound, "the evidence of an equivocation does not hold")
}

/// One long broadcast among four.
pub(super) fn long(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let committee = Committee::new(4).expect("a committee of four");
    let keyrings = Keyring::for_tests(4, 1);
    let liar = if rng.random() { SENDER } else { PartyId::new(1) };
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let honest = sends(&keyring(SENDER), LONG, PAYLOAD);
    let crooked = crooked(&keyring(SENDER), &mut rng);
    let mixed: bool = rng.random();
    let mut net = Net::new(committee, rng, |party| Rbc::new(keyring(party), SENDER, tag(), LONG))
        .lying([liar], |_, to, message, rng| match message {
            Message::SendShard { .. } => {
                let from = if mixed && rng.random() { &honest } else { &crooked };
                from.get(to.index()).cloned().into_iter().collect()
            }
            // Another's shard for one's own: it does belong to the root.
            Message::EchoShard(_) if rng.random() => {
                let other = honest.get(rng.random_range(0..honest.len()));
                let echo = other.and_then(|send| match send {
                    Message::SendShard { shard, .. } => Some(Message::EchoShard(shard.clone())),
                    _ => None,
                });
                echo.into_iter().collect()
            }
            message => vec![message],
        });
    net.input(0, SENDER, |rbc, out| {
        let _sent = rbc.broadcast(PAYLOAD.into(), out);
        None
    });
    net.run()?;
    net.agreed()?;
    net.all_or_none(liar != SENDER)?;
    let right = Delivery::Payload(Bytes::from(PAYLOAD));
    let as_sent = net.given().iter().all(|(_, delivery)| **delivery == right);
    holds("validity", liar == SENDER || as_sent, "not what the honest sender sent")
}
