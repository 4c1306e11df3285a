use std::sync::Arc;

use super::*;

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
        refresh: false,
    }
}

fn party(i: u16) -> PartyId {
    PartyId::new(i)
}

fn parties(of: &[u16]) -> PartySet {
    of.iter().map(|i| party(*i)).collect()
}

struct World {
    keyrings: Vec<Arc<Keyring>>,
    verifier: Verifier,
}

impl World {
    fn new(n: usize) -> Self {
        let keyrings = Keyring::for_tests(n, 5);
        let verifier = Verifier::of(Digest::from(NETWORK), EPOCH, &keyrings[0]);
        Self { keyrings, verifier }
    }

    fn statement(&self) -> Statement {
        let counted = parties(&[0, 1, 3]);
        let previous = Digest::from([4; 32]);
        Statement::new(&self.verifier, &proposal(), 17, previous, counted, Outcome::Accepted)
    }

    /// What the given members sign, whatever it says.
    fn certify(&self, statement: Statement, proposal: Proposal, signers: &[u16]) -> Certificate {
        let signatures = signers
            .iter()
            .map(|i| (party(*i), statement.sign(self.keyrings[usize::from(*i)].identity())))
            .collect();
        Certificate::new(statement, proposal, signatures)
    }

    fn certificate(&self) -> Certificate {
        self.certify(self.statement(), proposal(), &[3, 0, 2])
    }
}

#[test]
fn a_certificate_verifies_and_comes_back_from_bytes_and_text() {
    let world = World::new(4);
    let certificate = world.certificate();
    assert_eq!(certificate.verify(&world.verifier), Ok(()));
    assert_eq!(certificate.signers(), parties(&[0, 2, 3]));
    assert_eq!(Certificate::from_bytes(&certificate.to_bytes()), Ok(certificate.clone()));
    let text = certificate.to_text();
    assert!(text.starts_with("-----BEGIN QUORATE CERTIFICATE-----\n"));
    assert_eq!(Certificate::from_text(&text), Ok(certificate.clone()));
    let all = world.certify(world.statement(), proposal(), &[0, 1, 2, 3]);
    assert_eq!(all.verify(&world.verifier), Ok(()));
}

