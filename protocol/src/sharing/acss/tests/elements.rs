//! Sharings of batches in the computing field.

use super::super::elements::evaluate;
use super::*;
use crate::crypto::Digest;
use crate::math::F7;

#[test]
fn vectors_of_the_wrong_length_are_refused() {
    let keyrings = keyrings(4);
    let dealing = dealing::<Plain>(&keyrings, &Deviation::default());
    let terms = Arc::new(terms::<Plain>(&keyrings));
    type Change = fn(&mut Public<Vec<Digest>, ElementsProof<Fp61, ()>>);
    let changes: [Change; 8] = [
        |p| p.commitments.truncate(3),
        |p| p.commitments.push(Digest::from([0; 32])),
        |p| p.dispersals.truncate(3),
        |p| p.dispersals.clear(),
        |p| p.proof.checks[0].truncate(1),
        |p| p.proof.checks[1].clear(),
        |p| p.proof.checks[1].push(Field::ZERO),
        |p| p.proof.checks[0].push(Field::ONE),
    ];
    for change in changes {
        let mut changed = public::<Plain>(&dealing);
        change(&mut changed);
        assert!(Verified::new(&terms, &wire::encode(&changed)).is_none());
    }
    assert!(Verified::new(&terms, &[]).is_none());
}

/// In F_7 a vector off the polynomials passes one check with probability 1/49: too often to be
/// missed here if only one check were made.
#[test]
fn both_degree_checks_are_made() {
    let keyrings = keyrings(4);
    let passes = (0..500).filter(|i| {
        let tag = tag().indexed("tiny field", *i);
        let committee = keyrings[0].committee();
        let terms =
            Arc::new(Terms::new(committee, DEALER, &tag, Elements::<F7, _>::new(2, NoStatement)));
        let secrets = Shares::from(vec![F7::ONE, F7::ZERO]);
        let deviation = Deviation { wrong_share: set(&[3]), ..Deviation::default() };
        let dealing = Dealing::new(&terms, &keyrings[0], secrets, &seed(), &deviation);
        let batch = Verified::new(&terms, &dealing.payload).unwrap();
        let me = party(3);
        let opened = keyrings[3].sealing().open(batch.header(), me, &ciphertext_of(&dealing, me));
        batch.check_share(me, opened.unwrap().expose())
    });
    assert!(passes.count() <= 2);
}

#[test]
fn dealing_again_is_the_same_bytes_and_other_secrets_are_independent() {
    let keyrings = keyrings(4);
    let (one, two) = (Deviation::default(), Deviation::default());
    let (one, two) = (dealing::<Plain>(&keyrings, &one), dealing::<Plain>(&keyrings, &two));
    assert_eq!(one.payload, two.payload);
    assert_eq!(one.parts, two.parts);
    let terms = terms::<Plain>(&keyrings);
    let mut other = Plain::secrets().to_vec();
    other[0] += Fp61::ONE;
    let other = Dealing::new(&terms, &keyrings[0], other.into(), &seed(), &Deviation::default());
    let share = |dealing: &Dealing| {
        let encoded = open(&keyrings[1], &verified::<Plain>(&keyrings, dealing), dealing);
        let blinders = terms.scheme().blinders(encoded.expose()).unwrap();
        (terms.decode(encoded.expose()).unwrap(), blinders)
    };
    let ((shares, blinders), (others, other_blinders)) = (share(&one), share(&other));
    // The same polynomials above the constant would make the shares differ as the secrets do.
    assert_ne!(others[0] - shares[0], Fp61::ONE);
    assert!(shares.iter().zip(others.iter()).all(|(s, o)| s != o));
    assert!(blinders[0] != other_blinders[0] && blinders[1] != other_blinders[1]);
    let sealing_key =
        |dealing: &Dealing| wire::encode(&public::<Plain>(dealing).header)[..32].to_vec();
    assert_eq!(sealing_key(&one), sealing_key(&two));
    assert_ne!(sealing_key(&one), sealing_key(&other));
}

/// Claims that the secrets sum to zero; the proof is the sum of the polynomials. With `lie`, the
/// prover drops the sum's constant.
#[derive(Clone)]
struct SumIsZero {
    lie: bool,
}

impl Statement<Fp61> for SumIsZero {
    type Proof = Vec<Fp61>;

    fn prove(&self, _: &Tag, _: &Digest, coefficients: &[Shares<Fp61>]) -> Vec<Fp61> {
        let mut sums: Vec<Fp61> =
            coefficients.iter().map(|column| column.iter().copied().sum()).collect();
        if self.lie {
            sums[0] = Fp61::ZERO;
        }
        sums
    }

    fn check_public(&self, c: Committee, _: &Tag, _: &Digest, proof: &Vec<Fp61>) -> bool {
        proof.len() == c.degree() + 1 && proof[0] == Fp61::ZERO
    }

    fn check_share(&self, _: &Tag, _: &Digest, proof: &Vec<Fp61>, at: Fp61, s: &[Fp61]) -> bool {
        let proof: Vec<_> = proof.iter().map(|c| (*c).into()).collect();
        evaluate(&proof, at) == s.iter().copied().sum::<Fp61>().into()
    }
}

#[test]
fn a_false_statement_is_not_echoed_and_a_lie_about_it_completes_nowhere() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let run = |secrets: &Shares<Fp61>, lie: bool| {
        let mut net = Network::new(committee, Order::Random, 1, |p| {
            let statement = SumIsZero { lie: lie && p == DEALER };
            acss(&keyrings[p.index()], Elements::new(secrets.len(), statement))
        });
        net.act(DEALER, |p, out| p.deal(secrets.clone(), &seed(), out)).unwrap();
        net.run(MOST);
        net
    };
    let secrets = Plain::secrets();
    let mut zero = secrets.to_vec();
    zero[0] -= secrets.iter().copied().sum();
    let zero = Shares::from(zero);

    let net = run(&zero, false);
    assert_all_complete(&net, committee, committee.everyone(), &zero);
    assert!(net.faults.is_empty());

    let net = run(&secrets, false);
    assert_nobody_completes(&net);
    assert_eq!(blamers(&net, DEALER, SharingFault::BadDealing), set(&[0, 1, 2, 3]));

    let net = run(&secrets, true);
    assert_nobody_completes(&net);
    assert!(net.parties.iter().all(Acss::complained));
    assert_blamed_only(&net, set(&[0]));
}
