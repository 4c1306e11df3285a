//! Files that a passphrase opens, and values that the data key opens.
//!
//! # Model
//! Whoever reads the disk or a copy of it does not know the passphrase, and guesses. Whoever writes
//! to the disk can put back an older file: nothing here notices that.
//!
//! # A sealed file
//! ```text
//! kind and version    a line of text: `quorate sealed keys v1` or `quorate backup v1`
//! cost                2 bytes: log2 of the KiB of memory, passes over it
//! salt                16 bytes
//! nonce               24 bytes
//! ciphertext          as long as what is sealed, and 16 bytes
//! checksum            32 bytes: BLAKE3 of all that, without a key
//! ```
//! Argon2id (version 0x13, one lane) makes a key of passphrase and salt, XChaCha20-Poly1305 seals
//! with it, and all that stands before the ciphertext is its associated data. The checksum tells a
//! damaged file from a wrong passphrase, before any work; it protects from accidents only, the
//! cipher's tag from people.
//!
//! The cost stands in the file, so that it can be raised. There is a bound above it, for the sake
//! of memory, and none below: who could put a file of lower cost in place must know the passphrase
//! to make one that opens. New files always have [`Cost::NEW`].
//!
//! # A sealed value
//! A random nonce of 24 bytes and the ciphertext, with the value's name as associated data, under
//! a key derived from the data key for one purpose: a value opens under its name and purpose only.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use quorate_protocol::secret::Secret;
use zeroize::Zeroizing;

use super::passphrase::Passphrase;
use crate::stretch::stretch;

const SALT: usize = 16;
const NONCE: usize = 24;
const CHECKSUM: usize = 32;
/// Bytes of cost, salt and nonce.
const HEADER: usize = 2 + SALT + NONCE;

/// What a guess at a passphrase costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cost {
    log_memory: u8,
    passes: u8,
}

impl Cost {
    /// Of every file that is made: 64 MiB, three passes, as RFC 9106 recommends where 2 GiB are too
    /// much. About 0.2 s.
    pub(crate) const NEW: Self = Self { log_memory: 16, passes: 3 };

    /// For tests, which make many.
    #[cfg(test)]
    pub(crate) const FOR_TESTS: Self = Self { log_memory: 3, passes: 1 };

    /// At most 1 GiB and 16 passes, so that a file cannot exhaust the machine that opens it.
    fn from_bytes(log_memory: u8, passes: u8) -> Option<Self> {
        let sound = (3..=20).contains(&log_memory) && (1..=16).contains(&passes);
        sound.then_some(Self { log_memory, passes })
    }

    fn derive(
        self,
        passphrase: &Passphrase,
        salt: &[u8],
    ) -> Result<XChaCha20Poly1305, SealedError> {
        let cost = (1 << self.log_memory, self.passes.into());
        let mut key = Zeroizing::new([0; 32]);
        stretch(cost, passphrase.expose().as_bytes(), salt, &mut *key)
            .map_err(|_| SealedError::Memory)?;
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }
}

/// What a sealed file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A member's keys, in its data directory.
    Keys,
    /// A copy of what a member must not lose.
    Backup,
}

impl Kind {
    const fn line(self) -> &'static [u8] {
        match self {
            Self::Keys => b"quorate sealed keys v1\n",
            Self::Backup => b"quorate backup v1\n",
        }
    }
}

/// Why a sealed file does not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SealedError {
    /// It is no sealed file of this kind and version.
    OtherKind,
    /// It is not what was written.
    Damaged,
    /// Another passphrase opens it.
    WrongPassphrase,
    /// There is not enough memory to open it.
    Memory,
}

impl SealedError {
    /// In words; what is known of the passphrase is none of them.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::OtherKind => "it is another kind of file, or of a later version of quorate",
            Self::Damaged => "the file is damaged",
            Self::WrongPassphrase => "wrong passphrase",
            Self::Memory => "there is not enough memory to open it",
        }
    }
}

