//! Each check at least once in a state in which it has something to say.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use quorate_protocol::keys::TrustedKeyDealer;
use tempfile::TempDir;

use super::*;
use crate::api::model::{Faults, Margin, OpenDecision, Phase, Refreshing};
use crate::api::sample;
use crate::files;
use crate::home::{HomeLock, KeyPart, Origin};
use crate::roster::{self, Network, Settings};
use crate::store::Durability;

/// A data directory with which all is well.
fn well() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let others = tempfile::tempdir().unwrap();
    let member = |i: u16| {
        let addresses = roster::addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap();
        let dir =
            if i == 0 { folder.path().join("home") } else { others.path().join(format!("{i}")) };
        Home::create_for_tests(&dir, &format!("org {i}"), addresses)
    };
    let members: Vec<_> = (0..4).map(member).collect();
    let cards = members.iter().map(|member| member.home().card().clone()).collect();
    let network = Network::new("net", 1, cards, Settings::default()).unwrap();
    let keys = TrustedKeyDealer::deal(network.committee(), 1, &mut rand::rng()).unwrap();
    members[0].join(&network, None).unwrap();
    let part = KeyPart::First(keys.into_iter().next().unwrap());
    members[0].save_key_part(&part, Origin::Members).unwrap();
    drop(members[0].open_store(&network, Durability::Power, 1).unwrap());
    let history = folder.path().join("home/history.toml");
    let rehearsed = |what: &str| {
        format!("\n[{what}]\nat = \"{}\"\nepoch = 1\n", time::moment(time::now_ms() - 60_000))
    };
    let text = fs::read_to_string(&history).unwrap() + &rehearsed("backup") + &rehearsed("drill");
    fs::write(&history, text).unwrap();
    folder
}

fn machine() -> Machine {
    Machine {
        user: rustix::process::geteuid().as_raw(),
        room: Some(10 << 30),
        flush: Some(Duration::from_millis(1)),
        swap: Vec::new(),
        core_dump: Some(0),
        open_files: Some(1024),
        memory: Some(1 << 30),
        randomness: Some((256, true)),
    }
}

/// A copy of a data directory that can be broken, and whether a node runs on it.
struct Patient {
    folder: TempDir,
    lock: Option<HomeLock>,
}

