//! Key generation: all members' ceremonies, from the first hello to everybody's confirmation.
//!
//! Delivery is by ticks: in each tick every member handles all frames of the tick before, and what
//! it then says to one peer leaves as one frame. Frames are encoded by their sender and decoded by
//! their receiver; what would be written down is counted and dropped. All members run in this one
//! thread, so *all* is the processor time of all of them and *each* a member's own: what it takes
//! with a processor for each, but for the message delays. The clock starts with the instances.
//!
//! `cargo bench -p quorate-protocol --bench keygen`, or with other numbers of members:
//! `cargo bench -p quorate-protocol --bench keygen -- 10 64`

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a bench has a clock and prints"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_protocol::committee::{PartyId, PartyMap};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::keys::ceremony::{
    self, Ceremony, CeremonyConfig, CeremonyEffect, CeremonyEvent, Message,
};
use quorate_protocol::party::Record;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::secret::Secret;

struct Member {
    me: PartyId,
    ceremony: Ceremony,
    outgoing: PartyMap<Vec<Message>>,
    sent: usize,
    written: usize,
    keys: Option<usize>,
}

impl Member {
    fn new(keyring: &Arc<Keyring>) -> Self {
        let config = CeremonyConfig {
            network: Digest::from([1; 32]),
            keyring: Arc::clone(keyring),
            seed: Secret::new([keyring.me().point().to_le_bytes()[0]; 32]),
        };
        Self {
            me: keyring.me(),
            ceremony: Ceremony::new(config, Vec::new()).expect("an empty store"),
            outgoing: PartyMap::new(keyring.committee()),
            sent: 0,
            written: 0,
            keys: None,
        }
    }

    fn step(&mut self, event: CeremonyEvent, tick: usize) {
        for effect in self.ceremony.step(event) {
            match effect {
                CeremonyEffect::Persist(records) => {
                    for record in records {
                        if let Record::Put { key, value } = record {
                            self.written += key.len() + value.expose().len();
                        }
                    }
                }
                CeremonyEffect::Send { to, message } => {
                    let me = self.me;
                    for (peer, outgoing) in self.outgoing.iter_mut() {
                        if peer != me && (to == Recipient::All || to == Recipient::One(peer)) {
                            outgoing.push(message.clone());
                        }
                    }
                }
                CeremonyEffect::Fault(fault) | CeremonyEffect::Proven(fault, _) => {
                    unreachable!("nobody is faulty here: {fault}")
                }
                CeremonyEffect::Generated(_) => self.keys = Some(tick),
                CeremonyEffect::Confirmed(_) => {}
            }
        }
    }
}

struct Run {
    all: Duration,
    delays: usize,
    messages: usize,
    sent: usize,
    written: usize,
}

/// What this thread has used so far.
fn processor_time(start: Instant) -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|stat| stat.split(' ').next()?.parse().ok())
        .map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn run(n: usize) -> Run {
    let keyrings = Keyring::for_tests(n, 1);
    let Some(committee) = keyrings.first().map(|keyring| keyring.committee()) else {
        unreachable!("a committee has members")
    };
    let started = Instant::now();
    let before = processor_time(started);
    let mut members: Vec<Member> = keyrings.iter().map(Member::new).collect();
    let mut messages = 0;
    members.iter_mut().for_each(|member| member.step(CeremonyEvent::Start, 0));
    for tick in 1.. {
        let mut inboxes: PartyMap<Vec<(PartyId, Vec<u8>)>> = PartyMap::new(committee);
        for member in &mut members {
            for (to, outgoing) in member.outgoing.iter_mut() {
                messages += outgoing.len();
                for frame in ceremony::encode(outgoing.drain(..)) {
                    member.sent += frame.len();
                    inboxes[to].push((member.me, frame));
                }
            }
        }
        if inboxes.values().iter().all(Vec::is_empty) {
            break;
        }
        for (member, (_, inbox)) in members.iter_mut().zip(inboxes.iter_mut()) {
            for (from, frame) in inbox.drain(..) {
                let decoded = ceremony::decode(&frame).expect("what was encoded");
                for message in decoded.messages {
                    member.step(CeremonyEvent::Message { from, message }, tick);
                }
            }
        }
    }
    let all = processor_time(started).saturating_sub(before);
    assert!(members.iter().all(|m| m.ceremony.confirmed() == committee.everyone()));
    Run {
        all,
        delays: members.iter().filter_map(|m| m.keys).max().unwrap_or_default(),
        messages: messages / n,
        sent: members.iter().map(|m| m.sent).sum::<usize>() / n,
        written: members.iter().map(|m| m.written).sum::<usize>() / n,
    }
}

fn main() {
    println!("Key generation: three keys of n members, all of them in one thread");
    println!(
        "  n         all        each  delays  messages sent  bytes sent  bytes written (each)"
    );
    let chosen: Vec<usize> = std::env::args().filter_map(|number| number.parse().ok()).collect();
    let sizes = if chosen.is_empty() { vec![4, 7, 16, 31] } else { chosen };
    for n in sizes {
        // Small committees are soon done, and noise is not.
        let runs = 1 + 40 / n;
        let best = (0..runs).map(|_| run(n)).min_by_key(|run| run.all);
        let Some(Run { all, delays, messages, sent, written }) = best else { continue };
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{n:>3} {:>8.0} ms {:>8.1} ms {delays:>7} {messages:>14} {sent:>11} {written:>14}",
            milliseconds(all),
            milliseconds(all / u32::try_from(n).unwrap_or(u32::MAX)),
        );
    }
}
