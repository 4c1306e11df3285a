//! What members say to each other, and what is inside.

use std::fmt::{Debug, Display};

use quorate_protocol::committee::Committee;
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::ledger::SlotSummary;
use quorate_protocol::decision::proposal::{Proposal, ProposalId};
use quorate_protocol::frame;
use quorate_protocol::keys::ceremony::{self, Envelope};
use quorate_protocol::keys::refresh;
use quorate_protocol::limits;
use quorate_protocol::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::network::{MEMBERS, Wire};

/// Reads a value, which must be written as the same bytes.
fn read<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value = wire::decode(bytes, limits::MAX_ENVELOPE).ok()?;
    assert_eq!(wire::encode(&value), bytes, "another encoding");
    Some(value)
}

/// Texts of a message do not fail, and have a bound.
fn show(message: &(impl Display + Debug), bytes: usize) {
    let path = message.to_string();
    assert!(path.len() <= 200 + 40 * bytes, "{bytes} bytes say: {path}");
    assert!(!format!("{message:?}").is_empty());
}

/// A message between members.
pub fn message(bytes: &[u8]) {
    let Some(mut message) = read::<Wire>(bytes) else { return };
    show(&message, bytes.len());
    let class = message.class();
    let other = message.clone();
    let rest = message.merge(other);
    for message in [Some(message), rest].into_iter().flatten() {
        assert_eq!(class, message.class());
        assert!(read::<Wire>(&wire::encode(&message)).is_some(), "merged into what cannot be read");
    }
}

/// A message of a ceremony or of a refresh.
pub fn ceremony(bytes: &[u8]) {
    if let Some(message) = read::<ceremony::Message>(bytes) {
        show(&message, bytes.len());
    }
    if let Some(message) = read::<Envelope<refresh::Message>>(bytes) {
        show(&message, bytes.len());
    }
}

/// A frame of messages.
pub fn frame(bytes: &[u8]) {
    let Ok((epoch, decoded)) = frame::decode_any::<Wire>(bytes) else { return };
    let frame::Decoded { messages, skipped } = decoded;
    let same = frame::decode::<Wire>(bytes, epoch).expect("it is of this epoch");
    assert_eq!((same.messages.len(), same.skipped), (messages.len(), skipped));
    assert!(frame::decode::<Wire>(bytes, epoch ^ 1).is_err());
    let frames = frame::encode(epoch, &messages);
    match frames.as_slice() {
        [] => assert!(messages.is_empty()),
        [one] if skipped == 0 => assert_eq!(one, bytes, "another frame of the same messages"),
        frames => {
            let read = |frame: &Vec<u8>| frame::decode::<Wire>(frame, epoch).map(|d| d.messages);
            let again: Result<Vec<_>, _> = frames.iter().map(read).collect();
            let again = again.expect("frames of ours").concat();
            assert_eq!(wire::encode(&again), wire::encode(&messages));
        }
    }
}

/// What is broadcast.
pub fn payload(bytes: &[u8]) {
    let committee = Committee::new(MEMBERS).expect("four are a committee");
    if let Some(proposal) = read::<Proposal>(bytes) {
        let _ = proposal.validate(committee).map_err(|error| error.to_string());
        assert_eq!(proposal.to_bytes(), bytes);
        assert!(proposal.rule.cost(MEMBERS).all_bits(MEMBERS) < limits::MAX_BATCH);
    }
    for bits in [1, 7, 8, 9] {
        if let Some(ballot) = Ballot::decode(bytes, bits) {
            assert_eq!(wire::encode(&ballot), bytes);
            assert!(ballot.bits(bits).is_none_or(|all| Ballot::masked(&all) == ballot));
        }
    }
    read::<Vec<ProposalId>>(bytes);
    read::<SlotSummary>(bytes);
}
