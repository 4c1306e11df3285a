use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::crypto::point::Point;
use crate::decision::proposal::{DocumentRef, Renewal};
use crate::fault::{Fault, FaultKind};
use crate::keys::TrustedKeyDealer;
use crate::math::{Field, Fl};
use crate::rule::Rule;
use crate::secret::Secret;
use crate::sharing::shamir;
use crate::testkit::{Collected, Network, Order};

const DOCUMENT: &[u8] = b"pay 100 to Orion";
const NETWORK: [u8; 32] = [9; 32];

/// What every party begins with.
struct World {
    committee: Committee,
    keys: Vec<KeySet>,
    keyrings: Vec<Arc<Keyring>>,
    /// By party.
    pairs: Vec<BTreeMap<Purpose, NoncePair>>,
    proposal: Proposal,
    accountable: bool,
}

impl World {
    fn new(n: usize, seed: u64) -> Self {
        let committee = Committee::new(n).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let keys = TrustedKeyDealer::deal(committee, 0, &mut rng).unwrap();
        let mut pairs = vec![BTreeMap::new(); n];
        for (index, purpose) in (40..).zip(Purpose::ALL) {
            let nonces = [Fl::random(&mut rng), Fl::random(&mut rng)];
            let [d, e] = nonces.map(|nonce| shamir::share(nonce, committee, &mut rng));
            let [big_d, big_e] = nonces.map(|nonce| Point::base(&nonce));
            for (of, (d, e)) in pairs.iter_mut().zip(d.into_iter().zip(e)) {
                let halves = [(d, big_d), (e, big_e)].map(|(s, point)| (Secret::new(s), point));
                let [d, e] = halves;
                of.insert(purpose, NoncePair::new(index, d, e));
            }
        }
        let proposal = Proposal {
            title: "Release the payment file?".into(),
            text: String::new(),
            rule: Rule::parse("count(approve) >= 3").unwrap(),
            deadline_ms: 0,
            minimum: committee.majority() as u16,
            nonce: [1; 16],
            document: DocumentRef::of(DOCUMENT),
            renewal: Renewal::None,
        };
        let keyrings = Keyring::for_tests(n, seed);
        Self { committee, keys, keyrings, pairs, proposal, accountable: false }
    }

    fn verifier(&self) -> Verifier {
        let key = (&self.keys[0].public().certificate).into();
        let network = Digest::from(NETWORK);
        Verifier::of(network, 0, self.keyrings[0].identities(), key, self.accountable)
    }

    fn statement(&self, outcome: Outcome) -> Statement {
        let counted = self.committee.everyone();
        let previous = Digest::from([5; 32]);
        Statement::new(&self.verifier(), &self.proposal, 3, previous, counted, outcome)
    }

    fn party(&self, party: PartyId) -> Host {
        let certifying = Certifying::new(
            Arc::new(self.keys[party.index()].clone()),
            Arc::clone(&self.keyrings[party.index()]),
            Arc::new(self.verifier()),
            self.proposal.clone(),
            self.proposal.document.map(|_| DOCUMENT.into()),
        );
        Host { certifying, done: false, ready: Vec::new() }
    }

    fn network(&self, order: Order, seed: u64) -> Network<Host> {
        Network::new(self.committee, order, seed, |party| self.party(party))
    }

    /// Everybody in `parties` has pairs and this outcome.
    fn decide(&self, network: &mut Network<Host>, parties: &[PartyId], outcome: Outcome) {
        for party in parties {
            network.act(*party, |host, out| {
                host.certifying.supply(self.pairs[party.index()].clone());
                host.certifying.decide(self.statement(outcome), out);
                host.sign(out);
            });
        }
    }

    fn all(&self) -> Vec<PartyId> {
        self.committee.parties().collect()
    }

    fn check(&self, certified: &Certified, outcome: Outcome) {
        let Certified { certificate, document } = certified;
        assert_eq!(certificate.verify(&self.verifier()), Ok(()));
        assert_eq!(certificate.statement, self.statement(outcome));
        let key = GroupPublic::from(&self.keys[0].public().document);
        let released = outcome == Outcome::Accepted && self.proposal.document.is_some();
        assert_eq!(document.is_some(), released);
        assert!(document.is_none_or(|signature| key.verify(DOCUMENT, &signature)));
    }
}

/// An owner to whom everything is durable at once.
struct Host {
    certifying: Certifying,
    done: bool,
    ready: Vec<Ready>,
}

impl Host {
    fn sign(&mut self, out: &mut Out<'_>) {
        let ready = self.certifying.begin(out);
        for Ready { purpose, .. } in &ready {
            self.certifying.sign(*purpose, out);
        }
        self.ready.extend(ready);
    }
}

impl Protocol for Host {
    type Message = Message;
    type Output = Certified;

