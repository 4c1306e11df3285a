//! From shards to a share vector, or to the proof that there is none; and from revealed share
//! vectors to one's own. Pure functions, run as jobs.

use crate::committee::PartyId;
use crate::crypto::{Keyring, erasure, merkle};
use crate::fault::SharingFault;
use crate::math::{Field, poly};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

use super::message::{Complaint, Shard};
use super::public::Verified;
use super::scheme::Scheme;

/// A3. Our encoded share vector out of `t + 1` shards of our ciphertext, or the complaint.
pub(super) fn retrieve<S: Scheme>(
    batch: &Verified<S>,
    keyring: &Keyring,
    shards: Vec<(PartyId, Shard)>,
) -> Result<Secret<Vec<u8>>, Complaint> {
    let me = keyring.me();
    let Some(ciphertext) = reassemble(batch, me, &shards) else {
        return Err(Complaint::BadDispersal { shards });
    };
    let opened = keyring.sealing().open(batch.header(), me, &ciphertext);
    let holds = |encoded: &Secret<Vec<u8>>| {
        batch.check_share(me, encoded.expose()) || zoo::on(Mutant::AcssOkUnchecked)
    };
    opened.filter(holds).ok_or_else(|| {
        let opener = Box::new(keyring.sealing().opener(batch.header(), me));
        Complaint::BadShare { ciphertext: ciphertext.into(), opener }
    })
}

/// What a complaint proves of the dealer; `None` if nothing. All honest parties judge alike.
pub(super) fn judge<S: Scheme>(
    batch: &Verified<S>,
    keyring: &Keyring,
    complainer: PartyId,
    complaint: &Complaint,
) -> Option<SharingFault> {
    let proven = match complaint {
        Complaint::BadShare { ciphertext, opener } => {
            let key = keyring.sealing_of(complainer);
            is_dispersed(batch, complainer, ciphertext)
                && match opener.open(batch.header(), complainer, key, ciphertext) {
                    Ok(Some(encoded)) => {
                        !batch.check_share(complainer, Secret::new(encoded).expose())
                    }
                    Ok(None) => true,
                    Err(_) => false,
                }
        }
        Complaint::BadDispersal { shards } => {
            let belong =
                |(holder, shard): &(PartyId, Shard)| batch.holds_shard(complainer, *holder, shard);
            let proves = reassemble(batch, complainer, shards).is_none();
            shards.iter().all(belong) && proves && !zoo::on(Mutant::AcssLooseDispersal)
        }
    };
    (proven || zoo::on(Mutant::AcssUnprovenComplaint)).then_some(complaint.proves())
}

/// The party's shares, encoded, interpolated from the encoded share vectors of `t + 1` others.
pub(super) fn interpolate<S: Scheme>(
    batch: &Verified<S>,
    party: PartyId,
    revealed: &[(PartyId, Secret<Vec<u8>>)],
) -> Secret<Vec<u8>> {
    let terms = batch.terms();
    let points: Vec<S::Field> = revealed.iter().map(|(from, _)| terms.point(*from)).collect();
    let row = poly::lagrange_row(&points, terms.point(party));
    let mut shares = vec![S::Field::ZERO; terms.count()];
    for ((_, encoded), weight) in revealed.iter().zip(row) {
        let Some(theirs) = terms.decode(encoded.expose()) else { continue };
        for (share, theirs) in shares.iter_mut().zip(theirs.iter()) {
            *share += weight * *theirs;
        }
    }
    terms.encode(&Shares::from(shares))
}

/// The ciphertext that all shards under `owner`'s root are of, if there is one.
fn reassemble<S: Scheme>(
    batch: &Verified<S>,
    owner: PartyId,
    shards: &[(PartyId, Shard)],
) -> Option<Vec<u8>> {
    let terms = batch.terms();
    let numbered: Vec<(usize, Bytes)> =
        shards.iter().map(|(holder, shard)| (holder.index(), shard.bytes.clone())).collect();
    let n = terms.committee().n();
    let most = terms.most_sealed_bytes();
    let ciphertext = erasure::decode(&numbered, terms.data_shards(), n, most)?;
    is_dispersed(batch, owner, &ciphertext).then_some(ciphertext)
}

/// Whether `owner`'s root is over the shards of exactly this ciphertext.
fn is_dispersed<S: Scheme>(batch: &Verified<S>, owner: PartyId, ciphertext: &[u8]) -> bool {
    let terms = batch.terms();
    ciphertext.len() <= terms.most_sealed_bytes()
        && batch
            .dispersal(owner)
            .is_some_and(|root| merkle::Tree::new(&terms.disperse(ciphertext)).root() == *root)
}
