use super::*;

const HERE: &str = "this run of the machine";
const LATER: &str = "the next one";

fn key() -> ValueKey {
    ValueKey::for_tests(3)
}

fn put(number: u8) -> Record {
    Record::Put { key: vec![number], value: Secret::new(vec![number; 40]) }
}

/// The names of what was written.
fn names(records: &[Record]) -> Vec<u8> {
    let name = |record: &Record| match record {
        Record::Put { key: name, value } | Record::Append { log: name, entry: value } => {
            assert_eq!(*value.expose(), vec![name[0]; 40]);
            name[0]
        }
        Record::Delete { key: name } | Record::Forget { log: name } => name[0],
    };
    records.iter().map(name).collect()
}

/// A file of five entries, and where they end.
fn written(folder: &Path, durability: Durability) -> (PathBuf, Vec<u64>) {
    let database = folder.join("store.redb");
    let mut wal = Wal::create_in(HERE, &database, key(), 7, durability).unwrap();
    let mut ends = vec![wal.length()];
    for number in 0..5 {
        let log = Record::Append { log: vec![number], entry: Secret::new(vec![number; 40]) };
        wal.append(&[put(number), log, Record::Forget { log: vec![number] }], false).unwrap();
        ends.push(wal.length());
    }
    (database, ends)
}

fn read_here(boot: &str, database: &Path) -> Result<Found, StoreError> {
    read_in(boot, database, &key(), 0)
}

#[test]
fn a_file_that_is_cut_short_anywhere_holds_all_entries_before() {
    for durability in [Durability::Process, Durability::Power] {
        let folder = tempfile::tempdir().unwrap();
        let (database, ends) = written(folder.path(), durability);
        let path = path_of(&database, 7);
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len() as u64, ends[5]);
        for length in (0..=whole.len()).rev() {
            fs::write(&path, &whole[..length]).unwrap();
            let found = read_here(HERE, &database).unwrap();
            let entries = ends.iter().filter(|end| **end <= length as u64).count();
            let expected: Vec<u8> = (1..)
                .zip(0..5)
                .take_while(|(e, _)| *e < entries)
                .flat_map(|(_, n)| [n; 3])
                .collect();
            assert_eq!(names(&found.records), expected, "{length}");
            assert_eq!((found.ending, found.generations), (Ending::Whole, vec![7]));
        }
    }
}

#[test]
fn after_the_machine_stopped_the_end_is_uncertain_unless_it_was_on_the_disk_or_closed() {
    let ending = |durability, close: bool| {
        let folder = tempfile::tempdir().unwrap();
        let (database, _) = written(folder.path(), durability);
        if close {
            let mut wal = Wal::create_in(HERE, &database, key(), 8, durability).unwrap();
            wal.append(&[put(9)], false).unwrap();
            wal.close().unwrap();
        }
        assert_eq!(read_here(HERE, &database).unwrap().ending, Ending::Whole);
        read_here(LATER, &database).unwrap().ending
    };
    assert_eq!(ending(Durability::Process, false), Ending::Uncertain);
    assert_eq!(ending(Durability::Process, true), Ending::Whole);
    assert_eq!(ending(Durability::Power, false), Ending::Whole);
    // A machine that does not tell its runs apart is never sure.
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.redb");
    let mut wal = Wal::create_in("", &database, key(), 1, Durability::Process).unwrap();
    wal.append(&[put(1)], false).unwrap();
    assert_eq!(read_here("", &database).unwrap().ending, Ending::Uncertain);
}

#[test]
fn what_was_changed_or_moved_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (database, ends) = written(folder.path(), Durability::Power);
    let path = path_of(&database, 7);
    let whole = fs::read(&path).unwrap();
    let last = usize::try_from(ends[4]).unwrap();
    for place in [0, 3, 9, 30, usize::try_from(ends[1]).unwrap() + 20, last - 1] {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&path, changed).unwrap();
        let read = read_here(HERE, &database);
        assert!(matches!(read, Err(StoreError::Changed { .. })), "{place}: {read:?}");
    }
    // As another generation it is not what was written either.
    fs::write(&path, &whole).unwrap();
    fs::rename(&path, path_of(&database, 8)).unwrap();
    assert!(matches!(read_here(HERE, &database), Err(StoreError::Changed { .. })));
    // A file that another one follows was whole.
    fs::write(path_of(&database, 8), []).unwrap();
    fs::write(&path, &whole[..last + 1]).unwrap();
    assert!(matches!(read_here(HERE, &database), Err(StoreError::Changed { .. })));
    fs::write(&path, &whole).unwrap();
    assert_eq!(read_here(HERE, &database).unwrap().generations, [7, 8]);
    let other = read_in(HERE, &database, &ValueKey::for_tests(4), 0);
    assert!(matches!(other, Err(StoreError::Changed { .. })));
}

#[test]
fn files_whose_changes_are_in_the_database_are_removed_unread() {
    let folder = tempfile::tempdir().unwrap();
    let (database, _) = written(folder.path(), Durability::Power);
    fs::write(path_of(&database, 3), b"not ours").unwrap();
    let found = read_in(HERE, &database, &key(), 6).unwrap();
    assert_eq!((names(&found.records).len(), found.generations), (15, vec![7]));
    assert!(!path_of(&database, 3).exists());
    assert!(read_in(HERE, &database, &key(), 7).unwrap().records.is_empty());
    assert!(!path_of(&database, 7).exists());
}