    fn handle(&mut self, from: PartyId, message: Message, out: &mut Out<'_>) -> Option<Certified> {
        self.certifying.handle(from, message, out);
        self.sign(out);
        let certified = self.certifying.certified().filter(|_| !self.done)?;
        self.done = true;
        Some(certified)
    }
}

#[test]
fn statement_and_document_are_signed_in_one_hop_with_their_own_keys() {
    for (n, order) in [(4, Order::Fifo), (4, Order::Random), (7, Order::Lifo), (10, Order::Random)]
    {
        let world = World::new(n, n as u64);
        let mut network = world.network(order, 1);
        world.decide(&mut network, &world.all(), Outcome::Accepted);
        network.run(10_000);
        assert_eq!(network.delivered, 2 * n * (n - 1));
        assert!(network.faults.is_empty());
        let first = network.outputs[0].clone().unwrap();
        world.check(&first, Outcome::Accepted);
        assert!(network.outputs.iter().all(|output| output.as_ref() == Some(&first)));
        for host in &network.parties {
            let used: Vec<(Purpose, u64)> =
                host.ready.iter().map(|ready| (ready.purpose, ready.pair)).collect();
            assert_eq!(used, [(Purpose::Certificate, 40), (Purpose::Document, 41)]);
            assert_eq!(host.ready, network.parties[0].ready, "the same bytes");
        }
    }
}

#[test]
fn a_document_that_is_not_accepted_is_not_signed_and_every_outcome_is_certified() {
    for outcome in [Outcome::Rejected, Outcome::Expired] {
        let mut world = World::new(4, 2);
        world.proposal.minimum = if outcome == Outcome::Expired { 4 } else { 3 };
        let mut network = world.network(Order::Random, 2);
        world.decide(&mut network, &world.all(), outcome);
        network.run(10_000);
        assert_eq!(network.delivered, 12, "one signature");
        for output in &network.outputs {
            let certified = output.as_ref().unwrap();
            assert_eq!(certified.document, None);
            assert_eq!(certified.certificate.statement, world.statement(outcome));
            let message = certified.certificate.statement.to_signed_bytes();
            let signature = &certified.certificate.signature;
            assert!(world.verifier().key().verify(&message, signature));
        }
    }
}

#[test]
fn t_liars_who_speak_first_are_blamed_and_change_nothing() {
    for n in [4, 7] {
        let world = World::new(n, 3);
        let mut network = world.network(Order::Random, 3);
        network.byzantine = world.committee.parties().take(world.committee.t()).collect();
        for liar in network.byzantine.iter() {
            for purpose in Purpose::ALL {
                let share = signing::Message(Fl::from_u64(liar.point()));
                let message = Message::Share(purpose, share);
                network.inject(liar, crate::Recipient::All, message);
            }
        }
        // All of it comes before anybody knows what is signed.
        network.run(1000);
        let honest: Vec<PartyId> = network.honest().collect();
        world.decide(&mut network, &honest, Outcome::Accepted);
        network.run(10_000);
        for party in &honest {
            world.check(network.outputs[party.index()].as_ref().unwrap(), Outcome::Accepted);
            assert_eq!(network.parties[party.index()].certifying.liars(), network.byzantine);
        }
        network.assert_no_honest_blamed();
    }
}

#[test]
fn in_the_accountable_form_n_minus_t_members_sign_and_false_ones_are_blamed() {
    let mut world = World::new(4, 4);
    world.accountable = true;
    let mut network = world.network(Order::Random, 4);
    let [liar, wrong, ..] = [0, 1].map(PartyId::new);
    network.byzantine = [liar].into_iter().collect();
    let foreign = world.statement(Outcome::Accepted).sign(world.keyrings[1].identity());
    let message = Message::Own(Outcome::Accepted, foreign);
    network.inject(liar, crate::Recipient::All, message);
    world.decide(&mut network, &world.all()[1..], Outcome::Accepted);
    network.run(10_000);
    for party in network.honest() {
        let certified = network.outputs[party.index()].as_ref().unwrap();
        world.check(certified, Outcome::Accepted);
        assert_eq!(certified.certificate.signers().len(), 3);
    }
    let kind = FaultKind::from(DecisionFault::BadSignature);
    assert!(network.faults.iter().all(|(_, fault)| *fault == Fault { party: liar, kind }));
    assert_eq!(network.faults.len(), 3);
    // Another outcome than the computed one.
    let mut host = world.party(wrong);
    let mut out = Collected::default();
    host.certifying.decide(world.statement(Outcome::Rejected), &mut out);
    host.certifying.handle(liar, Message::Own(Outcome::Accepted, foreign), &mut out);
    let kind = FaultKind::from(DecisionFault::WrongOutcome);
    assert_eq!(out.faults, [Fault { party: liar, kind }]);
}

