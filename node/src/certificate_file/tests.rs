use libp2p::identity::ed25519;
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::certificate::{Outcome as Signed, Statement};
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::keys::GroupSignature;
use quorate_protocol::rule::Rule;
use serde_json::Value;

use super::*;
use crate::home::Home;
use crate::roster::{self, Settings};

/// Four members, and a certificate that their network and three of them signed.
fn certified() -> (Network, GroupPublic, CertificateFile) {
    let folder = tempfile::tempdir().unwrap();
    let homes: Vec<_> = (0..4u16)
        .map(|i| {
            let addresses = roster::addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap();
            let dir = folder.path().join(i.to_string());
            Home::create_for_tests(&dir, &format!("Org {i}"), addresses)
        })
        .collect();
    let cards = homes.iter().map(|home| home.home().card().clone()).collect();
    let settings = Settings { accountable: true, ..Settings::default() };
    let network = Network::new("Trade", 1, cards, settings).unwrap();
    let proposal = Proposal {
        title: "Extend the line?".into(),
        text: "By a year.".into(),
        rule: Rule::parse("mean(confidence) > 75").unwrap(),
        deadline_ms: 1_801_396_800_000,
        minimum: 3,
        nonce: [7; 16],
        document: None,
        refresh: false,
    };
    let committee = network.committee();
    let group = ed25519::Keypair::generate();
    let key = GroupPublic::from_bytes(&group.public().to_bytes()).unwrap();
    let verifier = Verifier::new(network.digest(), network.epoch(), committee, key);
    let counted = committee.parties().take(3).collect();
    let previous = Digest::from([9; 32]);
    let statement = Statement::new(&verifier, &proposal, 5, previous, counted, Signed::Accepted);
    let sign = |i: u16| {
        let keys = &homes.get(usize::from(i)).unwrap().keys;
        (PartyId::new(i), statement.sign(&keys.identity))
    };
    let signatures = vec![sign(0), sign(2), sign(3)];
    let signature = group.sign(&statement.to_signed_bytes());
    let signature = GroupSignature::from_bytes(&signature.try_into().unwrap());
    let certificate = Certificate::new(statement, proposal, signature, signatures);
    let file = CertificateFile::new(&network, &certificate);
    (network, key, file)
}

#[test]
fn a_file_comes_back_and_is_verified_by_the_digest_alone() {
    let (network, key, file) = certified();
    let read = CertificateFile::parse(&file.to_text()).unwrap();
    assert_eq!(read, file);
    let verified = read.verify(&network.digest(), &key).unwrap();
    assert_eq!((verified.outcome, verified.signatures), (Outcome::Accepted, 3));
    assert_eq!(file.counted, ["Org 0", "Org 1", "Org 2"]);
    assert_eq!(file.signed_by, ["Org 0", "Org 2", "Org 3"]);
    assert!(!file.to_text().contains("127.0.0.1"), "it tells nobody where the nodes are");
}

#[test]
fn another_network_is_named() {
    let (_, key, file) = certified();
    let (other, _, _) = certified();
    let refused = file.verify(&other.digest(), &key).unwrap_err();
    assert!(matches!(refused, Unverified::OtherNetwork { name, .. } if name == "Trade"));
}

#[test]
fn no_part_of_a_file_can_be_changed() {
    let (network, key, file) = certified();
    let good: Value = serde_json::from_str(&file.to_text()).unwrap();
    let mut places = Vec::new();
    leaves(&good, String::new(), &mut places);
    assert!(places.len() > 20, "{places:?}");
    for place in places {
        for changed in variants(good.pointer(&place).unwrap()) {
            let mut bad = good.clone();
            *bad.pointer_mut(&place).unwrap() = changed;
            let read = CertificateFile::parse(&bad.to_string());
            let verified = read.and_then(|file| file.verify(&network.digest(), &key));
            assert!(verified.is_err(), "{place} in {bad}");
        }
    }
    let mut more = good;
    more["remark"] = "paid".into();
    assert!(CertificateFile::parse(&more.to_string()).is_err(), "a field that nobody signed");
}

/// Where values and lists are in a file.
fn leaves(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, v)| leaves(v, format!("{place}/{name}"), places));
        }
        Value::Array(items) => {
            let each = (0..).zip(items);
            each.for_each(|(i, v): (usize, _)| leaves(v, format!("{place}/{i}"), places));
            places.push(place);
        }
        _ => places.push(place),
    }
}

/// Values of the same kind that are not this one.
fn variants(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => {
            let half = text.len() / 2;
            let flipped: String = text
                .char_indices()
                .map(|(i, c)| if i == half { if c == 'A' { 'B' } else { 'A' } } else { c })
                .collect();
            vec![format!("{text}x").into(), flipped.into(), "".into(), "rejected".into()]
        }
        Value::Number(number) => vec![(number.as_u64().unwrap() + 1).into(), 0.into()],
        Value::Array(items) => {
            let fewer = items.iter().skip(1).cloned().collect();
            let twice = items.iter().chain(items).cloned().collect();
            vec![Value::Array(fewer), Value::Array(twice)]
        }
        _ => vec![Value::Null],
    }
}
