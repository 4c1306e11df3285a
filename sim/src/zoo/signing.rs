//! Signatures of a network, in which one member lies, and certificates that say something else.

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::point::Point;
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::certificate::{Certificate, Outcome, Statement, Verifier};
use quorate_protocol::decision::proposal::{Proposal, Renewal};
use quorate_protocol::keys::signing::{Message, NoncePair, Purpose, Signing};
use quorate_protocol::keys::{GroupPublic, GroupSignature, KeySet, TrustedKeyDealer};
use quorate_protocol::math::{Field, Fl};
use quorate_protocol::rule::Rule;
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::shamir;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::campaign::{CAMPAIGN, Verdict, fails, holds};
use super::net::Net;
use crate::Rng;

const EPOCH: u64 = 1;

/// Keys, and one nonce pair.
struct Group {
    committee: Committee,
    keys: Vec<KeySet>,
    pairs: Vec<NoncePair>,
    root: Tag,
}

impl Group {
    fn new(seed: u64) -> Self {
        let committee = Committee::new(4).expect("a committee of four");
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let keys = TrustedKeyDealer::deal(committee, EPOCH, &mut rng).expect("no key is zero");
        let nonces = [Fl::random(&mut rng), Fl::random(&mut rng)];
        let [d, e] = nonces.map(|nonce| shamir::share(nonce, committee, &mut rng));
        let [big_d, big_e] = nonces.map(|nonce| Point::base(&nonce));
        let pair =
            |(d, e): (Fl, Fl)| NoncePair::new(7, (Secret::new(d), big_d), (Secret::new(e), big_e));
        let pairs = d.into_iter().zip(e).map(pair).collect();
        let root = Tag::root(network().as_bytes(), EPOCH);
        Self { committee, keys, pairs, root }
    }

    fn public(&self, purpose: Purpose) -> Option<GroupPublic> {
        let public = self.keys.first()?.public();
        let key = match purpose {
            Purpose::Certificate => &public.certificate,
            Purpose::Document => &public.document,
        };
        Some(GroupPublic::from(key))
    }

    /// Signs with all members, the first of which lies.
    fn sign(
        &self,
        purpose: Purpose,
        message: &[u8],
        seed: u64,
    ) -> Result<GroupSignature, crate::report::Violation> {
        let liar = PartyId::new(0);
        let signing = |party: PartyId| {
            let keys = self.keys.get(party.index()).expect("a key set for each");
            let pair = self.pairs.get(party.index()).expect("a pair for each").clone();
            Signing::new(keys, purpose, &self.root, pair, Bytes::from(message))
        };
        let mut net = Net::new(self.committee, Rng::seed_from_u64(seed), signing)
            .lying([liar], |_, to, Message(share), _| {
                vec![Message(share + Fl::from_u64(1 + to.point()))]
            });
        for party in self.committee.parties() {
            net.input(0, party, |signing, out| {
                signing.sign(out);
                None
            });
        }
        net.run()?;
        net.all_or_none(true)?;
        net.agreed()?;
        let given = net.given();
        given.first().map(|(_, signature)| **signature).ok_or_else(|| crate::report::Violation {
            time: 0,
            checker: "termination",
            what: "no signature".into(),
        })
    }
}

fn network() -> Digest {
    Digest::from([9; 32])
}

/// Signatures: each holds under the key of its purpose, and of two messages under one pair the nonces
/// differ.
pub(super) fn signatures(seed: u64) -> Verdict {
    let group = Group::new(seed);
    let one = group.sign(Purpose::Certificate, b"one thing", seed)?;
    let other = group.sign(Purpose::Certificate, b"another", seed)?;
    let document = group.sign(Purpose::Document, b"a document", seed)?;
    let (Some(certificates), Some(documents)) =
        (group.public(Purpose::Certificate), group.public(Purpose::Document))
    else {
        return fails(CAMPAIGN, "no keys");
    };
    let (one, other) = (one.to_bytes(), other.to_bytes());
    holds("nonces", one.get(..32) != other.get(..32), "one nonce signs two messages")?;
    let apart = !certificates.verify(b"a document", &document);
    holds("domains", apart, "a document is signed with the key of certificates")?;
    holds("signature", documents.verify(b"a document", &document), "a signature does not hold")
}

fn proposal() -> Proposal {
    Proposal {
        title: "Extend the credit line?".into(),
        text: "As discussed.".into(),
        rule: Rule::parse("mean(confidence) > 75.5").expect("it is a rule"),
        deadline_ms: 1_790_000_000_000,
        minimum: 3,
        nonce: [7; 16],
        document: None,
        renewal: Renewal::None,
    }
}

/// Certificates: no field can be changed.
pub(super) fn certificates(seed: u64) -> Verdict {
    let group = Group::new(seed);
    let keyrings = Keyring::for_tests(4, 1);
    let (Some(public), Some(keyring)) = (group.public(Purpose::Certificate), keyrings.first())
    else {
        return fails(CAMPAIGN, "no keys");
    };
    let verifier = Verifier::of(network(), EPOCH, keyring.identities(), public, false);
    let counted = group.committee.everyone();
    let previous = Digest::from([4; 32]);
    let statement =
        Statement::new(&verifier, &proposal(), 17, previous, counted, Outcome::Accepted);
    let signature = group.sign(Purpose::Certificate, &statement.to_signed_bytes(), seed)?;
    let certificate = Certificate::new(statement, proposal(), signature, Vec::new());
    holds("certificate", certificate.verify(&verifier).is_ok(), "a certificate does not hold")?;
    for (what, change) in changes() {
        let mut changed = certificate.clone();
        change(&mut changed, &verifier);
        if changed.verify(&verifier).is_ok() {
            return fails("certificate", format!("a certificate with another {what} holds"));
        }
    }
    Ok(())
}

type Change = fn(&mut Certificate, &Verifier);

/// Everything that somebody might want a certificate to say otherwise.
fn changes() -> [(&'static str, Change); 10] {
    let text: Change = |c, _| c.proposal.text.push('!');
    let question: Change = |c, verifier| {
        c.proposal.text.push('!');
        c.statement.proposal = c.proposal.digest(&verifier.root());
    };
    let rule: Change = |c, verifier| {
        let rule = Rule::parse("mean(confidence) > 5").expect("it is a rule");
        (c.proposal.rule, c.statement.rule) = (rule.clone(), rule);
        c.statement.proposal = c.proposal.digest(&verifier.root());
    };
    let members: Change = |c, _| {
        let (counted, excluded) = (&mut c.statement.counted, &mut c.statement.excluded);
        counted.remove(PartyId::new(0));
        excluded.insert(PartyId::new(0));
    };
    [
        ("text", text),
        ("question", question),
        ("rule", rule),
        ("set of members", members),
        ("position", |c, _| c.statement.position += 1),
        ("outcome", |c, _| c.statement.outcome = Outcome::Rejected),
        ("history", |c, _| c.statement.previous = Digest::from([5; 32])),
        ("epoch", |c, _| c.statement.epoch += 1),
        ("network", |c, _| c.statement.network = Digest::from([8; 32])),
        ("signature", |c, _| {
            let mut bytes = c.signature.to_bytes();
            if let Some(last) = bytes.get_mut(40) {
                *last ^= 1;
            }
            c.signature = GroupSignature::from_bytes(&bytes);
        }),
    ]
}
