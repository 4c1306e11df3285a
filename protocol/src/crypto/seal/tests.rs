use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::wire;

const ME: PartyId = PartyId::new(2);

fn tag() -> Tag {
    Tag::root(&[0; 32], 0).indexed("deal", 1)
}

fn context() -> Digest {
    Digest::from([7; 32])
}

fn key() -> SealingKey {
    SealingKey::generate(&mut ChaCha20Rng::seed_from_u64(1))
}

fn sealer() -> Sealer {
    Sealer::new(&tag(), &mut ChaCha20Rng::seed_from_u64(2))
}

fn checked() -> CheckedHeader {
    sealer().header(&context()).verify(&tag(), &context()).unwrap()
}

fn opened(header: &CheckedHeader, me: PartyId, ciphertext: &[u8]) -> Option<Vec<u8>> {
    key().open(header, me, ciphertext).map(|plaintext| plaintext.expose().clone())
}

#[test]
fn the_recipient_and_its_opener_open() {
    for length in [0, 1, 16, 1000] {
        let plaintext = vec![9; length];
        let sealed = sealer().seal(ME, key().public(), &plaintext);
        assert_eq!(sealed.len(), length + OVERHEAD);
        assert_eq!(opened(&checked(), ME, &sealed), Some(plaintext.clone()));
        let opener = key().opener(&checked(), ME);
        assert_eq!(opener.open(&checked(), ME, key().public(), &sealed), Ok(Some(plaintext)));
    }
}

#[test]
fn a_replay_seals_and_proves_the_same_bytes() {
    let seal = || sealer().seal(ME, key().public(), b"share");
    assert_eq!(seal(), seal());
    assert_eq!(sealer().header(&context()), sealer().header(&context()));
    assert_eq!(key().opener(&checked(), ME), key().opener(&checked(), ME));
}

#[test]
fn only_the_recipient_opens_and_only_in_its_place_in_its_dealing() {
    let sealed = sealer().seal(ME, key().public(), b"share");
    let other = SealingKey::generate(&mut ChaCha20Rng::seed_from_u64(3));
    assert!(other.open(&checked(), ME, &sealed).is_none());
    assert_eq!(opened(&checked(), PartyId::new(3), &sealed), None, "another position");
    let elsewhere = tag().child("x");
    let same = Sealer::new(&elsewhere, &mut ChaCha20Rng::seed_from_u64(2)).header(&context());
    let same = same.verify(&elsewhere, &context()).unwrap();
    assert_eq!(same.0.ephemeral, checked().0.ephemeral);
    assert_eq!(opened(&same, ME, &sealed), None, "another dealing");
    let fresh = Sealer::new(&tag(), &mut ChaCha20Rng::seed_from_u64(4)).header(&context());
    let fresh = fresh.verify(&tag(), &context()).unwrap();
    assert_eq!(opened(&fresh, ME, &sealed), None, "another R");
}

#[test]
fn every_changed_byte_of_a_ciphertext_is_refused_by_the_recipient_and_by_its_opener() {
    let sealed = sealer().seal(ME, key().public(), b"share");
    let opener = key().opener(&checked(), ME);
    let refused = |ciphertext: &[u8]| {
        assert_eq!(opened(&checked(), ME, ciphertext), None);
        assert_eq!(opener.open(&checked(), ME, key().public(), ciphertext), Ok(None));
    };
    for i in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[i] ^= 1;
        refused(&changed);
        refused(&sealed[..i]);
    }
    refused(&[&sealed[..], &[0]].concat());
}

#[test]
fn every_changed_byte_of_a_header_is_refused() {
    let bytes = wire::encode(&sealer().header(&context()));
    assert_eq!(bytes.len(), 128);
    assert!(wire::decode::<SealHeader>(&bytes, 128).unwrap().verify(&tag(), &context()).is_some());
    for i in 0..bytes.len() {
        for flip in [1, 2, 0x80] {
            let mut changed = bytes.clone();
            changed[i] ^= flip;
            if let Ok(header) = wire::decode::<SealHeader>(&changed, 128) {
                assert!(header.verify(&tag(), &context()).is_none(), "byte {i}");
            }
        }
    }
}

#[test]
fn every_changed_byte_of_an_opener_is_blamed() {
    let sealed = sealer().seal(ME, key().public(), b"share");
    let bytes = wire::encode(&key().opener(&checked(), ME));
    for i in 0..bytes.len() {
        for flip in [1, 2, 0x80] {
            let mut changed = bytes.clone();
            changed[i] ^= flip;
            if let Ok(opener) = wire::decode::<Opener>(&changed, 96) {
                let result = opener.open(&checked(), ME, key().public(), &sealed);
                assert_eq!(result, Err(BadOpener), "byte {i}");
            }
        }
    }
}

