//! Inputs from real runs: what members really say, write down and sign.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::sync::LazyLock;

use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::certificate::Certificate;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::frame;
use quorate_protocol::keys::ceremony::{self, Ceremony, CeremonyEffect, CeremonyEvent};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::wire;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::network::{Asked, FOUNDED, Letter, MEMBERS, SUPPLIED, Store, World};
use crate::script::{ALL_CORRUPT, STEPS_OF_STORIES, Step, WITHOUT_MATERIAL};
use crate::targets::ceremony_config;
use crate::{Target, corpus};

/// Bytes of a sample that is worth a place in the corpus.
const LONGEST: usize = 6 << 10;

/// What came of a run in which all kinds of things were decided.
struct Ran {
    letters: Vec<Letter>,
    certificates: Vec<Certificate>,
    stores: Vec<(PartyId, Store)>,
}

static RAN: LazyLock<Ran> = LazyLock::new(|| {
    let mut world = World::continued(Policy::for_members(MEMBERS), &SUPPLIED);
    let parties = world.parties();
    let mut stores: Vec<(PartyId, Store)> = parties.iter().copied().zip(SUPPLIED.clone()).collect();
    world.rest(usize::MAX);
    for (place, asked) in
        [Asked::Count, Asked::Mean, Asked::Signature, Asked::Count, Asked::Refresh]
            .into_iter()
            .enumerate()
    {
        world.propose(PartyId::new(u16::try_from(place).unwrap_or_default() % 4), asked);
        // Ordered, and open for votes.
        for _ in 0..400 {
            world.deliver(0);
        }
        stores.extend(world.stores().into_iter().take(1));
        for party in &parties {
            world.vote(*party, place, if asked == Asked::Mean { 80 } else { 1 });
        }
        for _ in 0..300 {
            world.deliver(0);
        }
        if place == 3 {
            world.restart(PartyId::new(1));
        }
        stores.extend(world.stores().into_iter().skip(place % MEMBERS).take(1));
        world.rest(usize::MAX);
    }
    stores.extend(world.stores());
    Ran { certificates: world.certificates(), stores, letters: world.said }
});

/// Stores of members at several times of their lives.
pub static STORES: LazyLock<Vec<(PartyId, Store)>> = LazyLock::new(|| RAN.stores.clone());

/// Certificates that the network signed.
pub fn certificates() -> Vec<Certificate> {
    RAN.certificates.clone()
}

/// Stores of the first member's key generation, early, in the middle and at its end.
pub static CEREMONY_STORES: LazyLock<Vec<Store>> = LazyLock::new(|| generate().0);

/// The stores and the messages of a key generation.
fn generate() -> (Vec<Store>, Vec<ceremony::Message>) {
    let parties: Vec<PartyId> = (0..).map(PartyId::new).take(MEMBERS).collect();
    let made = |party: &PartyId| Ceremony::new(ceremony_config(*party), Vec::new());
    let mut members: Vec<Ceremony> =
        parties.iter().map(|party| made(party).expect("a new one")).collect();
    let (mut store, mut stores, mut said) = (Store::default(), Vec::new(), Vec::new());
    let mut flight: VecDeque<(PartyId, PartyId, Option<ceremony::Message>)> =
        parties.iter().map(|party| (*party, *party, None)).collect();
    let mut steps = 0;
    while let Some((from, of, message)) = flight.pop_front() {
        let event = message
            .map_or(CeremonyEvent::Start, |message| CeremonyEvent::Message { from, message });
        let Some(member) = members.get_mut(of.index()) else { continue };
        for effect in member.step(event) {
            match effect {
                CeremonyEffect::Persist(records) if of.index() == 0 => {
                    store.write(records);
                }
                CeremonyEffect::Send { to, message } => {
                    said.push(message.clone());
                    let hears = |party: &&PartyId| match to {
                        Recipient::All => **party != of,
                        Recipient::One(one) => **party == one,
                    };
                    let all = parties.iter().filter(hears);
                    flight.extend(all.map(|to| (of, *to, Some(message.clone()))));
                }
                _ => {}
            }
        }
        steps += 1;
        if [50, 400].contains(&steps) {
            stores.push(store.clone());
        }
    }
    stores.push(store);
    (stores, said)
}

/// One of each kind: texts that differ in numbers only are of one kind.
fn one_of_each<T>(all: impl Iterator<Item = (String, T)>) -> Vec<(String, T)> {
    let mut kinds = BTreeMap::new();
    for (text, value) in all {
        let kind: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        kinds.entry(kind).or_insert(value);
    }
    kinds.into_iter().collect()
}

/// Samples of every target, by its name.
pub fn samples() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut samples = BTreeMap::new();
    let letters = || RAN.letters.iter();
    let messages = one_of_each(letters().map(|l| (l.message.to_string(), &l.message)));
    samples.insert("message", messages.iter().map(|(_, m)| wire::encode(m)).collect());
    let small = messages.iter().map(|(_, m)| *m).filter(|m| wire::encode(m).len() < 300);
    let small: Vec<_> = small.collect();
    let frames = small.chunks(5).take(6).flat_map(|some| frame::encode(1, some.iter().copied()));
    samples.insert("frame", frames.collect());
    let (_, said) = generate();
    let said = one_of_each(said.iter().map(|message| (message.to_string(), message)));
    let refreshing = messages.iter().filter_map(|(_, message)| match message {
        quorate_protocol::party::Message::Refresh(inner) => Some(wire::encode(inner)),
        _ => None,
    });
    samples
        .insert("ceremony", said.iter().map(|(_, m)| wire::encode(m)).chain(refreshing).collect());
    samples.insert("payload", payloads());
    let certificates = certificates();
    let both = |c: &Certificate| [c.to_bytes(), c.to_text().into_bytes()];
    samples.insert("certificate", certificates.iter().flat_map(both).collect());
    samples.insert("key_set", key_sets());
    texts(&mut samples);
    let changes: [&[u8]; 5] =
        [&[0], &[3, 1, 3, 0, 1, 1], &[9, 2, 5, 1, 0], &[12, 4, 6, 4, 2, 9, 9], &[14, 0, 0, 0, 0]];
    samples.insert("store", changes.map(<[u8]>::to_vec).to_vec());
    samples.insert("ceremony_store", changes.map(<[u8]>::to_vec).to_vec());
    samples.insert("party", (0..40).map(story).collect());
    samples
}

