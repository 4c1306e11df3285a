//! Common subset of n values of 256 bytes: each party broadcasts its value, and a common subset
//! agrees on whose are in. All parties run in this one thread.
//!
//! Delivery is by ticks: in each tick every party handles all frames of the tick before, and what it
//! then sends to one peer is merged and leaves as one frame. Values, keys and empty instances are
//! ready before the clock starts. Two times are printed, for all parties together: of the protocol
//! alone, and with every frame encoded by its sender and decoded by its receiver. They are means of
//! processor time where the system tells it (Linux), so that a busy machine changes them little.
//!
//! `cargo bench -p quorate-protocol --bench acs`

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a bench has a clock and prints"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_protocol::agreement::acs::{self, CommonSubset};
use quorate_protocol::agreement::coin::{Coin, DdhCoin, DdhShare, TrustedCoinDealer};
use quorate_protocol::agreement::rbc::{self, Delivery, Mode, Rbc};
use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::protocol::Job;
use quorate_protocol::wire::{self, Bytes};
use quorate_protocol::{Fault, Outbox, Protocol, Recipient, Tag, limits};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

const VALUE_BYTES: usize = 256;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Message {
    Rbc(PartyId, rbc::Message),
    Acs(acs::Message<DdhShare>),
}

type Frame = Vec<Message>;
type Shares = [(PartyId, DdhShare)];

#[derive(Default)]
struct Sent(VecDeque<(Recipient, Message)>);

impl Outbox<Message> for Sent {
    fn send(&mut self, to: Recipient, message: Message) {
        self.0.push_back((to, message));
    }
    fn report(&mut self, fault: Fault) {
        unreachable!("nobody is faulty here: {fault}");
    }
    fn work(&mut self, job: Job<Message>) {
        drop(job);
        unreachable!("neither protocol has heavy work");
    }
}

struct Node {
    me: PartyId,
    committee: Committee,
    broadcasts: PartyMap<Rbc>,
    subset: CommonSubset<DdhCoin>,
    output: Option<PartySet>,
    sent: Sent,
    /// What waits for each peer, merged.
    frames: PartyMap<Frame>,
}

impl Node {
    fn new(keyring: &Arc<Keyring>, coin: DdhCoin, tag: Tag) -> Self {
        let (me, committee) = (keyring.me(), keyring.committee());
        let broadcast = |sender: PartyId| {
            let mode = Mode::Short { limit: limits::MAX_SHORT_PAYLOAD };
            Rbc::new(Arc::clone(keyring), sender, tag.indexed("value", sender.point()), mode)
        };
        Self {
            me,
            committee,
            broadcasts: PartyMap::from_fn(committee, broadcast),
            subset: CommonSubset::new(committee, me, tag.child("subset"), Arc::new(coin)),
            output: None,
            sent: Sent::default(),
            frames: PartyMap::new(committee),
        }
    }

    /// Broadcasts a value, and waits for nobody beyond the quorum.
    fn start(&mut self, value: Bytes) {
        let me = self.me;
        let out: &mut dyn Outbox<Message> = &mut self.sent;
        let sent =
            self.broadcasts[me].broadcast(value, &mut out.wrap(move |m| Message::Rbc(me, m)));
        sent.expect("the first value, of the right size");
        self.subset.close(&mut out.wrap(Message::Acs));
        self.settle();
    }

    fn handle(&mut self, from: PartyId, message: Message) {
        let out: &mut dyn Outbox<Message> = &mut self.sent;
        match message {
            Message::Rbc(sender, message) => {
                let wrap = move |m| Message::Rbc(sender, m);
                let delivery = self.broadcasts[sender].handle(from, message, &mut out.wrap(wrap));
                if let Some(Delivery::Payload(_)) = delivery {
                    let output = self.subset.usable(sender, &mut out.wrap(Message::Acs));
                    self.output = self.output.or(output);
                }
            }
            Message::Acs(message) => {
                let output = self.subset.handle(from, message, &mut out.wrap(Message::Acs));
                self.output = self.output.or(output);
            }
        }
    }

    /// Handles one's own messages; puts those to others into frames.
    fn settle(&mut self) {
        while let Some((to, message)) = self.sent.0.pop_front() {
            let recipients: Vec<PartyId> = match to {
                Recipient::All => self.committee.parties().collect(),
                Recipient::One(party) => vec![party],
            };
            for to in recipients.into_iter().filter(|to| *to != self.me) {
                merge(&mut self.frames[to], message.clone());
            }
            if matches!(to, Recipient::All) || to == Recipient::One(self.me) {
                self.handle(self.me, message);
            }
        }
    }
}

fn merge(frame: &mut Frame, message: Message) {
    let Message::Acs(mut message) = message else {
        frame.push(message);
        return;
    };
    for waiting in frame.iter_mut() {
        let Message::Acs(waiting) = waiting else { continue };
        match waiting.merge(message) {
            None => return,
            Some(other) => message = other,
        }
    }
    frame.push(Message::Acs(message));
}

#[derive(Clone, Copy, Default)]
struct Traffic {
    ticks: usize,
    messages: usize,
    frames: usize,
    bytes: usize,
}

/// What this thread has used so far.
fn processor_time(start: Instant) -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|stat| stat.split(' ').next()?.parse().ok())
        .map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// One run; with `encoded` frames travel as bytes and bytes are counted.
