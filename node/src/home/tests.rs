use std::os::unix::fs::PermissionsExt;

use quorate_protocol::decision::ledger::LedgerStart;
use quorate_protocol::keys::refresh::Refreshed;
use quorate_protocol::keys::{KeySet, TrustedKeyDealer};
use quorate_protocol::record::Record;

use super::*;
use crate::roster::{self, Settings};
use crate::store::{Commit as _, Durability};

impl Home {
    /// A member whose passphrase is cheap to guess at, so that tests are fast.
    pub(crate) fn create_for_tests(dir: &Path, name: &str, addresses: Vec<Multiaddr>) -> Unlocked {
        Self::create_at(Cost::FOR_TESTS, dir, name, addresses, &passphrase()).unwrap().1
    }
}

impl Unlocked {
    /// A copy of it elsewhere.
    pub(crate) fn at(&self, dir: &Path) -> Self {
        Home::open(dir).unwrap().unlock(&passphrase()).unwrap()
    }

    /// The same again, as the node's next start finds it.
    pub(crate) fn again(&self) -> Self {
        Home::open(self.home().dir()).unwrap().unlock(&passphrase()).unwrap()
    }
}

pub(super) fn passphrase() -> Passphrase {
    Passphrase::new("a passphrase of tests").unwrap()
}

pub(super) fn members(folder: &Path, n: u16) -> Vec<Unlocked> {
    (0..n)
        .map(|i| {
            let addresses = roster::addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap();
            let dir = folder.join(format!("org{i}"));
            Home::create_for_tests(&dir, &format!("Org {i}"), addresses)
        })
        .collect()
}

pub(super) fn network(members: &[Unlocked]) -> Network {
    let cards = members.iter().map(|home| home.home().card().clone()).collect();
    Network::new("test", 1, cards, Settings::default()).unwrap()
}

/// What a member has of these keys, in an epoch that was reached by a refresh.
pub(super) fn later(home: &Unlocked, network: &Network, keys: KeySet) -> KeyPart {
    let sealing_key = home.first().unwrap().sealing.clone();
    let refreshed = Refreshed { keys, sealing: network.sealing_keys(), sealing_key };
    KeyPart::Later(Box::new(refreshed), LedgerStart { position: 7, head: network.digest() })
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_member_is_made_once_and_its_secrets_are_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let unlocked = members(folder.path(), 1).pop().unwrap();
    let home = unlocked.home();
    assert_eq!(mode(home.dir()), 0o700);
    for secret in ["keys.sealed", "first.sealed", "api.token"] {
        assert_eq!(mode(&home.dir().join(secret)), 0o600, "{secret}");
    }
    let again = Home::create(home.dir(), "Other", vec![], &passphrase());
    assert!(matches!(again, Err(HomeError::Exists { .. })));

    let opened = Home::open(home.dir()).unwrap();
    assert_eq!(opened.card(), home.card());
    let Unlocked { keys, first, .. } = opened.unlock(&passphrase()).unwrap();
    let seed = |first: &Option<FirstKeys>| *first.as_ref().unwrap().seed.expose();
    assert_eq!(seed(&first), seed(&unlocked.first));
    assert_eq!(keys.identity.public(), home.card().identity);
    assert_eq!(keys.transport.public(), unlocked.keys.transport.public());
    assert_eq!(opened.api_token().unwrap().expose().len(), 64);
    let nobody = Home::open(folder.path());
    assert!(matches!(nobody, Err(HomeError::NotAMember { .. })));
}

#[test]
fn keys_that_others_can_read_or_that_are_not_ours_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 2);
    let home = homes[0].home();
    let keys = home.dir().join("keys.sealed");
    let failed = |passphrase| home.unlock(&passphrase).map(drop).unwrap_err();
    let wrong = Passphrase::new("another passphrase").unwrap();
    assert!(matches!(failed(wrong), HomeError::WrongPassphrase { .. }));
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(failed(passphrase()), HomeError::Exposed { .. }));
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(home.unlock(&passphrase()).is_ok());
    fs::copy(homes[1].home().dir().join("keys.sealed"), &keys).unwrap();
    assert!(matches!(failed(passphrase()), HomeError::Malformed { .. }));
}

