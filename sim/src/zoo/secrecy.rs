//! What may be known of values that nobody is to know, by counting: how many there are, where they
//! come from, and what is opened of them.

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::Digest;
use quorate_protocol::keys::nonces;
use quorate_protocol::math::{Ext, Field, Fp61, PrimeField};
use quorate_protocol::mpc::engine::{Gadget, Step};
use quorate_protocol::mpc::gadgets::decide::Threshold;
use quorate_protocol::mpc::gadgets::{Decide, Material, weights};
use quorate_protocol::mpc::preprocessing::extract::{self, Extraction};
use quorate_protocol::mpc::preprocessing::{Layout, Request, Triple, TripleStatement, dealing};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::acss::Statement;
use quorate_protocol::tag::Tag;
use rand::{RngExt, SeedableRng};

use super::campaign::{CAMPAIGN, Verdict, fails, holds};
use crate::Rng;

fn tag() -> Tag {
    Tag::root(&[8; 32], 0).child("secrecy")
}

fn layout(committee: Committee) -> Layout {
    Layout::new::<Fp61>(committee, Request { triples: 3, bits: 3 }).expect("a small request")
}

/// A dealer's batch in the clear: shares of degree 0.
fn batch(layout: &Layout, dealer: u8, seed: u64) -> Shares<Fp61> {
    dealing::secrets(layout, &Secret::new([dealer; 32]), &tag().indexed("of", seed))
}

/// Random values of a run: no more come out than there are honest dealers.
pub(super) fn random_values(seed: u64) -> Verdict {
    let n = if seed.is_multiple_of(2) { 4 } else { 7 };
    let committee = Committee::new(n).expect("a committee of four or seven");
    let layout = layout(committee);
    for dealers in committee.quorum()..=n {
        let parties: Vec<PartyId> = committee.parties().take(dealers).collect();
        let batches: Vec<Shares<Fp61>> =
            (1..).zip(&parties).map(|(dealer, _)| batch(&layout, dealer, seed)).collect();
        let dealt: Vec<(PartyId, &[Fp61])> =
            parties.iter().zip(&batches).map(|(party, batch)| (*party, &**batch)).collect();
        let most = layout.randoms() * (dealers - committee.t());
        let made = extract::randoms(&layout, &dealt).len();
        holds("secrecy count", made <= most, "more random values than honest dealers dealt")?;
        let (dealt, pairs) = (5, 5 * (committee.quorum() - committee.t()));
        let made = nonces::yields(committee, dealers, pairs);
        let most = dealt * (dealers - committee.t());
        holds("secrecy count", made <= most, "more nonce pairs than honest dealers dealt")?;
    }
    Ok(())
}

/// Triples of a run: no factor of one is a factor that some dealer dealt.
pub(super) fn triples(seed: u64) -> Verdict {
    let n = if seed.is_multiple_of(2) { 4 } else { 7 };
    let committee = Committee::new(n).expect("a committee of four or seven");
    let layout = layout(committee);
    for dealers in committee.quorum()..=n {
        let batches: Vec<Shares<Fp61>> =
            (1..).take(dealers).map(|dealer| batch(&layout, dealer, seed)).collect();
        let batches: Vec<&[Fp61]> = batches.iter().map(|batch| &**batch).collect();
        let extraction = Extraction::new(layout, dealers);
        let opened = extraction.differences(&batches);
        for Triple { a, b, c } in extraction.triples(&batches, &opened) {
            holds("correctness", a * b == c, "a triple that is none")?;
            let dealt = batches.iter().any(|batch| batch.contains(&a) || batch.contains(&b));
            holds("secrecy count", !dealt, "a dealer knows a triple that nobody is to know")?;
        }
    }
    Ok(())
}

/// Proofs of triples: the blinders make what is published of the factors any element of the extension.
pub(super) fn blinders(seed: u64) -> Verdict {
    let committee = Committee::new(4).expect("a committee of four");
    let layout = layout(committee);
    let statement = TripleStatement::new(layout);
    let first = layout.randoms();
    // What is published of a dealing's first factor polynomial, but for the factors.
    let published = |dealer: u8| -> Option<Ext<Fp61>> {
        let mut secrets = batch(&layout, dealer, seed).to_vec();
        let factors = secrets.iter_mut().skip(first + 1).take(layout.chunk());
        factors.for_each(|factor| *factor = Fp61::ZERO);
        let columns =
            [Shares::from(secrets.clone()), Shares::from(vec![Fp61::ZERO; secrets.len()])];
        statement.prove(&tag(), &Digest::from([1; 32]), &columns).0.first().copied()
    };
    let (Some(one), Some(other)) = (published(1), published(2)) else {
        return fails(CAMPAIGN, "nothing is published");
    };
    // On one line through zero: the same up to a factor in the base field.
    let line = one.re * other.im == one.im * other.re;
    holds("secrecy count", !line, "what a proof publishes is a linear relation on the factors")
}

/// Votes in range by construction: no choice of bits stands for more.
pub(super) fn range(seed: u64) -> Verdict {
    let range = 1 + seed % 130;
    let most: u64 = weights(range).iter().sum();
    holds("range", most == range, "some bits stand for a vote out of range")
}

/// The first opening of a decision, for the least and the greatest sum of votes: one cannot be told
/// from the other.
pub(super) fn masked_sum(seed: u64) -> Verdict {
    const SAMPLES: usize = 200;
    const RANGE: u64 = 100;
    let mut rng = Rng::seed_from_u64(seed);
    let cost = Decide::<Fp61>::cost(RANGE, 4);
    let threshold = Threshold { at_least: 200, negated: false };
    let mut opened = |vote: bool| -> Vec<u64> {
        let sample = |rng: &mut Rng| {
            let mut bits = |count| -> Shares<Fp61> {
                (0..count).map(|_| Fp61::from_u64(u64::from(rng.random::<bool>()))).collect()
            };
            let masks: Vec<Shares<Fp61>> = (0..4).map(|_| bits(cost.mask_bits_per_voter)).collect();
            let masked: Vec<(PartyId, Vec<bool>)> = (0..4)
                .map(PartyId::new)
                .zip(&masks)
                .map(|(party, mask)| {
                    (party, mask.iter().map(|bit| vote != (*bit == Fp61::ONE)).collect())
                })
                .collect();
            let triples = vec![Triple::default(); cost.triples].into();
            let material = Material { masks, bits: bits(cost.bits), triples };
            let mut decide = Decide::new(RANGE, 4, threshold, &masked, material);
            match decide.next(&[]) {
                Step::Open(shares) => shares.first().map_or(0, |share| share.to_u64()),
                Step::Done(_) => 0,
            }
        };
        (0..SAMPLES).map(|_| sample(&mut rng)).collect()
    };
    let (mut least, greatest) = (opened(false), opened(true));
    least.sort_unstable();
    let median = least.get(SAMPLES / 2).copied().unwrap_or(0);
    let above = greatest.iter().filter(|opened| **opened > median).count();
    let alike = (SAMPLES / 4..3 * SAMPLES / 4).contains(&above);
    holds("secrecy count", alike, "what is opened first tells much of the votes")
}
