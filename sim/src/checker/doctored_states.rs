//! The checkers of certificates, of what parties keep, and of what everything depends on being written
//! down, in doctored worlds.

use quorate_protocol::agreement::rbc;
use quorate_protocol::crypto::group::{Signer, SigningKey};
use quorate_protocol::crypto::merkle::Path;
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::certificate::{Certificate, Outcome, Verifier};
use quorate_protocol::decision::supply;
use quorate_protocol::keys::{GroupPublic, GroupSignature};
use quorate_protocol::limits;
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::acss;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::{self, Bytes};

use super::doctored::{certified, digest, ghost, p, set, statement, verdict};
use super::*;
use crate::ghost::Network;

/// A certificate of the question, signed by one key in place of the network's, and perhaps by the
/// members, and the network it is of.
pub(super) fn sealed(accountable: bool) -> (Ghost, Certificate) {
    let mut ghost = ghost();
    let (keyrings, key) = (Keyring::for_tests(4, 1), SigningKey::from_bytes(&[7; 32]));
    let public = key.verifying_key().to_bytes();
    let mut statement = statement(&ghost, &[0, 1, 2], Outcome::Accepted);
    let proposal = ghost.questions[&digest()].proposal.clone();
    statement.key = public;
    statement.proposal = proposal.digest(&Tag::root(statement.network.as_bytes(), 0));
    let signature = key.sign(&statement.to_signed_bytes()).to_bytes();
    let signature = GroupSignature::from_bytes(&signature);
    let own = keyrings.iter().take(if accountable { 3 } else { 0 });
    let own = own.map(|keyring| (keyring.me(), statement.sign(keyring.identity()))).collect();
    let certificate = Certificate::new(statement, proposal, signature, own);
    let network = Network {
        digest: *certificate.statement.network.as_bytes(),
        key: public,
        identities: keyrings.iter().map(|k| k.identity_of(k.me()).to_bytes()).collect(),
        signers: certificate.accountable.len(),
    };
    ghost.network = Some(network);
    (ghost, certificate)
}

#[test]
fn a_certificate_with_any_other_byte_does_not_hold() {
    for accountable in [false, true] {
        let (ghost, certificate) = sealed(accountable);
        let key = GroupPublic::from_bytes(&certificate.statement.key).unwrap();
        let identities = Keyring::for_tests(4, 1);
        let identities = identities[0].identities();
        let verifier = Verifier::of(certificate.statement.network, 0, identities, key, accountable);
        assert_eq!(certificate.verify(&verifier), Ok(()), "the protocol's verifier takes it");
        let judge = |bytes: &[u8]| {
            let statement = &certificate.statement;
            let (by, signature) = (p(0), &[7; 64]);
            let what = What::Certified { by, statement, signature, bytes, verifies: true };
            verdict("certificate", &ghost, vec![what])
        };
        let bytes = certificate.to_bytes();
        assert_eq!(judge(&bytes), Ok(()));
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert!(judge(&other).is_err(), "byte {place} of {}", bytes.len());
        }
        assert!(judge(&[&bytes[..], &[0]].concat()).is_err(), "one more");
        assert!(judge(&bytes[1..]).is_err(), "one less");
    }
}

#[test]
fn a_party_that_keeps_too_much_or_would_forget_is_found() {
    let ghost = ghost();
    let keeps = |epochs, bytes| {
        let what = What::Keeps { by: p(0), of: p(3), epochs, bytes };
        verdict("state", &ghost, vec![what])
    };
    let most = limits::MAX_KEPT_BYTES + limits::MAX_AHEAD_BYTES;
    assert_eq!(keeps(1, most), Ok(()));
    assert!(keeps(1, most + 1).is_err());
    assert_eq!(keeps(2, most + 1), Ok(()));
    let lasting = |positions, voted| {
        let outcome = Some((Outcome::Accepted, Some(set(&[0]))));
        let decision = LastingDecision { position: 0, decision: digest(), voted, outcome };
        let decisions = vec![decision];
        let epoch = LastingEpoch { epoch: 1, counts: Some([1, positions, 1, 0, 0, 0]), decisions };
        Lasting { epoch: 1, epochs: vec![epoch] }
    };
    let judge = |restored: &Lasting| {
        let what = What::Restorable { by: p(0), live: &lasting(1, true), restored };
        verdict("recovery", &ghost, vec![what])
    };
    assert_eq!(judge(&lasting(1, true)), Ok(()));
    assert!(judge(&lasting(0, true)).is_err());
    assert!(judge(&lasting(1, false)).is_err());
    assert!(judge(&Lasting { epoch: 2, ..lasting(1, true) }).is_err());
}

#[test]
fn a_vote_in_time_that_is_left_out_where_nothing_goes_wrong_is_found() {
    let mut ghost = ghost();
    let without = statement(&ghost, &[0, 1, 3], Outcome::Accepted);
    let story = |ghost: &Ghost, after: usize| {
        let mut all: Vec<What<'_>> = (0..after as u64).map(What::Steps).collect();
        all.push(What::Voted { by: p(2), decision: digest(), position: 5 });
        all.push(certified(0, &without));
        verdict("inclusion", ghost, all)
    };
    assert_eq!(story(&ghost, 0), Ok(()), "something may go wrong");
    ghost.calm = true;
    assert!(story(&ghost, 0).is_err());
    assert!(story(&ghost, 8).is_err(), "a second before the deadline");
    assert_eq!(story(&ghost, 9), Ok(()), "too late");
}

#[test]
fn a_dealing_said_under_two_names_is_not_fresh() {
    let ghost = ghost();
    let signature = Keyring::for_tests(4, 1)[0].identity().sign(&Tag::root(&[0; 32], 0), "", b"");
    let deal = |run, dealer, last: u8| {
        let shard = rbc::Shard {
            root: Digest::from([last; 32]),
            bytes: Bytes::from(vec![1]),
            path: wire::decode::<Path>(&[0; 8], 8).unwrap(),
        };
        let m = acss::Message::Rbc(rbc::Message::SendShard { shard, signature });
        let m = preprocessing::Message::Deal(p(dealer), m);
        Message::Run(run, supply::Message::Material(m))
    };
    let pair = |by: u16, a: &Wire, b: &Wire| {
        let said = |message| What::Said { by: p(by), epoch: 1, to: Recipient::One(p(1)), message };
        verdict("freshness", &ghost, vec![said(a), said(b)])
    };
    assert_eq!(pair(0, &deal(0, 0, 1), &deal(0, 0, 1)), Ok(()), "to two members");
    assert_eq!(pair(0, &deal(0, 0, 1), &deal(1, 0, 2)), Ok(()));
    assert!(pair(0, &deal(0, 0, 1), &deal(1, 0, 1)).is_err());
}