#[test]
fn nothing_leaves_before_the_owner_says_so() {
    let world = World::new(4, 5);
    let me = PartyId::new(0);
    let mut host = world.party(me);
    let mut out = Collected::default();
    host.certifying.supply(world.pairs[0].clone());
    assert!(host.certifying.begin(&mut out).is_empty(), "nothing is decided");
    host.certifying.decide(world.statement(Outcome::Accepted), &mut out);
    let ready = host.certifying.begin(&mut out);
    assert_eq!(ready.len(), 2);
    assert!(host.certifying.begin(&mut out).is_empty(), "once");
    assert!(host.certifying.pairs.is_empty(), "the pairs are gone");
    assert!(out.sent.is_empty() && out.faults.is_empty());
    host.certifying.sign(Purpose::Document, &mut out);
    host.certifying.sign(Purpose::Document, &mut out);
    assert!(matches!(out.sent[..], [(_, Message::Share(Purpose::Document, _))]));
}

#[test]
fn a_member_without_shares_of_the_pairs_takes_what_the_others_signed() {
    let world = World::new(4, 6);
    let mut network = world.network(Order::Random, 6);
    let without = PartyId::new(3);
    world.decide(&mut network, &world.all()[..3], Outcome::Accepted);
    network.act(without, |host, out| {
        host.certifying.decide(world.statement(Outcome::Accepted), out);
        host.sign(out);
    });
    network.run(10_000);
    assert!(network.outputs[3].is_none() && network.faults.is_empty());
    let certified = network.outputs[0].clone().unwrap();
    let host = &mut network.parties[3];
    assert_eq!(adopt(host, 0, &certified), (Some(certified.clone()), 0));
    // The document is here, so a missing signature may still come, and a false one is refused.
    let unsigned = Certified { document: None, ..certified.clone() };
    assert_eq!(adopt(host, 0, &unsigned), (None, 0));
    let document = Some(certified.certificate.signature);
    let false_one = Certified { document, ..certified };
    assert_eq!(adopt(host, 0, &false_one), (None, 1));
}

/// What a party makes of what `from` says was signed, and whether it blames it.
fn adopt(host: &mut Host, from: u16, said: &Certified) -> (Option<Certified>, usize) {
    let mut out = Collected::default();
    let adopted = host.certifying.adopt(PartyId::new(from), said.clone(), &mut out);
    (adopted, out.faults.len())
}

#[test]
fn without_the_document_a_signature_is_believed_when_an_honest_member_must_have_checked_it() {
    let world = World::new(4, 8);
    let mut network = world.network(Order::Random, 8);
    world.decide(&mut network, &world.all(), Outcome::Accepted);
    network.run(10_000);
    let good = network.outputs[0].clone().unwrap();
    let bad = Certified { document: Some(good.certificate.signature), ..good.clone() };
    let unsigned = Certified { document: None, ..good.clone() };
    let without = || {
        let mut host = world.party(PartyId::new(3));
        host.certifying.document = None;
        host
    };
    // One liar alone, twice, or one that says it has none, makes nobody leave.
    let mut host = without();
    for said in [&bad, &bad, &unsigned] {
        assert_eq!(adopt(&mut host, 0, said), (None, 0));
    }
    assert_eq!(adopt(&mut host, 1, &good), (None, 0));
    assert_eq!(adopt(&mut host, 2, &good), (Some(good.clone()), 0));
    // The document tells who lied.
    let mut host = without();
    adopt(&mut host, 0, &bad);
    adopt(&mut host, 1, &good);
    let mut out = Collected::default();
    let wrong = b"pay 1000 to Orion".as_slice().into();
    assert_eq!(host.certifying.hand_document(&wrong, &mut out), None);
    assert_eq!(host.certifying.document, None, "another document");
    let said = host.certifying.hand_document(&DOCUMENT.into(), &mut out);
    assert_eq!(said, Some(good.clone()));
    let kind = FaultKind::from(DecisionFault::BadCertificate);
    assert_eq!(out.faults, [Fault { party: PartyId::new(0), kind }]);
}

#[test]
fn a_signature_where_there_is_nothing_to_sign_is_a_fault() {
    let mut world = World::new(4, 7);
    world.proposal.document = None;
    let mut host = world.party(PartyId::new(0));
    let peer = PartyId::new(1);
    let mut out = Collected::default();
    let share = signing::Message(Fl::ONE);
    host.certifying.handle(peer, Message::Share(Purpose::Document, share), &mut out);
    let own = world.statement(Outcome::Accepted).sign(world.keyrings[1].identity());
    host.certifying.handle(peer, Message::Own(Outcome::Accepted, own), &mut out);
    let kind = FaultKind::from(DecisionFault::OutOfPlace);
    assert_eq!(out.faults, [Fault { party: peer, kind }, Fault { party: peer, kind }]);
    // Two shares before it is known what is signed.
    for share in [Fl::ONE, Fl::ONE, Fl::ZERO] {
        let message = Message::Share(Purpose::Certificate, signing::Message(share));
        host.certifying.handle(peer, message, &mut out);
    }
    assert_eq!(out.faults.len(), 3);
}
