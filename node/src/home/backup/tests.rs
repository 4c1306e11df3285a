use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use quorate_protocol::keys::TrustedKeyDealer;
use quorate_protocol::record::Record;

use super::*;
use crate::home::tests::{later, members, network, passphrase};
use crate::store::Durability;

/// The first of four members with keys, where its backup is, and a folder for both.
struct World {
    folder: tempfile::TempDir,
    home: Unlocked,
    network: Network,
    backup: PathBuf,
}

fn kept() -> Passphrase {
    Passphrase::new("kept in a safe").unwrap()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut homes = members(folder.path(), 4);
        let network = network(&homes);
        let dealt = network.deal_keys_insecurely().unwrap();
        let home = homes.remove(0);
        home.join(&network, Some(&dealt[0])).unwrap();
        let backup = folder.path().join("org0.backup");
        Self { folder, home, network, backup }
    }

    fn write(&self) {
        self.home.write_backup_at(Cost::FOR_TESTS, &self.backup, &kept()).unwrap();
    }

    fn drill(&self) -> Result<(), HomeError> {
        self.home.home().drill_at(Cost::FOR_TESTS, &self.backup, &kept())
    }
}

#[track_caller]
fn flawed<T: std::fmt::Debug>(result: Result<T, HomeError>, wanted: &str) {
    let error = result.expect_err("refused");
    assert!(matches!(error, HomeError::Backup { .. }), "{error:?}");
    assert!(error.to_string().contains(wanted), "{error}");
}

