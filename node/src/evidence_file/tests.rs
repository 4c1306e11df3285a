//! Files of a network whose keys are known.

use quorate_protocol::agreement::rbc::{Message, Mode, Rbc};
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::crypto::{Identities, IdentityKey, Keyring};
use quorate_protocol::fault::Said;
use quorate_protocol::party::evidence::{self, Place};
use quorate_protocol::protocol::{Job, Outbox, Recipient};
use quorate_protocol::{Committee, Fault, PartyMap, Tag, limits, wire};
use std::sync::Arc;

use super::*;
use crate::roster::{MemberCard, Settings, TransportPublic, addresses};

const LIAR: u16 = 2;

fn identity(i: u16) -> IdentityKey {
    IdentityKey::from_bytes(&[u8::try_from(i).unwrap() + 1; 32])
}

fn sealing(i: u16) -> SealingKey {
    SealingKey::from_bytes(&[u8::try_from(i).unwrap() + 11; 32]).unwrap()
}

fn network(name: &str) -> Network {
    let card = |i: u16| MemberCard {
        name: format!("Org {i}"),
        identity: identity(i).public(),
        sealing: *sealing(i).public(),
        transport: TransportPublic::from_bytes(&identity(i + 20).public().to_bytes()).unwrap(),
        addresses: addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap(),
    };
    Network::new(name, 1, (0..4).map(card).collect(), Settings::default()).unwrap()
}

struct Sent(Vec<Message>);

impl Outbox<Message> for Sent {
    fn send(&mut self, _: Recipient, message: Message) {
        self.0.push(message);
    }
    fn report(&mut self, _: Fault) {}
    fn work(&mut self, _: Job<Message>) {}
}

/// What the liar signs as its proposal 7.
fn signed(network: &Network, payload: &[u8]) -> Said {
    let committee = Committee::new(4).unwrap();
    let publics = PartyMap::from_fn(committee, |p| network.member(p).unwrap().identity);
    let seals = PartyMap::from_fn(committee, |p| network.member(p).unwrap().sealing);
    let me = PartyId::new(LIAR);
    let identities = Identities::new(committee, me, identity(LIAR), publics).unwrap();
    let keyring = Keyring::with(Arc::new(identities), sealing(LIAR), seals).unwrap();
    let root = Tag::root(network.digest().as_bytes(), 1);
    let tag = root.indexed("proposer", me.point()).indexed("proposal", 7);
    let mode = Mode::Short { limit: limits::MAX_SHORT_PAYLOAD };
    let mut sent = Sent(Vec::new());
    let mut rbc = Rbc::new(Arc::new(keyring), me, tag, mode);
    rbc.broadcast(payload.to_vec().into(), &mut sent).unwrap();
    match sent.0.pop().unwrap() {
        Message::Send { payload, signature } => Said::One(payload, signature),
        other => panic!("{other}"),
    }
}

fn accuse(network: &Network, member: u16, said: Said) -> Evidence {
    let parts = (network.digest(), 1u64, PartyId::new(member), Place::Proposal(7), said);
    wire::decode(&wire::encode(&parts), 1 << 20).unwrap()
}

fn file() -> (Network, EvidenceFile) {
    let network = network("Orion");
    let evidence = accuse(&network, LIAR, signed(&network, b"no proposal"));
    let file = EvidenceFile::new(&network, &evidence).unwrap();
    (network, file)
}

#[test]
fn a_file_says_who_did_what_and_is_verified_by_the_digest_alone() {
    let (network, file) = file();
    assert_eq!(file.member, "Org 2");
    assert_eq!(file.proves, "signed a proposal that is not well formed");
    assert_eq!(file.place, "its proposal 7");
    let read = EvidenceFile::parse(&file.to_text()).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.verify(&network.digest()), Ok(Charge::MalformedProposal));
    assert!(!file.to_text().contains("7001"), "no addresses");
}

#[test]
fn a_file_of_another_network_or_against_somebody_else_proves_nothing() {
    let (orion, file) = file();
    let other = network("Lyra");
    assert!(matches!(
        file.verify(&other.digest()),
        Err(Unproven::File(Unfit::OtherNetwork { .. }))
    ));
    let said = || signed(&orion, b"no proposal");
    for member in [0, 1, 3, 4, u16::MAX] {
        let framed = EvidenceFile::new(&orion, &accuse(&orion, member, said()));
        assert!(matches!(framed, Err(Unproven::Evidence(_))), "{member}");
    }
    let moved = EvidenceFile::new(&other, &accuse(&orion, LIAR, said()));
    assert_eq!(moved, Err(Unproven::Evidence(evidence::Unproven::OtherNetwork)));
}

#[test]
fn every_word_of_a_file_is_checked() {
    let (network, file) = file();
    let digest = network.digest();
    let changes: [fn(&mut EvidenceFile); 9] = [
        |file| file.id.push('0'),
        |file| file.member = "Org 1".into(),
        |file| file.proves = Charge::Equivocation.to_string(),
        |file| file.place = "its proposal 8".into(),
        |file| file.network.name = "Lyra".into(),
        |file| file.network.epoch += 1,
        |file| file.network.digest = Digest::from([1; 32]).to_string(),
        |file| file.roster = file.roster.replace("Org 1", "Org 9"),
        |file| file.evidence = file.evidence.replacen('A', "B", 1),
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut changed = file.clone();
        change(&mut changed);
        assert!(changed.verify(&digest).is_err(), "{i}");
    }
    for text in [file.to_text() + " ", file.to_text().replace("evidence 1", "evidence 2")] {
        assert!(matches!(EvidenceFile::parse(&text), Err(Unfit::Malformed { .. })));
    }
}