/// Seals a file.
pub(crate) fn seal(
    kind: Kind,
    cost: Cost,
    passphrase: &Passphrase,
    content: &[u8],
) -> Result<Vec<u8>, SealedError> {
    let salt: [u8; SALT] = rand::random();
    let nonce: [u8; NONCE] = rand::random();
    let mut file = kind.line().to_vec();
    file.extend([cost.log_memory, cost.passes]);
    file.extend(salt);
    file.extend(nonce);
    let cipher = cost.derive(passphrase, &salt)?;
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: content, aad: &file });
    file.extend(sealed.expect("files are shorter than what the cipher takes"));
    file.extend(checksum(&file));
    Ok(file)
}

/// Opens a sealed file.
pub(crate) fn open(
    kind: Kind,
    passphrase: &Passphrase,
    file: &[u8],
) -> Result<Secret<Vec<u8>>, SealedError> {
    let (Header { cost, salt, nonce }, about, ciphertext) = look(kind, file)?;
    let cipher = cost.derive(passphrase, &salt)?;
    let content = cipher.decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: about });
    content.map(Secret::new).map_err(|_| SealedError::WrongPassphrase)
}

/// Whether a file is whole and of this kind, as far as that shows without its passphrase.
pub(crate) fn check(kind: Kind, file: &[u8]) -> Result<(), SealedError> {
    look(kind, file).map(drop)
}

/// The header of a whole file, all that stands before the ciphertext, and that.
fn look(kind: Kind, file: &[u8]) -> Result<(Header, &[u8], &[u8]), SealedError> {
    let other = || {
        let line = file.iter().take(64).position(|byte| *byte == b'\n');
        let named = file.starts_with(b"quorate ") && line.is_some();
        if named { SealedError::OtherKind } else { SealedError::Damaged }
    };
    let rest = file.strip_prefix(kind.line()).ok_or_else(other)?;
    let (body, sum) = file
        .len()
        .checked_sub(CHECKSUM)
        .and_then(|end| file.split_at_checked(end))
        .ok_or(SealedError::Damaged)?;
    if checksum(body) != *sum {
        return Err(SealedError::Damaged);
    }
    let header = Header::of(rest).ok_or(SealedError::Damaged)?;
    let (about, ciphertext) =
        body.split_at_checked(kind.line().len() + HEADER).ok_or(SealedError::Damaged)?;
    Ok((header, about, ciphertext))
}

/// What stands between the kind and the ciphertext.
struct Header {
    cost: Cost,
    salt: [u8; SALT],
    nonce: [u8; NONCE],
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let ([log_memory, passes], bytes) = bytes.split_first_chunk()?;
        let (salt, bytes) = bytes.split_first_chunk()?;
        let (nonce, _) = bytes.split_first_chunk()?;
        let cost = Cost::from_bytes(*log_memory, *passes)?;
        Some(Self { cost, salt: *salt, nonce: *nonce })
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    *blake3::Hasher::new_derive_key("quorate 2026 sealed file checksum v1")
        .update(bytes)
        .finalize()
        .as_bytes()
}

/// The key of everything in a data directory that is sealed without asking for the passphrase
/// again. It is drawn once, and is itself in the sealed keys.
#[derive(Clone)]
pub(crate) struct DataKey(Secret<[u8; 32]>);

impl DataKey {
    pub(super) const fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    pub(super) const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The key for one purpose.
    pub(super) fn for_purpose(&self, purpose: &str) -> ValueKey {
        let mut hasher = blake3::Hasher::new_derive_key("quorate 2026 data key v1");
        hasher.update(self.0.expose()).update(purpose.as_bytes());
        let mut key = Zeroizing::new([0; 32]);
        hasher.finalize_xof().fill(&mut *key);
        ValueKey(XChaCha20Poly1305::new((&*key).into()))
    }
}