#[test]
fn an_opener_holds_for_its_owner_position_and_dealing_only() {
    let opener = key().opener(&checked(), ME);
    let open = |header: &_, owner, key: &SealingKey| opener.open(header, owner, key.public(), b"");
    assert_eq!(open(&checked(), ME, &key()), Ok(None));
    let other = SealingKey::generate(&mut ChaCha20Rng::seed_from_u64(3));
    assert_eq!(open(&checked(), ME, &other), Err(BadOpener));
    assert_eq!(open(&checked(), PartyId::new(3), &key()), Err(BadOpener));
    let elsewhere = tag().child("x");
    let same = Sealer::new(&elsewhere, &mut ChaCha20Rng::seed_from_u64(2)).header(&context());
    let same = same.verify(&elsewhere, &context()).unwrap();
    assert_eq!(open(&same, ME, &key()), Err(BadOpener), "same R, another tag");
}

#[test]
fn a_dealer_that_copies_an_honest_header_gets_no_opener() {
    // The honest dealer's header is public, and its R opens what it sealed.
    let honest = sealer().header(&context());
    // Under another context of the same dealing, or in another dealing, the copy is refused, so
    // that no `CheckedHeader` exists for which an opener could be made.
    assert!(honest.verify(&tag(), &Digest::from([8; 32])).is_none());
    let corrupt = Tag::root(&[0; 32], 0).indexed("deal", 2);
    assert!(honest.verify(&corrupt, &context()).is_none());
    // Nor does the copy of R or of (R, R') pass beside a proof that the corrupt dealer can make.
    let own = Sealer::new(&corrupt, &mut ChaCha20Rng::seed_from_u64(5));
    let mut copy = own.header(&context());
    assert!(copy.verify(&corrupt, &context()).is_some());
    copy.ephemeral = honest.ephemeral;
    assert!(copy.verify(&corrupt, &context()).is_none());
    copy.twin = honest.twin;
    assert!(copy.verify(&corrupt, &context()).is_none());
}

#[test]
fn identity_points_and_unequal_exponents_are_refused() {
    let zero = Scalar::ZERO * RISTRETTO_BASEPOINT_POINT;
    let forged = |secret: Scalar, ephemeral, twin| {
        let statement = header_statement(&tag(), ephemeral, twin);
        let proof = Proof::prove(&secret, &statement, &header_context(&tag(), &context()));
        SealHeader { ephemeral, twin, proof }.verify(&tag(), &context())
    };
    let (g, h) = (RISTRETTO_BASEPOINT_POINT, second_base(&tag()));
    let x = Scalar::from(5u64);
    assert!(forged(x, x * g, x * h).is_some());
    assert!(forged(x, x * g, x * h + g).is_none());
    assert!(forged(x, x * g, (x + x) * h).is_none());
    assert!(forged(Scalar::ZERO, zero, zero).is_none());
    assert!(forged(x, x * g, zero).is_none());
}

#[test]
fn keys_are_canonical_and_not_trivial() {
    let public = *key().public();
    assert_eq!(wire::decode(&wire::encode(&public), 32), Ok(public));
    assert_eq!(SealingPublic::from_bytes(&[0; 32]), None, "the identity");
    assert!(wire::decode::<SealingPublic>(&[0; 32], 32).is_err());
    assert_eq!(SealingPublic::from_bytes(&[0xff; 32]), None, "not canonical");
    assert!(SealingKey::from_bytes(&[0; 32]).is_none());
    assert!(SealingKey::from_bytes(&[0xff; 32]).is_none());
    let again = SealingKey::from_bytes(key().to_bytes().expose()).unwrap();
    assert_eq!(*again.public(), public);
}

#[test]
fn two_messages_to_one_member_share_no_key_stream() {
    let [a, b] = [[0; 100], [1; 100]].map(|m| sealer().seal(ME, key().public(), &m));
    assert_ne!(a[..NONCE_BYTES], b[..NONCE_BYTES]);
    let xor: Vec<u8> = a.iter().zip(&b).skip(NONCE_BYTES).map(|(x, y)| x ^ y).take(100).collect();
    assert_ne!(xor, [1; 100]);
}

#[test]
fn nothing_secret_prints() {
    let opener = key().opener(&checked(), ME);
    let printed = format!("{:?} {:?} {:?}", sealer(), checked(), opener);
    assert_eq!(printed, format!("Sealer({0:?}) CheckedHeader({0:?}) Opener", tag()));
    assert_eq!(format!("{:?}", key()), format!("SealingKey({:?})", key().public()));
}
