//! Certificates: of all texts and bytes, only those of what the network signed may hold.

use std::sync::LazyLock;

use quorate_protocol::decision::certificate::{Certificate, Verifier};

use quorate_protocol::party::epochs::EpochKeys;

use crate::network::{FIRST_EPOCH, FOUNDED};
use crate::samples;

/// What the network signed.
static GENUINE: LazyLock<Vec<Certificate>> = LazyLock::new(samples::certificates);

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let EpochKeys { keyring, keys, .. } = FOUNDED.keys.first().expect("there are members");
    let key = (&keys.public().certificate).into();
    Verifier::of(FOUNDED.network, FIRST_EPOCH, keyring.identities(), key, true)
});

fn check(certificate: &Certificate) {
    if certificate.verify(&VERIFIER).is_ok() {
        // Which quorum's signatures it bears is free.
        let signed = |genuine: &Certificate| {
            (&genuine.statement, &genuine.proposal)
                == (&certificate.statement, &certificate.proposal)
        };
        assert!(GENUINE.iter().any(signed), "a forged certificate holds: {certificate:?}");
    }
}

/// A certificate in bytes and in text.
pub fn certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::from_bytes(bytes) {
        assert_eq!(certificate.to_bytes(), bytes, "another encoding");
        let again = Certificate::from_text(&certificate.to_text());
        assert_eq!(again.as_ref(), Ok(&certificate));
        check(&certificate);
    }
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(certificate) = Certificate::from_text(text)
    {
        let blank = |c: char| c == '\r' || c == '\n';
        let (ours, theirs) = (certificate.to_text(), text.trim().replace(blank, ""));
        assert_eq!(ours.replace(blank, ""), theirs, "another text");
        check(&certificate);
    }
}