#[test]
fn the_statement_is_encoded_byte_for_byte_as_documented() {
    let statement = World::new(4).statement();
    let rule = b"mean(confidence) > 75.5";
    let mut bytes = vec![1, 0];
    bytes.extend(NETWORK);
    bytes.extend(3u64.to_le_bytes());
    bytes.extend(17u64.to_le_bytes());
    bytes.extend(statement.proposal.as_bytes());
    bytes.extend((rule.len() as u64).to_le_bytes());
    bytes.extend(rule);
    bytes.extend(0b1011u128.to_le_bytes());
    bytes.extend(0b0100u128.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend([4; 32]);
    assert_eq!(wire::encode(&statement), bytes);
}

#[test]
fn every_flipped_bit_is_refused() {
    let world = World::new(4);
    let bytes = world.certificate().to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verified = Certificate::from_bytes(&flipped).and_then(|c| c.verify(&world.verifier));
        assert!(verified.is_err(), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(Certificate::from_bytes(&bytes[..len]).is_err());
    }
}

#[test]
fn every_flipped_bit_of_the_text_is_refused() {
    let world = World::new(4);
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

/// Each field changed after signing: whatever else might notice, the signatures do not hold.
#[test]
fn every_changed_field_is_refused() {
    let world = World::new(4);
    let good = world.certificate();
    let statements: [Change<Statement>; 12] = [
        ("version", |s| s.version = 2),
        ("network", |s| s.network = Digest::from([8; 32])),
        ("epoch", |s| s.epoch += 1),
        ("position", |s| s.position += 1),
        ("proposal", |s| s.proposal = Digest::from([8; 32])),
        ("rule", |s| s.rule = Rule::parse("mean(confidence) > 75").unwrap()),
        ("counted", |s| {
            s.counted.remove(party(0));
        }),
        ("counted and absent", |s| std::mem::swap(&mut s.counted, &mut s.absent)),
        ("absent", |s| s.absent = PartySet::EMPTY),
        ("outcome", |s| s.outcome = Outcome::Rejected),
        ("expired", |s| s.outcome = Outcome::Expired),
        ("previous", |s| s.previous = Digest::from([8; 32])),
    ];
    for (what, change) in statements {
        let mut changed = good.clone();
        change(&mut changed.statement);
        assert!(changed.verify(&world.verifier).is_err(), "{what}");
    }
    let proposals: [Change<Proposal>; 6] = [
        ("title", |p| p.title.push('?')),
        ("text", |p| p.text.clear()),
        ("rule", |p| p.rule = Rule::parse("mean(confidence) > 75").unwrap()),
        ("deadline", |p| p.deadline_ms += 1),
        ("minimum", |p| p.minimum = 2),
        ("nonce", |p| p.nonce = [8; 16]),
    ];
    for (what, change) in proposals {
        let mut changed = good.clone();
        change(&mut changed.proposal);
        assert_eq!(changed.verify(&world.verifier), Err(CertificateError::Proposal), "{what}");
    }
}

/// Statements that every member signed all the same: each check has to refuse its own.
#[test]
fn each_check_refuses_what_it_is_for_even_if_all_signed() {
    use CertificateError as E;
    let world = World::new(4);
    let signed = |statement: Statement| {
        world.certify(statement, proposal(), &[0, 1, 2, 3]).verify(&world.verifier)
    };
    let s = world.statement();
    assert_eq!(signed(s.clone()), Ok(()));
    assert_eq!(signed(Statement { version: 2, ..s.clone() }), Err(E::Version(2)));
    let network = Digest::from([8; 32]);
    assert_eq!(signed(Statement { network, ..s.clone() }), Err(E::Network));
    assert_eq!(signed(Statement { epoch: 4, ..s.clone() }), Err(E::Epoch(4)));
    assert_eq!(signed(Statement { proposal: network, ..s.clone() }), Err(E::Proposal));
    let rule = Rule::parse("mean(confidence) > 75").unwrap();
    assert_eq!(signed(Statement { rule, ..s.clone() }), Err(E::Proposal));
    let everyone = parties(&[0, 1, 2, 3]);
    assert_eq!(signed(Statement { counted: everyone, ..s.clone() }), Err(E::Members));
    assert_eq!(signed(Statement { absent: parties(&[2, 4]), ..s.clone() }), Err(E::Members));
    assert_eq!(signed(Statement { absent: PartySet::EMPTY, ..s.clone() }), Err(E::Members));
    let expired = Statement { outcome: Outcome::Expired, ..s.clone() };
    assert_eq!(signed(expired.clone()), Err(E::Participation));
    let few = Statement { counted: parties(&[0, 1]), absent: parties(&[2, 3]), ..s };
    assert_eq!(signed(few.clone()), Err(E::Participation));
    assert_eq!(signed(Statement { outcome: Outcome::Expired, ..few }), Ok(()));
}

#[test]
fn a_proposal_that_could_not_have_been_made_is_refused() {
    let world = World::new(4);
    let impossible = Proposal { minimum: 1, ..proposal() };
    let statement = Statement::new(
        &world.verifier,
        &impossible,
        17,
        Digest::from([4; 32]),
        parties(&[0, 1, 3]),
        Outcome::Accepted,
    );
    let certificate = world.certify(statement, impossible, &[0, 1, 2]);
    assert_eq!(certificate.verify(&world.verifier), Err(CertificateError::Proposal));
}

#[test]
fn too_few_doubled_unordered_and_foreign_signers_are_refused() {
    use CertificateError as E;
    let world = World::new(7);
    let proposal = || Proposal { minimum: 4, ..proposal() };
    let statement = || {
        let (counted, previous) = (parties(&[0, 1, 3, 5]), Digest::from([4; 32]));
        Statement::new(&world.verifier, &proposal(), 17, previous, counted, Outcome::Accepted)
    };
    let verify = |c: &Certificate| c.verify(&world.verifier);
    let good = world.certify(statement(), proposal(), &[0, 1, 2, 4, 6]);
    assert_eq!(verify(&good), Ok(()));
    let few = world.certify(statement(), proposal(), &[0, 1, 2, 4]);
    assert_eq!(verify(&few), Err(E::TooFewSignatures { got: 4, needed: 5 }));
    let doubled = world.certify(statement(), proposal(), &[0, 1, 2, 4, 4]);
    assert_eq!(verify(&doubled), Err(E::Signers));
    let mut unordered = good.clone();
    unordered.signatures.swap(0, 1);
    assert_eq!(verify(&unordered), Err(E::Signers));
    let mut foreign = good.clone();
    foreign.signatures[4].0 = party(7);
    assert_eq!(verify(&foreign), Err(E::Signers));
    let mut exchanged = good.clone();
    exchanged.signatures[4].0 = party(5);
    assert_eq!(verify(&exchanged), Err(E::Signature(party(5))));
    // One bad signature beside enough good ones is refused too: a certificate is all true.
    let mut beside = world.certify(statement(), proposal(), &[0, 1, 2, 3, 4, 6]);
    beside.signatures[3].1 = beside.signatures[2].1;
    assert_eq!(verify(&beside), Err(E::Signature(party(3))));
}

#[test]
fn a_certificate_of_other_members_keys_or_positions_is_refused() {
    let world = World::new(4);
    let strangers = Keyring::for_tests(4, 6);
    let verifier = Verifier::of(Digest::from(NETWORK), EPOCH, &strangers[0]);
    let certificate = world.certificate();
    assert_eq!(certificate.verify(&verifier), Err(CertificateError::Signature(party(0))));
    let mut moved = certificate.clone();
    moved.statement.position = 18;
    assert_eq!(moved.verify(&world.verifier), Err(CertificateError::Signature(party(0))));
}

#[test]
fn a_verifier_with_one_key_twice_is_refused() {
    let world = World::new(4);
    let committee = world.verifier.committee();
    let one = *world.keyrings[0].identity_of(party(0));
    let twice = PartyMap::from_fn(committee, |_| one);
    assert!(Verifier::new(Digest::from(NETWORK), EPOCH, committee, twice).is_err());
    let seven = World::new(7).verifier.identities;
    assert!(Verifier::new(Digest::from(NETWORK), EPOCH, committee, seven).is_err());
    let own = world.verifier.identities.clone();
    let verifier = Verifier::new(Digest::from(NETWORK), EPOCH, committee, own).unwrap();
    assert_eq!(verifier, world.verifier);
}

#[test]
fn the_largest_certificate_is_within_its_limit() {
    let world = World::new(limits::MAX_PARTIES);
    let everyone: Vec<u16> =
        world.verifier.committee().parties().map(|p| p.index() as u16).collect();
    let rule = Rule::parse(&format!("mean({}) >= 66.666667", "n".repeat(32))).unwrap();
    let (title, text) = ("t".repeat(limits::MAX_TITLE), "x".repeat(limits::MAX_TEXT));
    let largest = Proposal { title, text, rule, ..proposal() };
    let certificate = world.certify(world.statement(), largest, &everyone);
    assert!(certificate.to_bytes().len() <= limits::MAX_CERTIFICATE);
    assert_eq!(Certificate::from_text(&certificate.to_text()), Ok(certificate));
}