#[test]
fn a_network_is_joined_by_its_members_with_their_dealt_keys_only() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 5);
    let network = network(&homes[..4]);
    let home = &homes[1];
    assert!(matches!(home.joined(), Err(HomeError::NotJoined { .. })));
    home.join(&network, None).unwrap();
    assert!(matches!(home.joined(), Err(HomeError::NoKeys { .. })));
    let dealt = network.deal_keys_insecurely().unwrap();
    let wrong = home.join(&network, Some(&dealt[0]));
    assert!(matches!(wrong, Err(HomeError::OtherKeys { .. })), "another member's");
    let stranger = homes[4].join(&network, Some(&dealt[1]));
    assert!(matches!(stranger, Err(HomeError::NotInRoster { .. })));

    assert_eq!(home.join(&network, Some(&dealt[1])).unwrap(), PartyId::new(1));
    assert_eq!(mode(&home.home().dir().join("keys-1.sealed")), 0o600);
    let (joined, me, keys) = home.again().joined().unwrap();
    assert_eq!((joined.digest(), me), (network.digest(), PartyId::new(1)));
    assert_eq!(keys.keys().public().digest(), dealt[0].key_set, "one deal");
    // Again is fine, without the keys too; another deal or another network is not.
    home.join(&network, None).unwrap();
    home.join(&network, Some(&dealt[1])).unwrap();
    let again = network.deal_keys_insecurely().unwrap();
    let joined = home.join(&network, Some(&again[1]));
    assert!(matches!(joined, Err(HomeError::HasKeys { .. })), "{joined:?}");
    let cards = homes.iter().map(|home| home.home().card().clone()).collect();
    let other = Network::new("test", 1, cards, Settings::default()).unwrap();
    let dealt = other.deal_keys_insecurely().unwrap();
    let joined = home.join(&other, Some(&dealt[1]));
    assert!(matches!(joined, Err(HomeError::OtherNetwork { .. })), "{joined:?}");
}

#[test]
fn everybody_may_see_the_public_keys_and_they_must_be_those_of_the_shares() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 4);
    let network = network(&homes);
    let home = &homes[2];
    let dir = home.home().dir();
    assert_eq!(home.home().group_keys().unwrap(), None);
    let dealt = network.deal_keys_insecurely().unwrap();
    home.join(&network, Some(&dealt[2])).unwrap();
    let keys = home.key_part().unwrap().unwrap();
    let public = home.home().group_keys().unwrap().unwrap();
    assert_eq!(public, GroupKeys::of(keys.keys(), Origin::Dealer));
    assert_ne!(public.certificate, public.document);

    // Of a later epoch, made by all: these are the newest.
    let mut dealt = TrustedKeyDealer::deal(network.committee(), 2, &mut rand::rng()).unwrap();
    let next = dealt.remove(2);
    let next = later(home, &network, next);
    home.save_key_part(&next, Origin::Members).unwrap();
    assert_eq!(home.key_part().unwrap().unwrap().to_bytes().expose(), next.to_bytes().expose());
    let public = home.home().group_keys().unwrap().unwrap();
    assert_eq!((public.epoch, public.origin), (2, Origin::Members));

    // A sealed file under the name of another epoch, or with public keys that are not its own.
    fs::copy(dir.join("keys-1.sealed"), dir.join("keys-3.sealed")).unwrap();
    assert!(matches!(home.key_part(), Err(HomeError::Malformed { .. })));
    fs::remove_file(dir.join("keys-3.sealed")).unwrap();
    let other = GroupKeys { document: public.certificate, ..public };
    files::write(&dir.join("group-keys.toml"), other.to_toml().as_bytes(), Access::Public).unwrap();
    assert!(matches!(home.key_part(), Err(HomeError::Malformed { .. })));
}