fn payloads() -> Vec<Vec<u8>> {
    let proposals = certificates().into_iter().map(|certificate| certificate.proposal.to_bytes());
    let ballots = [&[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1][..], &[1, 0, 0, 0]];
    proposals.chain(ballots.map(<[u8]>::to_vec)).collect()
}

fn key_sets() -> Vec<Vec<u8>> {
    let first = FOUNDED.keys.iter().take(2).map(|keys| keys.keys.to_bytes().expose().clone());
    first.chain(refreshed()).collect()
}

/// What the first member has of the epoch that a refresh led to.
fn refreshed() -> Option<Vec<u8>> {
    let mut world = World::continued(Policy::for_members(MEMBERS), &SUPPLIED);
    world.propose(PartyId::new(0), Asked::Refresh);
    for _ in 0..400 {
        world.deliver(0);
    }
    for party in world.parties() {
        world.vote(party, 0, 1);
    }
    for _ in 0..100_000 {
        if let Some((refreshed, _)) = world.member(PartyId::new(0))?.reached(2) {
            return Some(refreshed.to_bytes().expose().clone());
        }
        world.rest(1);
    }
    None
}

fn texts(samples: &mut BTreeMap<&'static str, Vec<Vec<u8>>>) {
    let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    samples.insert(
        "rule",
        bytes(&[
            "mean(confidence) > 75\n80",
            "count(approve) >= 3\nyes",
            "mean(x) <= 0.000001\n0",
            " count( a_b ) < 4294967295.999999 \nNo",
            "mean(confidence) > 75 and",
        ]),
    );
    samples.insert("names", bytes(&["dec_7Q2K9X4M", "0.000001", "4294967295.5", "ed25519:8f1c"]));
    let key = FOUNDED.keys.first().expect("there are members").keys.public().certificate.clone();
    let key = quorate_protocol::keys::GroupPublic::from(&key).to_string().into_bytes();
    samples.entry("names").or_default().push(key);
}

/// A story drawn from a seed, with something of each kind in it.
fn story(seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let allowed = match seed % 8 {
        0 => ALL_CORRUPT,
        1 => WITHOUT_MATERIAL,
        2 => ALL_CORRUPT | WITHOUT_MATERIAL,
        _ => 0,
    };
    let mut bytes = vec![allowed];
    for asked in 0..rng.random_range(1..4) {
        let what = if seed % 5 == 4 { rng.random_range(0..8) } else { rng.random_range(0..7) };
        bytes.extend([Step::Propose as u8, rng.random_range(0..4), what]);
        for _ in 0..rng.random_range(4..30) {
            act(&mut bytes, seed, asked, &mut rng);
        }
    }
    bytes
}

fn act(bytes: &mut Vec<u8>, seed: u64, asked: u8, rng: &mut ChaCha8Rng) {
    let step = match rng.random_range(0..20) {
        0..6 => Step::Several,
        6..9 => Step::Vote,
        9 => Step::Work,
        10 if seed % 4 == 3 => Step::Restart,
        10 => Step::Lose,
        11 => Step::Fire,
        12 => Step::Repeat,
        13 => Step::One,
        _ => Step::Twist,
    };
    debug_assert!(STEPS_OF_STORIES.contains(&step));
    bytes.push(step as u8);
    match step {
        Step::Several => bytes.push(rng.random()),
        Step::Vote => bytes.extend([rng.random_range(0..4), asked, rng.random_range(0..2)]),
        Step::Restart => bytes.push(rng.random_range(0..4)),
        Step::Lose | Step::Repeat | Step::One => {
            bytes.extend([rng.random(), rng.random_range(0..4)])
        }
        Step::Twist => {
            bytes.extend([3, rng.random_range(0..4), rng.random_range(0..230)]);
            bytes.extend([rng.random(), rng.random_range(0..2)]);
            let changes = rng.random_range(0..4);
            bytes.push(changes);
            for _ in 0..changes {
                bytes.extend([rng.random_range(0..60), 0, rng.random(), rng.random()]);
            }
        }
        Step::Work | Step::Fire | Step::Propose | Step::Forge => {}
    }
}

/// Writes all samples to the corpus, under names of their content. What is there stays.
///
/// # Errors
/// They cannot be written.
pub fn write() -> io::Result<()> {
    for (name, samples) in samples() {
        let target = Target::find(name).expect("samples are of a target");
        let folder = corpus::folder(target);
        fs::create_dir_all(&folder)?;
        for sample in samples.into_iter().filter(|sample| sample.len() <= LONGEST) {
            let name = blake3::hash(&sample).to_hex();
            fs::write(folder.join(name.as_str().get(..16).unwrap_or_default()), sample)?;
        }
    }
    Ok(())
}