fn run(nodes: &mut [Node], values: &[Bytes], encoded: bool) -> Traffic {
    let committee = Committee::new(nodes.len()).expect("a committee");
    let mut traffic = Traffic::default();
    for (node, value) in nodes.iter_mut().zip(values) {
        node.start(value.clone());
    }
    loop {
        let mut inboxes: PartyMap<Vec<(PartyId, Frame, Vec<u8>)>> = PartyMap::new(committee);
        for node in nodes.iter_mut() {
            for (to, frame) in node.frames.iter_mut().filter(|(_, frame)| !frame.is_empty()) {
                let frame = std::mem::take(frame);
                traffic.messages += frame.len();
                traffic.frames += 1;
                if encoded {
                    let bytes = wire::encode(&frame);
                    traffic.bytes += bytes.len();
                    inboxes[to].push((node.me, Frame::new(), bytes));
                } else {
                    inboxes[to].push((node.me, frame, Vec::new()));
                }
            }
        }
        if inboxes.values().iter().all(Vec::is_empty) {
            break;
        }
        traffic.ticks += usize::from(nodes.iter().any(|node| node.output.is_none()));
        for (node, (_, inbox)) in nodes.iter_mut().zip(inboxes.iter_mut()) {
            for (from, frame, bytes) in inbox.drain(..) {
                let frame = if encoded {
                    wire::decode(&bytes, limits::MAX_ENVELOPE).expect("what was encoded")
                } else {
                    frame
                };
                for message in frame {
                    node.handle(from, message);
                    node.settle();
                }
            }
        }
    }
    for node in nodes {
        assert!(node.output == Some(committee.everyone()) && node.subset.halted());
    }
    traffic
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn common_subset(n: usize, runs: u64, peer: (f64, usize)) {
    let committee = Committee::new(n).expect("a committee");
    let keyrings = Keyring::for_tests(n, 1);
    let (public, secrets) = TrustedCoinDealer::deal(committee, &mut ChaCha20Rng::seed_from_u64(2));
    let values: Vec<Bytes> =
        committee.parties().map(|p| vec![p.point().to_le_bytes()[0]; VALUE_BYTES].into()).collect();
    let measure = |encoded| {
        let make = |i| {
            let make = |(keyring, secret): (&Arc<Keyring>, _)| {
                let coin = DdhCoin::new(keyring.me(), public.clone(), secret).expect("its key");
                Node::new(keyring, coin, Tag::root(&[0; 32], i))
            };
            keyrings.iter().zip(secrets.clone()).map(make).collect()
        };
        // The first run warms up, and is the one that is counted.
        let mut all: Vec<Vec<Node>> = (0..=runs).map(make).collect();
        let traffic = all.pop().map(|mut nodes| run(&mut nodes, &values, encoded));
        let started = Instant::now();
        let before = processor_time(started);
        for nodes in &mut all {
            run(nodes, &values, encoded);
        }
        let time = processor_time(started).saturating_sub(before);
        (time.div_f64(runs as f64), traffic.unwrap_or_default())
    };
    let (alone, _) = measure(false);
    let (with_bytes, traffic) = measure(true);
    let Traffic { ticks, messages, frames, bytes } = traffic;
    println!(
        "{n:>3} {:>9.2} ms {:>9.2} ms {ticks:>6} {messages:>9} {frames:>7} {bytes:>10}   hbbft {} ms, {} messages",
        milliseconds(alone),
        milliseconds(with_bytes),
        peer.0,
        peer.1,
    );
}

fn coin(n: usize) {
    let committee = Committee::new(n).expect("a committee");
    let (public, secrets) = TrustedCoinDealer::deal(committee, &mut ChaCha20Rng::seed_from_u64(2));
    let make = |(me, secret)| DdhCoin::new(me, public.clone(), secret).expect("its key");
    let coins: Vec<DdhCoin> = committee.parties().zip(secrets).map(make).collect();
    let (Some(first), Some(last)) = (coins.first(), committee.parties().last()) else { return };
    let rounds = 200;
    let names: Vec<Tag> = (0..rounds).map(|i| Tag::root(&[0; 32], 0).indexed("coin", i)).collect();
    let shares: Vec<Vec<(PartyId, DdhShare)>> = names
        .iter()
        .map(|name| committee.parties().zip(&coins).map(|(p, c)| (p, c.share(name))).collect())
        .collect();
    let each = |what: &dyn Fn(&Tag, &Shares) -> bool| {
        let started = Instant::now();
        let before = processor_time(started);
        let ones = names.iter().zip(&shares).filter(|(name, shares)| what(name, shares)).count();
        std::hint::black_box(ones);
        let time = processor_time(started).saturating_sub(before);
        time.as_secs_f64() * 1e6 / rounds as f64
    };
    let share = each(&|name, _| first.share(name).eq(&first.share(name))) / 2.0;
    let verify =
        each(&|name, all| all.last().is_some_and(|(_, share)| first.verify(name, last, share)));
    let toss =
        each(&|name, all| first.toss(name, all.get(..committee.one_honest()).unwrap_or_default()));
    println!("{n:>3} {share:>9.0} us {verify:>9.0} us {toss:>9.0} us");
}

fn main() {
    println!("Common subset of n values of {VALUE_BYTES} bytes, all parties in one thread");
    println!("  n     protocol   with bytes  delays  messages  frames      bytes");
    common_subset(4, 400, (0.3, 287));
    common_subset(16, 30, (21.0, 22_051));
    common_subset(31, 10, (163.0, 164_501));
    println!("One coin share: make, verify; toss of t + 1 verified shares");
    for n in [4, 16, 31] {
        coin(n);
    }
}
