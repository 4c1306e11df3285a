use std::sync::Arc;

use super::*;
use crate::committee::{Committee, PartyMap};
use crate::crypto::group::{Signer, SigningKey};
use crate::crypto::{Digest, Keyring};
use crate::decision::proposal::{DocumentRef, Renewal};
use crate::keys::GroupPublic;
use crate::rule::Rule;

const NETWORK: [u8; 32] = [9; 32];
const EPOCH: u64 = 3;

fn proposal() -> Proposal {
    Proposal {
        title: "Extend the credit line?".into(),
        text: "As discussed.".into(),
        rule: Rule::parse("mean(confidence) > 75.5").unwrap(),
        deadline_ms: 1_790_000_000_000,
        minimum: 3,
        nonce: [7; 16],
        document: None,
        renewal: Renewal::None,
    }
}

fn party(i: u16) -> PartyId {
    PartyId::new(i)
}

fn parties(of: &[u16]) -> PartySet {
    of.iter().map(|i| party(*i)).collect()
}

/// A network whose key somebody holds whole: signatures are the same as those of a group.
struct World {
    keyrings: Vec<Arc<Keyring>>,
    key: SigningKey,
    verifier: Verifier,
}

impl World {
    fn new(n: usize, accountable: bool) -> Self {
        let keyrings = Keyring::for_tests(n, 5);
        let key = SigningKey::from_bytes(&[6; 32]);
        let public = GroupPublic::from_bytes(key.verifying_key().as_bytes()).unwrap();
        let network = Digest::from(NETWORK);
        let verifier = Verifier::of(network, EPOCH, keyrings[0].identities(), public, accountable);
        Self { keyrings, key, verifier }
    }

    fn statement(&self) -> Statement {
        let counted = parties(&[0, 1, 3]);
        let previous = Digest::from([4; 32]);
        Statement::new(&self.verifier, &proposal(), 17, previous, counted, Outcome::Accepted)
    }

    /// The network and these members sign, whatever it says.
    fn certify(&self, statement: Statement, proposal: Proposal, signers: &[u16]) -> Certificate {
        let members = signers
            .iter()
            .map(|i| (party(*i), statement.sign(self.keyrings[usize::from(*i)].identity())))
            .collect();
        let signature = self.key.sign(&statement.to_signed_bytes()).to_bytes();
        let signature = GroupSignature::from_bytes(&signature);
        Certificate::new(statement, proposal, signature, members)
    }

    fn certificate(&self) -> Certificate {
        let signers: &[u16] = if self.verifier.is_accountable() { &[3, 0, 2] } else { &[] };
        self.certify(self.statement(), proposal(), signers)
    }
}

/// The plain form and the accountable one.
fn worlds() -> [World; 2] {
    [World::new(4, false), World::new(4, true)]
}

#[test]
fn a_certificate_verifies_and_comes_back_from_bytes_and_text() {
    for world in worlds() {
        let certificate = world.certificate();
        assert_eq!(certificate.verify(&world.verifier), Ok(()));
        assert_eq!(Certificate::from_bytes(&certificate.to_bytes()), Ok(certificate.clone()));
        let text = certificate.to_text();
        assert!(text.starts_with("-----BEGIN QUORATE CERTIFICATE-----\n"));
        assert_eq!(Certificate::from_text(&text), Ok(certificate.clone()));
        let sent = wire::encode(&certificate);
        assert_eq!(wire::decode(&sent, limits::MAX_ENVELOPE), Ok(certificate));
    }
    assert_eq!(World::new(4, true).certificate().signers(), parties(&[0, 2, 3]));
}

