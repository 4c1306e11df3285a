//! What a dealer makes of its secrets: a pure function of terms, keys, secrets and seed.

use crate::committee::{PartyId, PartySet};
use crate::crypto::seal::{SealHeader, Sealer};
use crate::crypto::{Digest, Keyring, Transcript, merkle};
use crate::math::{Ext, Field, PrimeField};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::wire::{self, Bytes};

use super::combination::Combination;
use super::message::Shard;
use super::public::{Public, commit, evaluate};
use super::statement::Statement;
use super::terms::{CHECKS, SALT_BYTES, Terms};

/// Everything a dealer sends.
#[derive(Clone, Debug)]
pub struct Dealing {
    /// The public part, to be broadcast.
    pub payload: Bytes,
    /// For each node its shard of every ciphertext, in roster order of the ciphertexts' owners.
    pub parts: Vec<(PartyId, Vec<Shard>)>,
}

/// What a corrupt dealer does otherwise, for tests and simulations. By default: nothing.
#[derive(Clone, Debug, Default)]
pub struct Deviation {
    /// Is committed and sent a share vector off the polynomials.
    pub wrong_share: PartySet,
    /// Is sent a ciphertext that nobody can open.
    pub junk: PartySet,
    /// Has its ciphertext dispersed in shards that are not of one codeword.
    pub scattered: PartySet,
    /// Is sent no shards.
    pub omitted: PartySet,
    /// By how much the polynomials' degree is over `t`.
    pub excess_degree: usize,
    /// Is published in place of the header of the sealing key that was used.
    pub header: Option<SealHeader>,
}

impl Dealing {
    /// The dealing of `secrets` under `terms` by the party whose keys are given.
    ///
    /// All randomness is drawn from (seed, tag, secrets): the same call gives the same bytes, and
    /// other secrets under the same name get independent polynomials.
    pub fn new<F: PrimeField, S: Statement<F>>(
        terms: &Terms<F, S>,
        keyring: &Keyring,
        secrets: Shares<F>,
        seed: &Secret<[u8; 32]>,
        deviation: &Deviation,
    ) -> Self {
        let committee = terms.committee();
        let mut rng = generator(terms, &secrets, seed).rng();
        let degree = committee.degree() + deviation.excess_degree;
        let columns = random_columns(secrets, degree, &mut rng);
        let rows = transpose(&columns);
        let blinders: [Shares<Ext<F>>; CHECKS] =
            std::array::from_fn(|_| (0..=degree).map(|_| Ext::random(&mut rng)).collect());
        let sealer = Sealer::new(terms.tag(), &mut rng);

        let mut commitments = Vec::with_capacity(committee.n());
        let mut dispersals = Vec::with_capacity(committee.n());
        let mut parts: Vec<_> =
            committee.parties().map(|p| (p, Vec::with_capacity(committee.n()))).collect();
        for party in committee.parties() {
            let point = terms.point(party);
            let mut shares = evaluate_rows(&rows, columns.len(), point);
            if deviation.wrong_share.contains(party) {
                shares.iter_mut().for_each(|share| *share += F::ONE);
            }
            let mut salt = Secret::new([0; SALT_BYTES]);
            rand::Rng::fill_bytes(&mut rng, salt.expose_mut());
            let shares = Shares::from(shares);
            let at_point = blinders.each_ref().map(|g| evaluate(g, point));
            let encoded = terms.encode(&shares, at_point, salt.expose());
            commitments.push(terms.commitment(party, encoded.expose()));
            let sealed = sealer.seal(party, keyring.sealing_of(party), encoded.expose());
            dispersals.push(disperse(terms, party, sealed, deviation, &mut parts));
        }
        parts.retain(|(party, _)| !deviation.omitted.contains(*party));

        let root = commit(&commitments);
        let header = sealer.header(&terms.context(&root, &dispersals));
        let kept = columns.get(..=committee.degree()).unwrap_or_default();
        let public = Public {
            checks: degree_checks(&terms.challenges(&root), kept, &blinders),
            commitments,
            header: deviation.header.clone().unwrap_or(header),
            dispersals,
            proof: terms.statement().prove(terms.tag(), &root, kept),
        };
        Self { payload: wire::encode(&public).into(), parts }
    }
}

