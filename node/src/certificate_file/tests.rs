//! Files of a network whose keys are known, so that they are the same whenever they are made: those
//! of `docs/certificates`.

use libp2p::identity::ed25519;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::decision::certificate::{Outcome as Signed, Statement, Verifier};
use quorate_protocol::decision::proposal::{Proposal, Renewal};
use quorate_protocol::keys::GroupSignature;
use quorate_protocol::rule::Rule;
use serde_json::Value;

use super::*;
use crate::roster::{MemberCard, Settings, TransportPublic, addresses};

const PAGE: &str = include_str!("../../../docs/certificate.md");
const PLAIN: &str = include_str!("../../../docs/certificates/plain.cert");
const ACCOUNTABLE: &str = include_str!("../../../docs/certificates/accountable.cert");

/// A network of four with a key that somebody holds whole.
struct World {
    network: Network,
    group: ed25519::Keypair,
    key: GroupPublic,
}

fn identity(i: u8) -> IdentityKey {
    IdentityKey::from_bytes(&[i + 1; 32])
}

fn group(seed: u8) -> (ed25519::Keypair, GroupPublic) {
    let secret = ed25519::SecretKey::try_from_bytes([seed; 32]).unwrap();
    let group = ed25519::Keypair::from(secret);
    let key = GroupPublic::from_bytes(&group.public().to_bytes()).unwrap();
    (group, key)
}

impl World {
    fn new(name: &str, accountable: bool) -> Self {
        let card = |i: u8| MemberCard {
            name: format!("Org {i}"),
            identity: identity(i).public(),
            sealing: *SealingKey::from_bytes(&[i + 11; 32]).unwrap().public(),
            transport: TransportPublic::from_bytes(&identity(i + 20).public().to_bytes()).unwrap(),
            addresses: addresses(&format!("127.0.0.1:{}", 7000 + u16::from(i))).unwrap(),
        };
        let settings = Settings { accountable, ..Settings::default() };
        let network = Network::new(name, 1, (0..4).map(card).collect(), settings).unwrap();
        let (group, key) = group(77);
        Self { network, group, key }
    }

    fn known(&self) -> Known {
        Known { key: Some(self.key), network: None }
    }

    fn digest(&self) -> Known {
        Known { key: None, network: Some(self.network.digest()) }
    }

    fn certificate(&self, proposal: Proposal, epoch: u64) -> Certificate {
        let committee = self.network.committee();
        let verifier = Verifier::new(self.network.digest(), epoch, committee, self.key);
        let counted = committee.parties().take(3).collect();
        let previous = Digest::from([9; 32]);
        let statement =
            Statement::new(&verifier, &proposal, 5, previous, counted, Signed::Accepted);
        let signature = self.group.sign(&statement.to_signed_bytes()).try_into().unwrap();
        let own: Vec<_> = [0, 2, 3]
            .into_iter()
            .filter(|_| self.network.settings().accountable)
            .map(|i: u8| (PartyId::new(i.into()), statement.sign(&identity(i))))
            .collect();
        Certificate::new(statement, proposal, GroupSignature::from_bytes(&signature), own)
    }

    fn file(&self, proposal: Proposal) -> CertificateFile {
        CertificateFile::new(&self.network, &self.certificate(proposal, 1))
    }
}

fn proposal() -> Proposal {
    Proposal {
        title: "Extend the line?".into(),
        text: "By a year.".into(),
        rule: Rule::parse("mean(confidence) > 75").unwrap(),
        deadline_ms: 1_801_396_800_000,
        minimum: 3,
        nonce: [7; 16],
        document: None,
        renewal: Renewal::None,
    }
}

fn plain() -> (World, CertificateFile) {
    let world = World::new("Trade", false);
    let file = world.file(proposal());
    (world, file)
}

fn accountable() -> (World, CertificateFile) {
    let world = World::new("Zürich \"Börse\"", true);
    let file = world.file(Proposal {
        title: "Zahlung an \"Orion\" \\ €".into(),
        text: "Siehe:\n\n- Datei".into(),
        rule: Rule::parse("count(approve) >= 3").unwrap(),
        document: DocumentRef::of(b"pay 100 to Orion\n"),
        ..proposal()
    });
    (world, file)
}

#[test]
fn a_file_comes_back_and_is_verified_by_the_networks_key_alone() {
    let (world, file) = plain();
    let read = CertificateFile::parse(&file.to_text()).unwrap();
    assert_eq!(read, file);
    let verified = read.verify(&world.known()).unwrap();
    assert_eq!((verified.outcome, verified.signatures), (Outcome::Accepted, 0));
    assert_eq!(file.counted, ["Org 0", "Org 1", "Org 2"]);
    assert_eq!(file.not_counted, ["Org 3"]);
    assert!(!file.to_text().contains("127.0.0.1"), "it tells nobody where the nodes are");
    assert!(!file.to_text().contains("signed_by"), "nor which members took part in signing");
    let both = Known { key: Some(world.key), network: Some(world.network.digest()) };
    assert!(file.verify(&both).is_ok());
}

#[test]
fn the_digest_is_enough_where_members_sign_and_only_there() {
    let (world, file) = accountable();
    assert_eq!(file.signed_by, ["Org 0", "Org 2", "Org 3"]);
    assert_eq!(file.verify(&world.known()).unwrap().signatures, 3);
    assert_eq!(file.verify(&world.digest()).unwrap().signatures, 3);
    assert_eq!(file.verify(&Known::default()), Err(Unverified::KeyNeeded));
    let (world, file) = plain();
    assert_eq!(file.verify(&world.digest()), Err(Unverified::KeyNeeded));
    assert_eq!(file.verify(&Known::default()), Err(Unverified::KeyNeeded));
}

