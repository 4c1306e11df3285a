use std::cell::RefCell;
use std::rc::Rc;

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::sync;

use super::*;
use crate::Wire;

fn wire() -> Wire {
    Wire::Sync(sync::Message::Ask(sync::Position { slot: 1, run: 2, position: 3 }))
}

/// A message that arrives at time 9, with these numbers for its parts.
fn message([from, to, sent, epoch, size, hash]: [u64; 6], trace: &mut Trace) {
    let party = |index| PartyId::new(u16::try_from(index).unwrap());
    let message = &wire();
    let print = Print { size, hash };
    let delivery = Delivery { from: party(from), to: party(to), sent, epoch, print, message };
    trace.event(9, &Event::Message(delivery));
}

#[test]
fn every_part_of_a_message_is_in_the_hash() {
    let hash = |parts| {
        let mut trace = Trace::default();
        message(parts, &mut trace);
        trace.hash()
    };
    let parts = [1, 2, 3, 4, 5, 6];
    let mut hashes = vec![hash(parts)];
    assert_eq!(hashes[0], hash(parts));
    for i in 0..parts.len() {
        let mut other = parts;
        other[i] = 0;
        hashes.push(hash(other));
    }
    hashes.push(hash([2, 1, 3, 4, 5, 6]));
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn the_print_of_a_message_is_of_all_its_bytes() {
    let print = Print::of(&[1, 2, 3]);
    assert_eq!(print, Print::of(&[1, 2, 3]));
    assert_eq!(print.size, 3);
    assert_ne!(print.hash, Print::of(&[1, 2, 4]).hash);
}

#[test]
fn time_party_and_text_of_what_happens_are_in_the_hash() {
    let hash = |time, party, twin, mark: Mark<'_>| {
        let mut trace = Trace::default();
        trace.at(time, Who { party: PartyId::new(party), twin }, mark);
        trace.hash()
    };
    let mut hashes = vec![
        hash(1, 2, false, Mark::Killed),
        hash(2, 2, false, Mark::Killed),
        hash(1, 1, false, Mark::Killed),
        hash(1, 2, true, Mark::Killed),
        hash(1, 2, false, Mark::StartsAgain),
        hash(1, 2, false, Mark::Votes(Asked(Some(1)))),
        hash(1, 2, false, Mark::Votes(Asked(Some(2)))),
    ];
    assert_eq!(hashes[0], hash(1, 2, false, Mark::Killed));
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 7);
}

#[test]
fn a_listener_hears_what_is_hashed_and_changes_nothing() {
    let story = |listener: Option<Listener>| {
        let mut trace = Trace::default();
        listener.into_iter().for_each(|listener| trace.listen(listener));
        message([1, 2, 3, 4, 5, 6], &mut trace);
        trace.at(10, PartyId::new(3), Mark::Killed);
        trace.event(11, &Event::Rest);
        (trace.hash(), trace.traffic())
    };
    let lines = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&lines);
    let listened = story(Some(Box::new(move |time, event| {
        heard.borrow_mut().push(format!("{time} {event}"));
    })));
    assert_eq!(listened, story(None));
    assert_eq!(listened.1, (1, 5));
    let expected = ["9 1 -> 2  sync ASK slot1 run2 d3  5 bytes", "10 3 is killed", "11 at rest"];
    assert_eq!(lines.take(), expected);
}

#[test]
fn a_message_is_of_the_protocol_and_the_thing_that_its_path_begins_with() {
    assert_eq!((wire().layer(), wire().subject()), (Layer::CatchingUp, Subject::CatchingUp));
    assert_eq!(Wire::RunDone(7).subject().to_string(), "run7");
}
