//! What a node reads from people and files, changed at random: it is refused with a reason, or comes
//! back as it was written. The protocol's own formats have targets in `protocol/fuzz`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::panic::catch_unwind;
use std::path::Path;

use quorate::api::model::{NewDecision, NewVote, Problem};
use quorate::ceremony::invite::{Invite, Place};
use quorate::certificate_file::CertificateFile;
use quorate::handed_file::HandedFile as _;
use quorate::roster::{MemberCard, Network, Settings, addresses};
use quorate_fuzz::mutate::mutate;
use quorate_protocol::secret::Secret;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Changed inputs for each format.
const MUTANTS: usize = 20_000;

/// Whether it was read at all.
type Read = bool;

/// Reads all samples, and changed ones: most are refused, some are not.
fn hold(samples: &[String], longest: usize, read: fn(&str) -> Read) {
    for sample in samples {
        assert!(read(sample), "a sample is refused: {sample}");
    }
    let samples: Vec<Vec<u8>> = samples.iter().map(|sample| sample.clone().into_bytes()).collect();
    let mut rng = StdRng::seed_from_u64(1);
    let mut refused = 0;
    for _ in 0..MUTANTS {
        let bytes = mutate(&samples, longest, &mut rng);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let done = catch_unwind(|| read(&text));
        assert!(done.is_ok(), "this is not refused but fails: {text:?}");
        refused += usize::from(!done.unwrap());
    }
    assert!(refused > MUTANTS / 20, "only {refused} of {MUTANTS} are refused");
}

fn certificates() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/certificates");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    vec![read("plain.cert"), read("accountable.cert")]
}

fn networks() -> Vec<Network> {
    let roster = |text: &String| {
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        Network::parse(file["roster"].as_str().unwrap()).unwrap()
    };
    certificates().iter().map(roster).collect()
}

#[test]
fn network_files() {
    let networks = networks();
    for network in &networks {
        assert_eq!(Network::parse(&network.to_toml()).unwrap().digest(), network.digest());
    }
    let samples: Vec<String> = networks.iter().map(Network::to_toml).collect();
    hold(&samples, 1 << 14, |text| match Network::parse(text) {
        Ok(network) => {
            let written = network.to_toml();
            let again = Network::parse(&written).unwrap();
            assert_eq!((again.digest(), again.to_toml()), (network.digest(), written));
            assert_eq!(network.without_addresses().digest(), network.digest());
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    });
}

#[test]
fn member_files() {
    let networks = networks();
    let cards = networks.iter().flat_map(Network::members);
    let cards = cards.cloned().zip(["10.0.0.1:7001", "node.acme.example:7001"].into_iter().cycle());
    let cards: Vec<MemberCard> = cards
        .map(|(card, place)| MemberCard { addresses: addresses(place).unwrap(), ..card })
        .collect();
    for card in &cards {
        assert_eq!(MemberCard::parse(&card.to_toml()).unwrap().addresses, card.addresses);
    }
    let samples: Vec<String> = cards.iter().map(MemberCard::to_toml).collect();
    hold(&samples, 1 << 12, |text| match MemberCard::parse(text) {
        Ok(card) => {
            let written = card.to_toml();
            assert_eq!(MemberCard::parse(&written).unwrap().to_toml(), written);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    });
}

#[test]
fn certificate_files() {
    hold(&certificates(), 1 << 15, |text| match CertificateFile::parse(text) {
        Ok(file) => {
            assert_eq!(file.to_text(), text);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    });
}

#[test]
fn invites() {
    let coordinator = networks()[0].members()[0].transport;
    let invite = |place: &str| Invite {
        network: "Trade".into(),
        members: 4,
        settings: Settings::default(),
        rendezvous: Place::parse(place).unwrap(),
        coordinator,
        secret: Secret::new([7; 16]),
        expires_ms: 1_800_000_000_000,
    };
    let places = ["127.0.0.1:9001", "[2001:db8::1]:443", "node.acme.example:7001"];
    hold(&places.map(|place| invite(place).to_string()), 1 << 10, |text| {
        match Invite::parse(text) {
            Ok(invite) => {
                let written = invite.to_string();
                assert_eq!(Invite::parse(&written).unwrap().to_string(), written);
                assert!(Invite::is_meant(text) && !invite.expiry().is_empty());
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty() && !error.hint().is_empty());
                false
            }
        }
    });
}

#[test]
fn places_and_addresses() {
    let places = ["127.0.0.1:9001", "[2001:db8::1]:443", "node.acme.example:7001"];
    hold(&places.map(str::to_owned), 1 << 8, |text| match Place::parse(text) {
        Ok(place) => {
            let written = place.to_string();
            assert_eq!(Place::parse(&written).unwrap().to_string(), written);
            assert!(place.addresses().is_ok());
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    });
    hold(&["10.0.0.1:7001", "node.acme.example:7001"].map(str::to_owned), 1 << 8, |text| {
        addresses(text).is_ok_and(|listed| {
            assert!(!listed.is_empty(), "it is no address, and is not refused: {text:?}");
            true
        })
    });
}

#[test]
fn bodies_of_requests() {
    let decision = r#"{"title":"Extend the line?","body":"By a year.","rule":"mean(confidence) > 75","deadline_ms":1800000000000,"refresh":false}"#;
    hold(&[decision.to_owned()], 1 << 10, body::<NewDecision>);
    hold(&[r#"{"vote":"approve"}"#.to_owned()], 1 << 8, body::<NewVote>);
    let problem =
        r#"{"status":409,"code":"already_voted","detail":"It has voted.","hint":"Nothing."}"#;
    hold(&[problem.to_owned()], 1 << 8, body::<Problem>);
}

fn body<T: Serialize + DeserializeOwned>(text: &str) -> Read {
    let Ok(value) = serde_json::from_str::<T>(text) else { return false };
    let written = serde_json::to_string(&value).unwrap();
    let again: T = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
    true
}