#[test]
fn it_is_encoded_byte_for_byte_as_documented() {
    let world = World::new(4, true);
    let certificate = world.certificate();
    let rule = b"mean(confidence) > 75.5";
    let mut bytes = b"quorate decision".to_vec();
    bytes.extend([1, 0]);
    bytes.extend(NETWORK);
    bytes.extend(3u64.to_le_bytes());
    bytes.extend(world.key.verifying_key().as_bytes());
    bytes.extend(17u64.to_le_bytes());
    bytes.extend(certificate.statement.proposal.as_bytes());
    bytes.extend([23, 0]);
    bytes.extend(rule);
    bytes.extend(0b1011u128.to_le_bytes());
    bytes.extend(0b0100u128.to_le_bytes());
    bytes.push(0);
    bytes.extend([4; 32]);
    assert_eq!(certificate.statement.to_signed_bytes(), bytes);
    let mut all = (bytes.len() as u16).to_le_bytes().to_vec();
    all.extend(&bytes);
    all.extend(world.key.sign(&bytes).to_bytes());
    let proposal = proposal().to_bytes();
    all.extend((proposal.len() as u16).to_le_bytes());
    all.extend(proposal);
    all.extend(0b1101u128.to_le_bytes());
    for (_, signature) in &certificate.accountable {
        all.extend(signature.to_bytes());
    }
    assert_eq!(certificate.to_bytes(), all);
}

#[test]
fn every_flipped_bit_and_every_other_length_is_refused() {
    for world in worlds() {
        let bytes = world.certificate().to_bytes();
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = Certificate::from_bytes(&flipped);
            assert!(read.and_then(|c| c.verify(&world.verifier)).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Certificate::from_bytes(&bytes[..len]).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Certificate::from_bytes(&longer), Err(CertificateError::Malformed));
    }
}

#[test]
fn every_flipped_bit_of_the_text_is_refused() {
    let [world, _] = worlds();
    let text = world.certificate().to_text();
    for bit in 0..8 * text.len() {
        let mut flipped = text.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(flipped) = String::from_utf8(flipped) else { continue };
        let verified = Certificate::from_text(&flipped).and_then(|c| c.verify(&world.verifier));
        assert!(verified.is_err(), "bit {bit}");
    }
}

/// What is changed, and how.
type Change<T> = (&'static str, fn(&mut T));

/// Each field changed after signing: whatever else might notice, the signature does not hold.
#[test]
fn every_changed_field_is_refused() {
    let [world, _] = worlds();
    let good = world.certificate();
    let statements: [Change<Statement>; 12] = [
        ("network", |s| s.network = Digest::from([8; 32])),
        ("epoch", |s| s.epoch += 1),
        ("key", |s| s.key = [8; 32]),
        ("position", |s| s.position += 1),
        ("proposal", |s| s.proposal = Digest::from([8; 32])),
        ("rule", |s| s.rule = Rule::parse("mean(confidence) > 75").unwrap()),
        ("counted", |s| {
            s.counted.remove(party(0));
        }),
        ("counted and excluded", |s| std::mem::swap(&mut s.counted, &mut s.excluded)),
        ("excluded", |s| s.excluded = PartySet::EMPTY),
        ("outcome", |s| s.outcome = Outcome::Rejected),
        ("expired", |s| s.outcome = Outcome::Expired),
        ("previous", |s| s.previous = Digest::from([8; 32])),
    ];
    for (what, change) in statements {
        let mut changed = good.clone();
        change(&mut changed.statement);
        assert!(changed.verify(&world.verifier).is_err(), "{what}");
    }
    let proposals: [Change<Proposal>; 7] = [
        ("title", |p| p.title.push('?')),
        ("text", |p| p.text.clear()),
        ("rule", |p| p.rule = Rule::parse("mean(confidence) > 75").unwrap()),
        ("deadline", |p| p.deadline_ms += 1),
        ("minimum", |p| p.minimum = 2),
        ("nonce", |p| p.nonce = [8; 16]),
        ("document", |p| p.document = DocumentRef::of(b"pay")),
    ];
    for (what, change) in proposals {
        let mut changed = good.clone();
        change(&mut changed.proposal);
        assert_eq!(changed.verify(&world.verifier), Err(CertificateError::Proposal), "{what}");
    }
}

/// Statements that were signed all the same: each check has to refuse its own.
#[test]
fn each_check_refuses_what_it_is_for_even_if_it_was_signed() {
    use CertificateError as E;
    let [world, _] = worlds();
    let signed =
        |statement: Statement| world.certify(statement, proposal(), &[]).verify(&world.verifier);
    let s = world.statement();
    assert_eq!(signed(s.clone()), Ok(()));
    let network = Digest::from([8; 32]);
    assert_eq!(signed(Statement { network, ..s.clone() }), Err(E::Network));
    assert_eq!(signed(Statement { epoch: 4, ..s.clone() }), Err(E::Epoch(4)));
    assert_eq!(signed(Statement { key: [8; 32], ..s.clone() }), Err(E::Key));
    assert_eq!(signed(Statement { proposal: network, ..s.clone() }), Err(E::Proposal));
    let rule = Rule::parse("mean(confidence) > 75").unwrap();
    assert_eq!(signed(Statement { rule, ..s.clone() }), Err(E::Proposal));
    let everyone = parties(&[0, 1, 2, 3]);
    assert_eq!(signed(Statement { counted: everyone, ..s.clone() }), Err(E::Members));
    assert_eq!(signed(Statement { excluded: parties(&[2, 4]), ..s.clone() }), Err(E::Members));
    assert_eq!(signed(Statement { excluded: PartySet::EMPTY, ..s.clone() }), Err(E::Members));
    let expired = Statement { outcome: Outcome::Expired, ..s.clone() };
    assert_eq!(signed(expired), Err(E::Participation));
    let few = Statement { counted: parties(&[0, 1]), excluded: parties(&[2, 3]), ..s };
    assert_eq!(signed(few.clone()), Err(E::Participation));
    assert_eq!(signed(Statement { outcome: Outcome::Expired, ..few }), Ok(()));
}

#[test]
fn statements_of_other_versions_kinds_and_forms_are_refused() {
    let bytes = World::new(4, false).statement().to_signed_bytes();
    let read = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        Statement::from_signed_bytes(&changed).unwrap_err()
    };
    assert_eq!(read(&|b| b[16] = 2), CertificateError::Version(2));
    assert_eq!(read(&|b| b[0] = b'Q'), CertificateError::Malformed);
    assert_eq!(read(&|b| b.push(0)), CertificateError::Malformed);
    let outcome = bytes.len() - 33;
    assert_eq!(read(&|b| b[outcome] = 3), CertificateError::Malformed);
    // The same rule in another text, and a longer text than any rule has.
    let rule = 16 + 2 + 32 + 8 + 32 + 8 + 32;
    let other = |b: &mut Vec<u8>| {
        b.insert(rule + 2, b' ');
        b[rule] += 1;
    };
    assert_eq!(read(&other), CertificateError::Malformed);
    let long = |b: &mut Vec<u8>| {
        b.splice(rule + 2..rule + 2, vec![b' '; limits::MAX_RULE]);
        b[rule] += limits::MAX_RULE as u8;
    };
    assert_eq!(read(&long), CertificateError::Malformed);
}