#[test]
fn another_network_is_named() {
    let (world, file) = plain();
    let other = Known { network: Some(accountable().0.network.digest()), ..world.known() };
    let refused = file.verify(&other).unwrap_err();
    assert!(
        matches!(refused, Unverified::File(Unfit::OtherNetwork { name, .. }) if name == "Trade")
    );
    let other = Known { key: Some(group(78).1), network: None };
    let refused = file.verify(&other).unwrap_err();
    assert!(matches!(refused, Unverified::OtherKey { key, .. } if key == world.key.to_string()));
}

/// Keys are renewed and keep their public part, so later epochs hold; earlier ones cannot be.
#[test]
fn a_later_epoch_of_the_key_is_taken_and_shown() {
    let (world, _) = plain();
    for (epoch, holds) in [(0, false), (1, true), (7, true)] {
        let file = CertificateFile::new(&world.network, &world.certificate(proposal(), epoch));
        assert_eq!(file.network.epoch, epoch);
        assert_eq!(file.verify(&world.known()).is_ok(), holds, "{epoch}");
    }
}

#[test]
fn what_a_proposal_asks_for_beside_is_shown() {
    let (_, file) = accountable();
    let document = file.document.unwrap();
    assert_eq!(document.bytes, 17);
    assert_eq!(document.blake3, blake3::hash(b"pay 100 to Orion\n").to_string());
    let (world, plain) = plain();
    let rule = Rule::parse("count(approve) >= 3").unwrap();
    let file = world.file(Proposal { renewal: Renewal::Refresh, rule, ..proposal() });
    assert!(file.to_text().contains("\"refresh\": true") && file.verify(&world.known()).is_ok());
    assert!(!plain.to_text().contains("refresh"));
    let hidden = CertificateFile { refresh: false, ..file };
    assert_eq!(hidden.verify(&world.known()), Err(Unfit::Words.into()));
}

/// All of them, in both forms.
#[test]
fn every_flipped_bit_of_a_file_is_refused() {
    for (world, text) in [(plain().0, PLAIN), (accountable().0, ACCOUNTABLE)] {
        let known = world.known();
        let verify = |text: &str| -> Result<Verified, Unverified> {
            CertificateFile::parse(text)?.verify(&known)
        };
        assert!(verify(text).is_ok());
        let mut bytes = text.as_bytes().to_vec();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verified = str::from_utf8(&bytes).map(verify);
            assert!(!matches!(verified, Ok(Ok(_))), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let longer = format!("{text}\n");
        for changed in [&text[1..], text.trim_end(), &longer, &text.replace('\n', "\r\n")] {
            assert!(verify(changed).is_err(), "{changed:?}");
        }
    }
}

/// Fields changed by whoever writes a proper file around them.
#[test]
fn no_part_of_a_file_can_be_changed() {
    for (world, file) in [plain(), accountable()] {
        let good = serde_json::to_value(&file).unwrap();
        let mut places = Vec::new();
        leaves(&good, String::new(), &mut places);
        assert!(places.len() > 20, "{places:?}");
        for place in places {
            for changed in variants(good.pointer(&place).unwrap()) {
                let mut bad = good.clone();
                *bad.pointer_mut(&place).unwrap() = changed;
                let read = serde_json::from_value::<CertificateFile>(bad.clone());
                let verified = read.map(|file| file.verify(&world.known()));
                assert!(!matches!(verified, Ok(Ok(_))), "{place} in {bad}");
            }
        }
        let mut more = good;
        more["remark"] = "paid".into();
        let read = serde_json::from_value::<CertificateFile>(more);
        assert!(read.is_err(), "a field that nobody signed");
    }
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
            let half = text.chars().count() / 2;
            let other = |c| if c == 'A' { 'B' } else { 'A' };
            let flipped: String = text
                .chars()
                .enumerate()
                .map(|(i, c)| if i == half { other(c) } else { c })
                .collect();
            vec![format!("{text}x").into(), flipped.into(), "".into(), "rejected".into()]
        }
        Value::Number(number) => vec![(number.as_u64().unwrap() + 1).into(), 0.into()],
        Value::Array(items) => {
            let fewer: Vec<_> = items.iter().skip(1).cloned().collect();
            let twice: Vec<_> = items.iter().chain(items).cloned().collect();
            [fewer, twice].into_iter().filter(|other| other != items).map(Value::Array).collect()
        }
        _ => vec![Value::Null],
    }
}

/// Changing any of this is a new version of the format: others verify what they have been told.
#[test]
fn the_certificates_of_the_documentation_are_what_is_written_today() {
    assert_eq!(plain().1.to_text(), PLAIN);
    assert_eq!(accountable().1.to_text(), ACCOUNTABLE);
    let (world, _) = plain();
    let certificate = world.certificate(proposal(), 1);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    for (what, value) in [
        ("certificate key", world.key.to_string()),
        ("network digest", world.network.digest().to_string()),
        ("root", hex(quorate_protocol::Tag::root(world.network.digest().as_bytes(), 1).as_bytes())),
        ("proposal", hex(&certificate.proposal.to_bytes())),
        ("proposal digest", certificate.statement.proposal.to_string()),
        ("statement", hex(&certificate.statement.to_signed_bytes())),
        ("signature", hex(&certificate.signature.to_bytes())),
    ] {
        let wrapped: Vec<&str> =
            value.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        assert!(PAGE.contains(&wrapped.join("\n")), "{what}:\n{}", wrapped.join("\n"));
    }
    let digest = accountable().0.network.digest().to_string();
    assert!(PAGE.contains(&digest), "digest of the accountable network: {digest}");
}