#[test]
fn one_node_at_a_time_runs_on_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let unlocked = members(folder.path(), 1).pop().unwrap();
    let home = unlocked.home();
    let lock = home.lock().unwrap();
    let error = home.lock().expect_err("held");
    assert!(matches!(error, HomeError::InUse { .. }));
    assert!(error.hint().is_some());

    let address = "127.0.0.1:9".parse().unwrap();
    let published = home.publish_api(address).unwrap();
    assert_eq!(home.api_address().unwrap(), Some(address));
    drop(lock);
    assert_eq!(home.api_address().unwrap(), None, "what a killed node left does not count");
    drop(published);
    let _lock = home.lock().unwrap();
    assert_eq!(home.api_address().unwrap(), None);
}

#[test]
fn every_changed_byte_of_the_sealed_keys_and_every_missing_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let unlocked = members(folder.path(), 1).pop().unwrap();
    let (home, path) = (unlocked.home(), unlocked.home().dir().join("keys.sealed"));
    let good = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        matches!(home.unlock(&passphrase()), Err(HomeError::Malformed { .. }))
    };
    for i in 0..good.len() {
        for bit in [1, 0x80] {
            let mut changed = good.clone();
            changed[i] ^= bit;
            assert!(refused(&changed), "byte {i}");
        }
        assert!(refused(&good[..i]), "cut at {i}");
    }
    assert!(refused(&[&good[..], b"\n"].concat()));
    assert!(!refused(&good));
}

#[test]
fn a_weak_passphrase_makes_no_member() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("org");
    let weak = Passphrase::new("1234567").unwrap();
    let made = Home::create(&dir, "Org", vec![], &weak);
    assert!(matches!(made, Err(HomeError::Passphrase(PassphraseError::Short))), "{made:?}");
    assert!(!dir.exists());
}

/// All files of a folder, with what is in them.
fn files_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_of(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files
}

/// How a secret could stand in a file.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    use data_encoding::{BASE32, BASE64, HEXLOWER, HEXUPPER};
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let mut all = vec![secret.to_vec(), reversed];
    all.extend([HEXLOWER, HEXUPPER].map(|hex| hex.encode(secret).into_bytes()));
    all.push(BASE32.encode(secret).trim_end_matches('=').into());
    // Base64 of what the secret is a part of: the characters that depend on it alone.
    for (skipped, characters) in [(0, 0), (2, 3), (1, 2)] {
        let text = BASE64.encode(&[&vec![0; skipped], secret].concat());
        let text = text.trim_end_matches('=');
        all.push(text[characters..text.len() - 1].into());
    }
    all
}