/// A proposal with a control character in its title: the digest is right and the network signed it.
#[test]
fn a_proposal_that_could_not_have_been_made_is_refused() {
    let [world, _] = worlds();
    for impossible in [
        Proposal { minimum: 1, ..proposal() },
        Proposal { title: "Pay\u{202e}001".into(), ..proposal() },
    ] {
        let (counted, previous) = (parties(&[0, 1, 3]), Digest::from([4; 32]));
        let of = (&world.verifier, &impossible);
        let statement = Statement::new(of.0, of.1, 17, previous, counted, Outcome::Accepted);
        let certificate = world.certify(statement, impossible, &[]);
        assert_eq!(certificate.verify(&world.verifier), Err(CertificateError::Proposal));
    }
}

#[test]
fn a_certificate_of_another_key_or_position_is_refused() {
    let [world, _] = worlds();
    let certificate = world.certificate();
    let other = SigningKey::from_bytes(&[7; 32]);
    let other = GroupPublic::from_bytes(other.verifying_key().as_bytes()).unwrap();
    let committee = world.verifier.committee();
    let verifier = Verifier::new(Digest::from(NETWORK), EPOCH, committee, other);
    assert_eq!(certificate.verify(&verifier), Err(CertificateError::Key));
    let mut claimed = certificate.clone();
    claimed.statement.key = other.to_bytes();
    assert_eq!(claimed.verify(&verifier), Err(CertificateError::Signature));
    let mut moved = certificate;
    moved.statement.position = 18;
    assert_eq!(moved.verify(&world.verifier), Err(CertificateError::Signature));
}

