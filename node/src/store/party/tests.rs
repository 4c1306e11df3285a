use std::fs;

use quorate_protocol::party::journal::REPLAY;

use super::*;

fn keys() -> (ValueKey, ValueKey) {
    (ValueKey::for_tests(1), ValueKey::for_tests(2))
}

fn open(path: &Path, durability: Durability) -> (PartyStore, Restored) {
    PartyStore::open(path, &Tag::root(&[1; 32], 1), keys(), durability, (1, false)).unwrap()
}

fn put(key: &[u8], value: &[u8]) -> Record {
    Record::Put { key: key.to_vec(), value: Secret::new(value.to_vec()) }
}

fn append(log: &[u8], entry: &[u8]) -> Record {
    Record::Append { log: log.to_vec(), entry: Secret::new(entry.to_vec()) }
}

/// All that is stored, as it would be in memory.
fn plain(records: Vec<Record>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let memory: Memory = records.into_iter().collect();
    memory.secrets().map(|(name, secret)| (name.clone(), secret.expose().clone())).collect()
}

/// The name of a record of the party of epoch 1.
fn name(number: u8) -> Vec<u8> {
    let Record::Put { mut key, .. } = epochs::restored_mark(1, [0; 32]).remove(0) else { panic!() };
    assert!(!epochs::is_lasting(&put(&key, &[])));
    key.push(number);
    key
}

#[test]
fn what_was_written_comes_back_after_any_number_of_ends_and_folds() {
    for durability in [Durability::Process, Durability::Power] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let mut expected = Memory::default();
        for round in 0..6u8 {
            let (mut store, restored) = open(&path, durability);
            assert_eq!(plain(restored.records), plain(expected.records()), "{round}");
            assert_eq!(restored.ending, Ending::Whole);
            for number in 0..10u8 {
                let number = number.wrapping_mul(7).wrapping_add(round) % 16;
                let records = vec![
                    put(&name(number), &[round, number]),
                    append(&name(number / 4), &[round, number]),
                    Record::Delete { key: name(15 - number) },
                    Record::Forget { log: name(number / 5) },
                ];
                expected.write(records.clone());
                store.commit(records).unwrap();
                if number == 3 {
                    store.fold().unwrap();
                }
            }
            match round % 3 {
                0 => store.close().unwrap(),
                // It is killed, perhaps while it folds.
                _ => drop(store),
            }
        }
        assert!(!expected.is_empty());
    }
}

#[test]
fn what_is_forgotten_before_it_is_folded_never_reaches_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let (mut store, _) = open(&path, Durability::Process);
    store.commit(vec![append(&name(1), b"a"), put(&name(2), b"b")]).unwrap();
    store.commit(vec![Record::Forget { log: name(1) }, append(&name(3), b"c")]).unwrap();
    let changes = std::mem::take(&mut store.changes).into_records();
    let kinds: Vec<String> = changes.iter().map(|record| format!("{record:?}")).collect();
    let of = |kind: &str| kinds.iter().filter(|text| text.starts_with(kind)).count();
    assert_eq!((of("Put"), of("Append"), of("Forget"), kinds.len()), (1, 1, 1, 3), "{kinds:?}");
}

#[test]
fn what_is_of_keys_and_epochs_is_in_the_database_at_once_and_no_file_holds_what_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let (mut store, _) = open(&path, Durability::Process);
    store.commit(vec![put(&name(1), b"a")]).unwrap();
    assert_eq!(store.database.load_all().unwrap().len(), 0);
    let lasting = put(b"anything else", b"b");
    assert!(epochs::is_lasting(&lasting));
    store.commit(vec![lasting, Record::Delete { key: name(1) }]).unwrap();
    assert_eq!(
        plain(store.database.load_all().unwrap()),
        [(b"anything else".to_vec(), b"b".to_vec())]
    );
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.contains(&path.with_extension(format!("wal{}", store.wal.generation()))));
}

#[test]
fn a_party_whose_store_was_written_by_another_version_is_marked_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let (mut store, _) = open(&path, Durability::Power);
    store.commit(vec![append(&name(1), b"a")]).unwrap();
    store.fold().unwrap();
    store.close().unwrap();
    store.database.note_version_for_tests(REPLAY + 1).unwrap();
    drop(store);
    let mark = epochs::restored_mark(1, [0; 32]);
    let Some(Record::Put { key, .. }) = mark.first() else { panic!() };
    let (mut store, restored) = open(&path, Durability::Power);
    assert_eq!(restored.ending, Ending::Uncertain);
    assert!(plain(restored.records).iter().any(|(name, _)| name == key));
    // The party takes the mark away when it may speak again; nobody puts it back.
    store.commit(vec![Record::Delete { key: key.clone() }]).unwrap();
    drop(store);
    let (_, restored) = open(&path, Durability::Power);
    assert_eq!(restored.ending, Ending::Whole);
    assert_eq!(plain(restored.records), [(name(1), b"a".to_vec())]);
}

#[test]
fn what_was_once_written_together_does_not_keep_the_file_large() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let (log, kept) = (name(1), put(&name(2), b"kept"));
    let (mut store, _) = open(&path, Durability::Process);
    store.commit(vec![kept.clone()]).unwrap();
    for _ in 0..1000 {
        store.commit(vec![append(&log, &[7; 20_000])]).unwrap();
    }
    drop(store);
    let length = || path.metadata().unwrap().len();
    let (mut store, _) = open(&path, Durability::Process);
    assert!(length() > 20_000_000, "what is in use stays: {}", length());
    store.commit(vec![Record::Forget { log }]).unwrap();
    drop(store);
    for _ in 0..2 {
        let (_, restored) = open(&path, Durability::Process);
        assert_eq!(plain(restored.records), plain(vec![kept.clone()]));
        assert!(length() < 2_000_000, "{}", length());
    }
}