impl Patient {
    fn new(well: &TempDir, running: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        for entry in fs::read_dir(well.path().join("home")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let mut lock = None;
        if running {
            let home = Home::open(folder.path()).unwrap();
            lock = Some(home.lock().unwrap());
            std::mem::forget(home.publish_api("127.0.0.1:9".parse().unwrap()).unwrap());
        }
        Self { folder, lock }
    }

    fn has_keys(&self) -> bool {
        self.folder.path().join("keys.sealed").exists()
    }

    fn facts(&self) -> Facts {
        let running = self.lock.is_some();
        let status = running.then(|| Ok(Status { epoch: 1, ..sample::status(3) }));
        Facts {
            dir: self.folder.path().to_owned(),
            flag: String::new(),
            home: Home::open(self.folder.path()),
            running,
            status,
            machine: machine(),
            reach: Vec::new(),
            ports: if running { Vec::new() } else { vec![("127.0.0.1:7000/tcp".into(), Ok(()))] },
            now_ms: time::now_ms(),
        }
    }
}

type Break = fn(&Path);
type Change = fn(&mut Facts);

/// A check, what it finds, and what is wrong: in the directory, or elsewhere.
type Case = (&'static str, Level, Break, Change);

fn nothing(_: &Path) {}
fn same(_: &mut Facts) {}

fn told(facts: &mut Facts) -> &mut Status {
    facts.status.as_mut().unwrap().as_mut().unwrap()
}

fn mode(path: &Path, name: &str, mode: u32) {
    fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
}

fn edit(path: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(path.join(name)).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path.join(name), text.replace(from, to)).unwrap();
}

fn cut_to(path: &Path, name: &str, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(path.join(name)).unwrap();
    assert!(file.metadata().unwrap().len() > length);
    file.set_len(length).unwrap();
}

fn cut(path: &Path, name: &str, from: &str) {
    let text = fs::read_to_string(path.join(name)).unwrap();
    fs::write(path.join(name), text.split(from).next().unwrap()).unwrap();
}

use Level::{Failure as F, Warning as W};

const STOPPED: &[Case] = &[
    ("member", F, |dir| fs::remove_file(dir.join("member.toml")).unwrap(), same),
    ("directory permissions", W, |dir| mode(dir, "", 0o755), same),
    ("secret files", F, |dir| mode(dir, "keys.sealed", 0o644), same),
    ("secret files", F, |dir| mode(dir, "keys-1.sealed", 0o640), same),
    ("secret files", W, |dir| mode(dir, "store.redb", 0o640), same),
    ("owner", W, nothing, |facts| facts.machine.user += 1),
    ("files", F, |dir| fs::write(dir.join("network.toml"), "x").unwrap(), same),
    ("files", F, |dir| fs::write(dir.join("history.toml"), "x").unwrap(), same),
    ("files", F, |dir| fs::remove_file(dir.join("history.toml")).unwrap(), same),
    ("sealed keys", F, |dir| fs::remove_file(dir.join("keys.sealed")).unwrap(), same),
    ("sealed keys", F, |dir| cut_to(dir, "keys.sealed", 120), same),
    ("sealed keys", F, |dir| fs::write(dir.join("keys.sealed"), [7; 300]).unwrap(), same),
    ("sealed keys", F, |dir| fs::write(dir.join("keys-1.sealed"), "").unwrap(), same),
    ("roster", F, |dir| fs::remove_file(dir.join("network.toml")).unwrap(), same),
    ("ceremony", F, |dir| fs::remove_file(dir.join("group-keys.toml")).unwrap(), same),
    ("store", F, |dir| fs::remove_file(dir.join("store.redb")).unwrap(), same),
    ("store", F, |dir| fs::write(dir.join("store.redb"), "what").unwrap(), same),
    ("store", F, |dir| fs::write(dir.join("store.wal9"), [b'w'; 300]).unwrap(), same),
    ("store", F, |dir| cut_to(dir, "store.redb", 0), same),
    ("store", F, |dir| cut_to(dir, "store.redb", 100), same),
    ("store", F, |dir| cut_to(dir, "store.redb", 8192), same),
    ("store", F, |dir| edit(dir, "network.toml", "org 2", "org 9"), same),
    ("starts", F, |dir| fs::write(dir.join("start.number"), "many").unwrap(), same),
    ("starts", F, |dir| fs::write(dir.join("start.number"), "copy\n").unwrap(), same),
    ("starts", F, |dir| fs::write(dir.join("starts.seen"), "some text").unwrap(), same),
    ("left behind", W, |dir| fs::write(dir.join("api.addr"), "127.0.0.1:1").unwrap(), same),
    ("remains", W, |dir| fs::create_dir(dir.join("drill-x")).unwrap(), same),
    ("remains", W, |dir| fs::write(dir.join("store.new"), "").unwrap(), same),
    ("backup", W, |dir| cut(dir, "history.toml", "[backup]"), same),
    ("backup", W, |dir| edit(dir, "history.toml", "epoch = 1", "epoch = 0"), same),
    ("backup", W, nothing, |facts| facts.now_ms += 91 * 86_400_000),
    ("drill", W, |dir| cut(dir, "history.toml", "[drill]"), same),
    ("drill", W, nothing, |facts| facts.now_ms += 181 * 86_400_000),
    ("place of backups", W, |dir| fs::write(dir.join("acme.backup"), "").unwrap(), same),
    ("origin of the keys", W, |dir| edit(dir, "group-keys.toml", "members", "dealer"), same),
    ("clock", F, nothing, |facts| facts.now_ms = 1_000_000_000_000),
    ("room on disk", W, nothing, |facts| facts.machine.room = Some(500 << 20)),
    ("room on disk", F, nothing, |facts| facts.machine.room = Some(5 << 20)),
    ("disk speed", W, nothing, |f| f.machine.flush = Some(Duration::from_millis(40))),
    ("disk speed", F, nothing, |f| f.machine.flush = Some(Duration::from_secs(2))),
    ("swap", W, nothing, |facts| facts.machine.swap = vec!["/swapfile".into()]),
    ("core dumps", W, nothing, |facts| facts.machine.core_dump = Some(u64::MAX)),
    ("open files", F, nothing, |facts| facts.machine.open_files = Some(64)),
    ("memory", W, nothing, |facts| facts.machine.memory = Some(9 << 20)),
    ("randomness", F, nothing, |facts| facts.machine.randomness = Some((256, false))),
    ("randomness", F, nothing, |facts| facts.machine.randomness = Some((12, true))),
    ("ports", F, nothing, |facts| {
        let taken = io::Error::from(io::ErrorKind::AddrInUse);
        facts.ports.push(("127.0.0.1:7000/udp".into(), Err(taken)));
    }),
    ("reachable members", W, nothing, |facts| {
        let at = "192.0.2.1:7001".parse().unwrap();
        facts.reach = vec![("org 1".into(), Reach::Silent(at, "no answer".into()))];
    }),
    ("reachable members", W, nothing, |facts| {
        facts.reach = vec![("org 1".into(), Reach::NoAddress("org1.invalid".into()))];
    }),
];

const RUNNING: &[Case] = &[
    ("node", F, nothing, |facts| {
        facts.status = Some(Err(Failure::new(Exit::Unreachable, "the node does not answer")));
    }),
    ("interface", F, |dir| fs::write(dir.join("api.addr"), "192.0.2.1:99").unwrap(), same),
    ("token", F, |dir| mode(dir, "api.token", 0o644), same),
    ("token", F, |dir| fs::remove_file(dir.join("api.token")).unwrap(), same),
    ("token", F, |dir| fs::write(dir.join("api.token"), "").unwrap(), same),
    ("token", W, nothing, |facts| facts.now_ms += 366 * 86_400_000),
    ("version", W, nothing, |facts| told(facts).version = "0.0.9".into()),
    ("fault margin", W, nothing, |facts| {
        told(facts).margin = Margin { here: 3, failed: 1, left: Some(0), lacking: 0 };
    }),
    ("fault margin", F, nothing, |facts| {
        told(facts).margin = Margin { here: 2, failed: 2, left: None, lacking: 1 };
    }),
    ("reachable members", W, nothing, |facts| {
        let at = "192.0.2.1:7001".parse().unwrap();
        facts.reach = vec![("org 1".into(), Reach::Answers(at))];
    }),
    ("same network", F, nothing, |f| told(f).peers[0].trouble = Some("another network".into())),
    ("round trips", W, nothing, |facts| told(facts).peers[1].round_trip_us = Some(2_000_000)),
    ("clocks of members", W, nothing, |facts| {
        told(facts).peers[0].clock_ahead_ms = Some(-3_000);
    }),
    ("clocks of members", F, nothing, |facts| set_clocks(facts, &[-70_000, -80_000])),
    ("lost messages", W, nothing, |facts| told(facts).peers[2].lost = 7),
    ("faulty members", W, nothing, |facts| {
        let what = "a second word".into();
        told(facts).faults = vec![Faults { name: "org 2".into(), what, times: 2, provable: true }];
    }),
    ("random material", F, nothing, |facts| told(facts).stock.triples = -4),
    ("random material", W, nothing, |facts| told(facts).stock.pairs = 0),
    ("epoch", W, nothing, |facts| told(facts).epoch = 2),
    ("refresh", W, nothing, |facts| {
        let missing = vec!["org 3".to_owned()];
        told(facts).refresh =
            Some(Refreshing { position: 3, made: true, confirmed: Vec::new(), missing });
    }),
    ("taking part", W, nothing, |facts| told(facts).returning = Some(vec!["org 1".into()])),
    ("taking part", W, nothing, |facts| told(facts).older_copy = true),
    ("votes", W, nothing, |facts| {
        let now = facts.now_ms;
        told(facts).open = vec![open(now + 60_000, true)];
    }),
    ("overdue decisions", W, nothing, |facts| {
        let now = facts.now_ms;
        told(facts).open = vec![open(now - 120_000, false)];
    }),
];

fn set_clocks(facts: &mut Facts, ahead: &[i64]) {
    for (peer, ahead) in told(facts).peers.iter_mut().zip(ahead) {
        peer.clock_ahead_ms = Some(*ahead);
    }
}

#[test]
fn a_clock_is_wrong_if_it_is_not_that_of_the_middle_member() {
    let patient = Patient::new(&well(), true);
    let cases: &[(&[i64], &str)] = &[
        (&[90_000, -1, 100], "the clock of org 1 is 1 min 30 s ahead of ours"),
        (&[-4_000, 9_000], "the clock of org 2 is 9 s ahead of ours"),
        (&[4_000, 9_000], "this machine's clock is 4 s behind those of most members"),
        (
            &[-90_000, i64::MIN, -70_000],
            "this machine's clock is 1 min 10 s ahead of those of most members",
        ),
        (&[1_999, -1_999], "this machine's agrees with them"),
    ];
    for (ahead, expected) in cases {
        let mut facts = patient.facts();
        told(&mut facts).peers.iter_mut().for_each(|peer| peer.connected = true);
        set_clocks(&mut facts, ahead);
        let findings = facts.check();
        let found = findings.iter().find(|finding| finding.check == "clocks of members");
        assert_eq!(found.unwrap().finding, *expected, "{ahead:?}");
    }
}

fn open(deadline_ms: u64, needs_you: bool) -> OpenDecision {
    OpenDecision {
        id: "dec_7Q2K9X4M".into(),
        title: "t".into(),
        phase: Phase::Open,
        voted: 2,
        deadline_ms,
        needs_you,
        following: false,
    }
}

fn checked(facts: &Facts) -> Vec<(&'static str, Level)> {
    facts.check().iter().map(|finding| (finding.check, finding.level)).collect()
}

#[test]
fn every_check_says_what_is_wrong_and_nothing_where_all_is_well() {
    let well = well();
    let mut failed = BTreeSet::from(["node"]);
    let mut all = BTreeSet::new();
    for (running, cases) in [(false, STOPPED), (true, RUNNING)] {
        let patient = Patient::new(&well, running);
        let mut facts = patient.facts();
        if running {
            told(&mut facts).peers[0].round_trip_us = Some(1_000);
            set_clocks(&mut facts, &[-100, 1_900]);
        }
        let findings = checked(&facts);
        let wrong: Vec<_> = findings.iter().filter(|(_, level)| *level != Level::Ok).collect();
        let stopped = ("node", Level::Warning);
        assert_eq!(wrong, if running { vec![] } else { vec![&stopped] });
        all.extend(findings.iter().map(|(check, _)| *check));
        for (check, level, broken, change) in cases {
            let patient = Patient::new(&well, running);
            broken(patient.folder.path());
            let mut facts = patient.facts();
            change(&mut facts);
            let findings = facts.check();
            let found = findings.iter().find(|finding| finding.check == *check);
            let found = found.unwrap_or_else(|| panic!("{check} says nothing"));
            assert_eq!(found.level, *level, "{found:?}");
            assert!(found.why.is_some() && found.fix.is_some(), "{found:?}");
            // Where a member is, nothing can be restored.
            let fix = found.fix.as_deref().unwrap_or_default();
            let restores = fix.contains("key restore");
            assert!(!restores || fix.ends_with("--data-dir NEW"), "{found:?}");
            assert!(!fix.contains("init") || !patient.has_keys(), "{found:?}");
            failed.insert(check);
        }
    }
    assert_eq!(all.difference(&failed).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert!(all.len() >= 35, "{}", all.len());
}

#[test]
fn what_is_safe_is_repaired() {
    let well = well();
    let patient = Patient::new(&well, false);
    let dir = patient.folder.path();
    mode(dir, "", 0o755);
    for name in ["keys.sealed", "api.token", "store.redb"] {
        mode(dir, name, 0o666);
    }
    fs::write(dir.join("api.addr"), "127.0.0.1:1").unwrap();
    mode(dir, "api.addr", 0o644);
    let findings = patient.facts().check();
    assert_eq!(exit(&findings), Exit::DoctorFailures);
    findings.iter().flat_map(|finding| &finding.repair).for_each(|r| r.apply().unwrap());
    for name in ["", "keys.sealed", "api.token", "store.redb"] {
        assert!(files::is_private(&dir.join(name)).unwrap(), "{name}");
    }
    assert!(!dir.join("api.addr").exists());
    assert!(!files::is_private(&dir.join("member.toml")).unwrap(), "others may read it");
    assert_eq!(exit(&patient.facts().check()), Exit::DoctorWarnings, "the node does not run");
}

#[test]
fn what_is_public_or_not_the_nodes_may_be_read() {
    let well = well();
    let patient = Patient::new(&well, false);
    let dir = patient.folder.path();
    for name in ["entrance.toml", "dec_7Q2K9X4M.json", "member.toml", "keys.txt"] {
        fs::write(dir.join(name), fs::read(dir.join("member.toml")).unwrap()).unwrap();
        mode(dir, name, 0o644);
    }
    let wanted = ("secret files", Level::Ok);
    assert!(checked(&patient.facts()).contains(&wanted), "{:?}", checked(&patient.facts()));
}

#[test]
fn what_the_node_would_start_with_is_no_failure() {
    let well = well();
    let patient = Patient::new(&well, false);
    let dir = patient.folder.path();
    // A file of changes that was cut short while it was made, and an older copy, which comes back.
    fs::write(dir.join("store.wal9"), "qrt").unwrap();
    fs::write(dir.join("start.number"), "older than 7\n").unwrap();
    let before = fs::read(dir.join("store.redb")).unwrap();
    let found = checked(&patient.facts());
    for check in ["store", "starts", "sealed keys"] {
        assert!(found.contains(&(check, Level::Ok)), "{check}: {found:?}");
    }
    assert_eq!(fs::read(dir.join("store.redb")).unwrap(), before, "nothing is changed");
}

#[test]
fn another_token_is_made_by_what_the_fix_says() {
    let well = well();
    let patient = Patient::new(&well, true);
    let path = patient.folder.path().join("api.token");
    fs::remove_file(&path).unwrap();
    let findings = patient.facts().check();
    let token = findings.iter().find(|finding| finding.check == "token").unwrap();
    let fix = token.fix.as_deref().unwrap().split(", then").next().unwrap();
    let run = std::process::Command::new("sh").args(["-c", fix]).output().unwrap();
    assert!(run.status.success(), "{run:?}");
    assert!(checked(&patient.facts()).contains(&("token", Level::Ok)));
}

#[test]
fn the_worst_finding_is_the_exit_code() {
    let ok = || Finding::ok("a", "");
    let warning = || Finding::warning("b", "", "");
    assert_eq!(exit(&[]), Exit::Ok);
    assert_eq!(exit(&[ok()]), Exit::Ok);
    assert_eq!(exit(&[ok(), warning(), ok()]), Exit::DoctorWarnings);
    assert_eq!(exit(&[Finding::failure("c", "", ""), warning()]), Exit::DoctorFailures);
}

#[test]
fn a_network_of_few_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let make = |i: u16| {
        let addresses = roster::addresses(&format!("127.0.0.1:{}", 7100 + i)).unwrap();
        Home::create_for_tests(&folder.path().join(format!("{i}")), &format!("o{i}"), addresses)
    };
    let members = [make(0), make(1)];
    let cards = members.iter().map(|member| member.home().card().clone()).collect();
    let settings = Settings { insecure_small: true, ..Settings::default() };
    members[0].home().join(&Network::new("net", 1, cards, settings).unwrap()).unwrap();
    let well = well();
    let facts = Facts {
        home: Home::open(members[0].home().dir()),
        dir: members[0].home().dir().to_owned(),
        ..Patient::new(&well, false).facts()
    };
    assert!(checked(&facts).contains(&("roster", Level::Warning)), "{:?}", checked(&facts));
}

#[tokio::test]
async fn it_looks_itself_where_no_node_runs_and_soon() {
    let well = well();
    let patient = Patient::new(&well, false);
    let start = std::time::Instant::now();
    let facts = Facts::gather(patient.folder.path(), "").await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(facts.status.is_none() && !facts.running);
    assert_eq!((facts.reach.len(), facts.ports.len()), (3, 2));
    assert!(facts.machine.room.is_some());
}