#[test]
fn the_accountable_form_and_the_plain_one_are_not_taken_for_each_other() {
    use CertificateError as E;
    let [plain, accountable] = worlds();
    let verdict = accountable.certificate().verify(&plain.verifier);
    assert_eq!(verdict, Err(E::Signers { got: 3, needed: 0 }));
    let verdict = plain.certificate().verify(&accountable.verifier);
    assert_eq!(verdict, Err(E::Signers { got: 0, needed: 3 }));
}

#[test]
fn too_few_too_many_foreign_and_false_signers_are_refused() {
    use CertificateError as E;
    let world = World::new(7, true);
    let proposal = || Proposal { minimum: 4, ..proposal() };
    let statement = || {
        let (counted, previous) = (parties(&[0, 1, 3, 5]), Digest::from([4; 32]));
        Statement::new(&world.verifier, &proposal(), 17, previous, counted, Outcome::Accepted)
    };
    let verify = |c: &Certificate| c.verify(&world.verifier);
    let signed = |by: &[u16]| world.certify(statement(), proposal(), by);
    let good = signed(&[0, 1, 2, 4, 6]);
    assert_eq!(verify(&good), Ok(()));
    let wrong = |got| Err(E::Signers { got, needed: 5 });
    assert_eq!(verify(&signed(&[0, 1, 2, 4])), wrong(4));
    assert_eq!(verify(&signed(&[0, 1, 2, 3, 4, 6])), wrong(6));
    assert_eq!(verify(&signed(&[0, 1, 2, 4, 4])), wrong(4));
    let mut foreign = good.clone();
    foreign.accountable[4].0 = party(7);
    assert_eq!(verify(&foreign), wrong(5));
    let mut exchanged = good.clone();
    exchanged.accountable[4].0 = party(5);
    assert_eq!(verify(&exchanged), Err(E::MemberSignature(party(5))));
    let mut copied = good.clone();
    copied.accountable[3].1 = copied.accountable[2].1;
    assert_eq!(verify(&copied), Err(E::MemberSignature(party(4))));
    let mut unsigned = good;
    unsigned.signature = GroupSignature::from_bytes(&[0; 64]);
    assert_eq!(verify(&unsigned), Err(E::Signature), "members alone are not the network");
}

/// A member's signature is never the network's, even if the member's key were the network's key.
#[test]
fn a_members_signature_is_in_a_domain_of_its_own() {
    let world = World::new(4, true);
    let statement = world.statement();
    let member = &world.keyrings[0];
    let signature = GroupSignature::from_bytes(&statement.sign(member.identity()).to_bytes());
    let key = GroupPublic::from_bytes(&member.identity_of(party(0)).to_bytes()).unwrap();
    assert!(!key.verify(&statement.to_signed_bytes(), &signature));
}

#[test]
fn a_verifier_with_one_identity_twice_is_refused() {
    let [plain, accountable] = worlds();
    let committee = plain.verifier.committee();
    let identity = |i: u16| *plain.keyrings[0].identity_of(party(i));
    let given = |keys| plain.verifier.clone().accountable(keys);
    assert!(given(PartyMap::from_fn(committee, |_| identity(0))).is_err());
    let five = Committee::new(5).unwrap();
    assert!(given(PartyMap::from_fn(five, |p| identity(p.index() as u16 % 4))).is_err());
    let own = given(PartyMap::from_fn(committee, |p| identity(p.index() as u16)));
    assert_eq!(own, Ok(accountable.verifier));
}

#[test]
fn the_largest_certificate_is_within_its_limit() {
    let world = World::new(limits::MAX_PARTIES, true);
    let everyone: Vec<u16> =
        world.verifier.committee().parties().map(|p| p.index() as u16).collect();
    let rule = Rule::parse(&format!("mean({}) >= 66.666667", "n".repeat(32))).unwrap();
    let (title, text) = ("t".repeat(limits::MAX_TITLE), "x".repeat(limits::MAX_TEXT));
    let document = DocumentRef::of(b"pay");
    let largest = Proposal { title, text, rule: rule.clone(), document, ..proposal() };
    let statement = Statement { rule, ..world.statement() };
    let certificate = world.certify(statement, largest, &everyone);
    assert!(certificate.to_bytes().len() <= limits::MAX_CERTIFICATE);
    assert_eq!(Certificate::from_text(&certificate.to_text()), Ok(certificate));
}