#[test]
fn a_backup_holds_the_keys_and_a_restored_member_has_another_seed_and_the_mark() {
    let world = World::new();
    world.write();
    assert_eq!(world.backup.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let made = world.home.home().history().unwrap().backup.unwrap();
    assert_eq!(made.epoch, 1);
    // The store of the lost node is of no use to anybody else.
    world.home.open_store(&world.network, Durability::Power, 1).unwrap();

    let backup = Backup::read(&world.backup, &kept()).unwrap();
    assert_eq!(backup.card(), world.home.home().card());
    assert_eq!(backup.network().digest(), world.network.digest());
    let dir = world.folder.path().join("restored");
    let new = Passphrase::new("of the new machine").unwrap();
    drop(backup.restore_at(Cost::FOR_TESTS, &dir, &new).unwrap());

    let restored = Home::open(&dir).unwrap().unlock(&new).unwrap();
    let (network, me, keys) = restored.joined().unwrap();
    let (_, _, before) = world.home.joined().unwrap();
    assert_eq!((network.digest(), me), (world.network.digest(), before.keys().me()));
    assert_eq!(keys.to_bytes().expose(), before.to_bytes().expose());
    assert_eq!(restored.keys.identity.public(), world.home.keys.identity.public());
    let seed = |home: &Unlocked| *home.first().unwrap().seed.expose();
    assert_ne!(seed(&restored), seed(&world.home));
    assert_eq!(*restored.first().unwrap().sealing.public(), restored.home().card().sealing);
    assert_ne!(restored.data.expose(), world.home.data.expose());
    assert_eq!(restored.home().group_keys().unwrap(), world.home.home().group_keys().unwrap());
    assert!(restored.home().history().unwrap().restored.is_some());

    let records = restored.open_store(&network, Durability::Power, 1).unwrap().1.records;
    let keys = |records: &[Record]| -> Vec<Vec<u8>> {
        let key = |record: &Record| match record {
            Record::Put { key, .. } | Record::Delete { key } => key.clone(),
            Record::Append { log, .. } | Record::Forget { log } => log.clone(),
        };
        records.iter().map(key).collect()
    };
    assert_eq!(keys(&records), keys(&epochs::restored_mark(1, [0; 32])));
}

#[test]
fn nothing_is_restored_over_a_member() {
    let world = World::new();
    world.write();
    for dir in ["org0", "org1"] {
        let backup = Backup::read(&world.backup, &kept()).unwrap();
        let before = fs::read(world.folder.path().join(dir).join("keys.sealed")).unwrap();
        let over = backup.restore_at(Cost::FOR_TESTS, &world.folder.path().join(dir), &kept());
        assert!(matches!(over, Err(HomeError::Exists { .. })), "{over:?}");
        let after = fs::read(world.folder.path().join(dir).join("keys.sealed")).unwrap();
        assert_eq!(before, after);
    }
}

#[test]
fn a_node_that_has_run_does_not_run_again_without_its_store() {
    let world = World::new();
    drop(world.home.open_store(&world.network, Durability::Power, 1).unwrap());
    drop(world.home.open_store(&world.network, Durability::Power, 1).unwrap());
    world.write();
    let remove = |home: &Unlocked| fs::remove_file(home.home().dir().join("store.redb")).unwrap();
    remove(&world.home);
    let gone = world.home.open_store(&world.network, Durability::Power, 1);
    assert!(matches!(gone, Err(HomeError::StoreGone { .. })), "{gone:?}");
    // Nor does a restored one without its mark.
    let backup = Backup::read(&world.backup, &kept()).unwrap();
    let dir = world.folder.path().join("restored");
    let restored = backup.restore_at(Cost::FOR_TESTS, &dir, &passphrase()).unwrap();
    remove(&restored);
    let gone = restored.open_store(&world.network, Durability::Power, 1);
    assert!(matches!(gone, Err(HomeError::StoreGone { .. })), "{gone:?}");
}

#[test]
fn a_backup_that_is_damaged_or_not_ones_own_is_refused() {
    let world = World::new();
    world.write();
    let good = fs::read(&world.backup).unwrap();
    let wrong = Backup::read(&world.backup, &passphrase());
    assert!(matches!(wrong, Err(HomeError::WrongPassphrase { .. })), "{wrong:?}");
    for i in (0..good.len()).step_by(97) {
        let mut changed = good.clone();
        changed[i] ^= 4;
        fs::write(&world.backup, changed).unwrap();
        assert!(world.drill().is_err(), "byte {i}");
        fs::write(&world.backup, &good[..i]).unwrap();
        assert!(world.drill().is_err(), "cut at {i}");
    }
    // Keys that are no backup.
    fs::copy(world.home.home().dir().join("keys.sealed"), &world.backup).unwrap();
    flawed(world.drill(), "another kind of file");
    // Keys of two members, put together by one who knows both.
    let other = World::new();
    let (network, _, keys) = world.home.joined().unwrap();
    let mixed = |of: &Unlocked, card: &MemberCard, part: &KeyPart| {
        let content = Content {
            keys: of.keys.to_bytes().unwrap().to_vec(),
            sealing: Some(*of.first().unwrap().sealing.to_bytes().expose()),
            card: card.to_toml(),
            network: network.to_toml(),
            origin: Origin::Dealer,
            part: part.to_bytes().expose().clone(),
        };
        let file = sealed::seal(Kind::Backup, Cost::FOR_TESTS, &kept(), &wire::encode(&content));
        fs::write(&world.backup, file.unwrap()).unwrap();
        Backup::read(&world.backup, &kept())
    };
    let card = world.home.home().card();
    assert!(mixed(&world.home, card, &keys).is_ok());
    flawed(mixed(&other.home, card, &keys), "do not belong together");
    let mut dealt = TrustedKeyDealer::deal(network.committee(), 1, &mut rand::rng()).unwrap();
    flawed(mixed(&world.home, card, &KeyPart::First(dealt.remove(1))), "do not belong together");
    let stranger = mixed(&other.home, other.home.home().card(), &keys);
    flawed(stranger, "do not belong together");
}

#[test]
fn a_drill_is_a_restore_and_is_written_down_only_if_it_is_of_these_keys() {
    let world = World::new();
    world.write();
    let entries = || fs::read_dir(world.home.home().dir()).unwrap().count();
    let before = entries();
    world.drill().unwrap();
    assert_eq!(entries(), before, "nothing is left behind");
    assert_eq!(world.home.home().history().unwrap().drill.unwrap().epoch, 1);

    let other = World::new();
    let foreign = other.home.home().drill_at(Cost::FOR_TESTS, &world.backup, &kept());
    flawed(foreign, "another member");
    assert_eq!(other.home.home().history().unwrap().drill, None);
    // The network has newer keys.
    let mut next = TrustedKeyDealer::deal(world.network.committee(), 2, &mut rand::rng()).unwrap();
    let next = later(&world.home, &world.network, next.remove(0));
    world.home.save_key_part(&next, Origin::Members).unwrap();
    assert!(matches!(world.drill(), Err(HomeError::OldBackup { .. })));
    world.write();
    world.drill().unwrap();
    let history = world.home.home().history().unwrap();
    assert_eq!((history.drill.unwrap().epoch, history.backup.unwrap().epoch), (2, 2));
    // What is restored from it begins in that epoch.
    let dir = world.folder.path().join("restored");
    let backup = Backup::read(&world.backup, &kept()).unwrap();
    let restored = backup.restore_at(Cost::FOR_TESTS, &dir, &passphrase()).unwrap();
    assert!(restored.again().first.is_none());
    let KeyPart::Later(refreshed, start) = restored.joined().unwrap().2 else { panic!("first") };
    let expected = epochs::restored_in(*refreshed, start, Secret::new([0; 32]), [0; 32]).len();
    let records = restored.open_store(&world.network, Durability::Power, 2).unwrap().1.records;
    assert_eq!(records.len(), expected);
}

#[test]
fn there_is_nothing_to_keep_before_there_are_keys_and_a_weak_passphrase_is_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 4);
    let path = folder.path().join("backup");
    let write = |passphrase| homes[0].write_backup_at(Cost::FOR_TESTS, &path, &passphrase);
    assert!(matches!(write(kept()), Err(HomeError::NotJoined { .. })));
    homes[0].join(&network(&homes), None).unwrap();
    assert!(matches!(write(kept()), Err(HomeError::NoKeys { .. })));
    let weak = write(Passphrase::new("short").unwrap());
    assert!(matches!(weak, Err(HomeError::Passphrase(_))), "{weak:?}");
    assert!(!path.exists());
}