/// Seals values of one purpose, each under its name. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct ValueKey(XChaCha20Poly1305);

impl ValueKey {
    /// Seals a value.
    pub fn seal(&self, name: &[u8], value: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let sealed = self.0.encrypt(&XNonce::from(nonce), Payload { msg: value, aad: name });
        let sealed = sealed.expect("values are shorter than what the cipher takes");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens a value; `None` if it was not sealed under this name with this key.
    pub fn open(&self, name: &[u8], sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let opened = self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: name });
        opened.ok().map(Secret::new)
    }
}

#[cfg(test)]
impl ValueKey {
    /// A key that is known.
    pub(crate) fn for_tests(number: u8) -> Self {
        DataKey::new(Secret::new([number; 32])).for_purpose("tests")
    }
}

impl fmt::Debug for ValueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[value key]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).unwrap()
    }

    fn sealed() -> Vec<u8> {
        seal(Kind::Keys, Cost::FOR_TESTS, &passphrase("correct horse"), b"content").unwrap()
    }

    #[test]
    fn a_sealed_file_opens_with_its_passphrase_as_its_kind_only() {
        let file = sealed();
        let opened = open(Kind::Keys, &passphrase("correct horse"), &file).unwrap();
        assert_eq!(opened.expose(), b"content");
        let failed = |kind, text| open(kind, &passphrase(text), &file).map(drop).unwrap_err();
        assert_eq!(failed(Kind::Keys, "correct house"), SealedError::WrongPassphrase);
        assert_eq!(failed(Kind::Backup, "correct horse"), SealedError::OtherKind);
        assert_ne!(sealed(), file, "salt and nonce are drawn anew");
    }

    #[test]
    fn every_changed_byte_and_every_missing_end_is_noticed_without_the_passphrase() {
        let file = sealed();
        let failed =
            |file: &[u8]| open(Kind::Keys, &passphrase("correct horse"), file).unwrap_err();
        for i in 0..file.len() {
            let mut changed = file.clone();
            changed[i] ^= 1;
            assert!(
                matches!(failed(&changed), SealedError::Damaged | SealedError::OtherKind),
                "{i}"
            );
            assert!(matches!(failed(&file[..i]), SealedError::Damaged), "{i}");
        }
        assert_eq!(failed(&[&file[..], &[0]].concat()), SealedError::Damaged);
    }

    #[test]
    fn a_change_with_a_new_checksum_does_not_open_either() {
        let file = sealed();
        let body = file.len() - CHECKSUM;
        for i in Kind::Keys.line().len()..body {
            let mut changed = file[..body].to_vec();
            changed[i] ^= 1;
            changed.extend(checksum(&changed));
            let error = open(Kind::Keys, &passphrase("correct horse"), &changed).unwrap_err();
            assert!(matches!(error, SealedError::Damaged | SealedError::WrongPassphrase), "{i}");
        }
    }

    #[test]
    fn a_file_cannot_ask_for_more_memory_than_a_machine_has() {
        for (log_memory, passes) in [(21, 1), (255, 1), (2, 1), (16, 0), (16, 17)] {
            assert_eq!(Cost::from_bytes(log_memory, passes), None);
        }
        assert_eq!(Cost::from_bytes(16, 3), Some(Cost::NEW));
    }

    #[test]
    fn a_value_opens_under_its_name_and_purpose_only() {
        let data = DataKey::new(Secret::new([7; 32]));
        let store = data.for_purpose("store");
        let sealed = store.seal(b"name", b"value");
        assert_eq!(store.open(b"name", &sealed).unwrap().expose(), b"value");
        assert!(store.open(b"other", &sealed).is_none());
        assert!(data.for_purpose("other").open(b"name", &sealed).is_none());
        assert!(store.open(b"name", &sealed[..10]).is_none());
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(store.open(b"name", &changed).is_none());
        }
        assert_ne!(store.seal(b"name", b"value"), sealed);
    }
}