#[test]
fn no_secret_is_in_any_file_of_the_data_directory_or_in_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 4);
    let network = network(&homes);
    let dealt = network.deal_keys_insecurely().unwrap();
    let home = &homes[0];
    home.join(&network, Some(&dealt[0])).unwrap();
    let canary = *b"the share of a vote's mask, here";
    for durability in [Durability::Process, Durability::Power] {
        let (mut store, _) = home.open_store(&network, durability, 1).unwrap();
        let value = Secret::new(canary.to_vec());
        store.commit(vec![Record::Put { key: b"name".to_vec(), value }]).unwrap();
    }
    let backup = home.home().dir().join("kept.backup");
    home.write_backup_at(Cost::FOR_TESTS, &backup, &passphrase()).unwrap();

    let (keys, first) = (&home.keys, home.first().unwrap());
    let transport = keys.transport.clone().try_into_ed25519().unwrap().secret();
    let part = home.key_part().unwrap().unwrap();
    let shares = part.keys().secret();
    let shares = [&shares.coin, &shares.certificate, &shares.document];
    let mut secrets: Vec<Vec<u8>> = vec![
        keys.identity.to_bytes().expose().to_vec(),
        first.sealing.to_bytes().expose().to_vec(),
        transport.as_ref().to_vec(),
        first.seed.expose().to_vec(),
        home.data.expose().to_vec(),
        passphrase().expose().clone().into_bytes(),
        canary.to_vec(),
    ];
    secrets.extend(shares.map(|share| share.expose().scalar().to_bytes().to_vec()));
    let files = files_of(home.home().dir());
    assert!(files.len() >= 10, "{:?}", files.iter().map(|(path, _)| path).collect::<Vec<_>>());
    let found = |wanted: &[u8], bytes: &[u8]| bytes.windows(wanted.len()).any(|w| w == wanted);
    for (path, bytes) in &files {
        for secret in secrets.iter().flat_map(|secret| spellings(secret)) {
            assert!(!found(&secret, bytes), "{}", path.display());
        }
    }
    // The scan finds what is there: a public key, and a secret however it is written.
    let public = text::hex(&home.home().card().identity.to_bytes());
    assert!(files.iter().any(|(_, bytes)| found(public.as_bytes(), bytes)));
    for (skipped, text) in [(0, "x"), (1, "xy"), (2, "")] {
        let around = [&vec![1; skipped][..], &canary, text.as_bytes()].concat();
        let base64 = data_encoding::BASE64.encode(&around);
        assert!(spellings(&canary).iter().any(|s| found(s, base64.as_bytes())), "{skipped}");
    }
}

#[test]
fn an_epoch_that_is_erased_leaves_the_keys_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 4);
    let network = network(&homes);
    let dealt = network.deal_keys_insecurely().unwrap();
    let home = &homes[1];
    home.join(&network, Some(&dealt[1])).unwrap();
    // The newest public keys are written last: a crash may come between.
    let before = fs::read(home.home().dir().join("group-keys.toml")).unwrap();
    let first = home.key_part().unwrap().unwrap();
    let KeyPart::First(keys) = first else { panic!("{first:?}") };
    let mut same = keys.to_bytes().expose().clone();
    same[..8].copy_from_slice(&2u64.to_le_bytes());
    let same = KeySet::from_bytes(&same).unwrap();
    assert_eq!(same.epoch(), 2);
    home.save_key_part(&later(home, &network, same), Origin::Dealer).unwrap();
    fs::write(home.home().dir().join("group-keys.toml"), before).unwrap();
    assert_eq!(home.key_part().unwrap().unwrap().keys().epoch(), 2);
    assert!(home.first_key_set(&network).unwrap().is_some());

    home.erase(1).unwrap();
    let again = home.again();
    assert!(again.first.is_none() && again.first_key_set(&network).unwrap().is_none());
    assert_eq!(again.joined().unwrap().2.keys().epoch(), 2);
    assert!(!home.home().dir().join("first.sealed").exists());
    assert!(!home.home().dir().join("keys-1.sealed").exists());
    home.erase(1).unwrap();
}

#[test]
fn files_of_secrets_are_closed_to_others_and_nothing_is_left_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 4);
    let network = network(&homes);
    let dealt = network.deal_keys_insecurely().unwrap();
    let home = &homes[0];
    home.join(&network, Some(&dealt[0])).unwrap();
    drop(home.open_store(&network, Durability::Power, 1).unwrap());
    let _lock = home.home().lock().unwrap();
    let public = ["member.toml", "network.toml", "group-keys.toml", "history.toml"];
    for (path, _) in files_of(home.home().dir()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!name.ends_with(".new"), "{name}");
        let expected = if public.contains(&name) { 0o644 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{name}");
    }
    // What a crash left of a file that was being written is neither read nor in the way.
    let sealed = home.home().dir().join("keys-1.sealed");
    let left = home.home().dir().join("keys-1.sealed.new");
    fs::write(&left, "half").unwrap();
    assert!(home.key_part().unwrap().is_some());
    home.save_key_part(&home.key_part().unwrap().unwrap(), Origin::Dealer).unwrap();
    assert!(!left.exists() && mode(&sealed) == 0o600);
}