/// What all randomness of a dealing is drawn from.
fn generator<F: PrimeField, S: Statement<F>>(
    terms: &Terms<F, S>,
    secrets: &Shares<F>,
    seed: &Secret<[u8; 32]>,
) -> Transcript {
    let mut encoded = Vec::with_capacity(secrets.len() * F::BYTES);
    secrets.iter().for_each(|secret| secret.to_bytes_into(&mut encoded));
    let encoded = Secret::new(encoded);
    let mut transcript = Transcript::new(terms.tag(), "acss dealing");
    transcript.bytes(seed.expose()).bytes(encoded.expose());
    transcript
}

/// Coefficients of random polynomials with the given constants, by power of x.
pub(super) fn random_columns<F: PrimeField>(
    constants: Shares<F>,
    degree: usize,
    rng: &mut impl rand::Rng,
) -> Vec<Shares<F>> {
    let count = constants.len();
    // A zero leading coefficient is as good as any other: refusing it would tell something.
    let random = (0..degree).map(|_| (0..count).map(|_| F::random(rng)).collect());
    let random: Vec<_> = random.collect();
    std::iter::once(constants).chain(random).collect()
}

/// The same coefficients, polynomial by polynomial.
pub(super) fn transpose<F: PrimeField>(columns: &[Shares<F>]) -> Shares<F> {
    let count = columns.first().map_or(0, Shares::len);
    let mut rows = vec![F::ZERO; count * columns.len()];
    for (k, column) in columns.iter().enumerate() {
        let places = rows.iter_mut().skip(k).step_by(columns.len());
        places.zip(column.iter()).for_each(|(place, coefficient)| *place = *coefficient);
    }
    rows.into()
}

/// All polynomials, given by `terms` coefficients each, at one point: reductions wait until the
/// end of each, which Horner's rule would not let them.
pub(super) fn evaluate_rows<F: PrimeField>(rows: &Shares<F>, terms: usize, point: F) -> Vec<F> {
    let powers: Vec<F> =
        std::iter::successors(Some(F::ONE), |p| Some(*p * point)).take(terms).collect();
    let value = |row: &[F]| F::sum_of_products(row.iter().copied().zip(powers.iter().copied()));
    // No growing: a vector that moved would leave copies behind.
    let mut values = Vec::with_capacity(rows.len() / terms);
    values.extend(rows.chunks_exact(terms).map(value));
    values
}

/// `G_q = g_q + sum over l of gamma_q^l f_l`, cut to as many coefficients as the columns have.
pub(super) fn degree_checks<F: PrimeField>(
    challenges: &[Ext<F>; CHECKS],
    columns: &[Shares<F>],
    blinders: &[Shares<Ext<F>>; CHECKS],
) -> [Vec<Ext<F>>; CHECKS] {
    std::array::from_fn(|q| {
        let pair = challenges.iter().zip(blinders).nth(q);
        let Some((challenge, blinder)) = pair else { return Vec::new() };
        let combination = Combination::new(*challenge);
        columns.iter().zip(blinder.iter()).map(|(c, g)| *g + combination.of(c)).collect()
    })
}

/// Disperses one party's ciphertext: a shard to each node's part. Returns the root.
fn disperse<F: PrimeField, S: Statement<F>>(
    terms: &Terms<F, S>,
    owner: PartyId,
    mut sealed: Vec<u8>,
    deviation: &Deviation,
    parts: &mut [(PartyId, Vec<Shard>)],
) -> Digest {
    if deviation.junk.contains(owner) {
        sealed.fill(0xaa);
    }
    let mut shards = terms.disperse(&sealed);
    if let (true, Some(last)) = (deviation.scattered.contains(owner), shards.last_mut()) {
        *last = last.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>().into();
    }
    let tree = merkle::Tree::new(&shards);
    for (index, ((_, part), bytes)) in parts.iter_mut().zip(shards).enumerate() {
        part.push(Shard { bytes, path: tree.path(index) });
    }
    tree.root()
}
