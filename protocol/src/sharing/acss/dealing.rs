//! What a dealer makes of its secrets: a pure function of terms, keys, secrets and seed.

use crate::committee::{Committee, PartyId, PartySet};
use crate::crypto::seal::{SealHeader, Sealer};
use crate::crypto::{Digest, Keyring, Transcript, merkle};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::wire::{self, Bytes};
use crate::zoo::{self, Mutant};

use super::message::Shard;
use super::public::Public;
use super::scalar::Forgery;
use super::scheme::Scheme;
use super::terms::Terms;

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
    /// What is wrong with the commitments or their proof. Of elements: only how many there are.
    pub forgery: Option<Forgery>,
}

impl Deviation {
    /// The degree that the commitments are of.
    pub(super) const fn claimed_degree(&self, committee: Committee) -> usize {
        match self.forgery {
            Some(Forgery::Longer) => committee.degree() + 1,
            Some(Forgery::Shorter) => committee.degree().saturating_sub(1),
            _ => committee.degree(),
        }
    }
}

impl Dealing {
    /// The dealing of `secrets` under `terms` by the party whose keys are given.
    ///
    /// All randomness is drawn from (seed, tag, secrets): the same call gives the same bytes, and
    /// other secrets under the same name get independent polynomials.
    pub fn new<S: Scheme>(
        terms: &Terms<S>,
        keyring: &Keyring,
        secrets: Shares<S::Field>,
        seed: &Secret<[u8; 32]>,
        deviation: &Deviation,
    ) -> Self {
        let committee = terms.committee();
        let mut rng = generator(terms, &secrets, seed).rng();
        let sealer = Sealer::new(terms.tag(), &mut rng);
        let mut dispersals = Vec::with_capacity(committee.n());
        let mut parts: Vec<_> =
            committee.parties().map(|p| (p, Vec::with_capacity(committee.n()))).collect();
        // D1, D2
        let mut seal = |party: PartyId, encoded: &[u8]| {
            let sealed = sealer.seal(party, keyring.sealing_of(party), encoded);
            dispersals.push(disperse(terms, party, sealed, deviation, &mut parts));
        };
        let (commitments, witness) = S::deal(terms, secrets, deviation, &mut rng, &mut seal);
        parts.retain(|(party, _)| !deviation.omitted.contains(*party));

        // D3. Only a deviation makes commitments without a root, and nobody verifies those.
        let root = S::root(terms, &commitments).unwrap_or_else(|| Digest::from([0; 32]));
        let header = sealer.header(&terms.context(&root, &dispersals));
        let header = deviation.header.clone().unwrap_or(header);
        let proof = S::prove(terms, witness, &commitments, &root, &header);
        let public = Public { commitments, header, dispersals, proof };
        Self { payload: wire::encode(&public).into(), parts }
    }
}

/// What all randomness of a dealing is drawn from.
fn generator<S: Scheme>(
    terms: &Terms<S>,
    secrets: &Shares<S::Field>,
    seed: &Secret<[u8; 32]>,
) -> Transcript {
    let mut transcript = Transcript::new(terms.tag(), "acss dealing");
    transcript.bytes(seed.expose());
    if !zoo::on(Mutant::AcssSeedOnly) {
        transcript.bytes(terms.encode(secrets).expose());
    }
    transcript
}

/// Disperses one party's ciphertext: a shard to each node's part. Returns the root.
fn disperse<S: Scheme>(
    terms: &Terms<S>,
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
