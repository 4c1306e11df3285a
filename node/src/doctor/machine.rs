//! The machine: room, speed of the disk, and what could carry keys out of memory.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Check, Facts, Finding, PATIENCE};
use crate::api::model::Status;
use crate::cli::time;
use crate::files::{self, Access};

pub(super) const CHECKS: &[Check] =
    &[disk, flush, swap, core_dumps, open_files, memory, randomness];

/// Bytes below which a disk is nearly full, and below which it is full.
const ROOM: (u64, u64) = (1 << 30, 64 << 20);
/// How long a flush may take before decisions are slow, and before they hardly come about.
const FLUSH: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(500));
/// Flushes that are timed.
const FLUSHES: u32 = 5;
/// Bytes of memory that a node should have left: a preprocessing run takes some tens of MiB.
const MEMORY: u64 = 256 << 20;
/// Open files for each member: connections being made and replaced, and files of one's own.
const FILES_PER_MEMBER: u64 = 8;
const FILES: u64 = 128;

/// What is known of the machine; `None` for what it does not say.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Machine {
    /// The user.
    pub user: u32,
    /// Bytes free on the disk of the data directory.
    pub room: Option<u64>,
    /// The median time in which a record is durable there.
    pub flush: Option<Duration>,
    /// Places to which memory is swapped, and that are not encrypted as far as can be seen.
    pub swap: Vec<String>,
    /// Bytes of a core dump, at most; of the node if it runs.
    pub core_dump: Option<u64>,
    /// Open files, at most; of the node if it runs.
    pub open_files: Option<u64>,
    /// Bytes of memory that are free.
    pub memory: Option<u64>,
    /// Bits that the system's generator was seeded with, and whether two draws differ.
    pub randomness: Option<(u64, bool)>,
}

/// Looks at the machine.
pub async fn look(dir: &Path, told: Option<&Status>) -> Machine {
    let (dir, process) = (dir.to_owned(), told.map(|status| status.process));
    let disk = tokio::task::spawn_blocking(move || (room(&dir), flush_time(&dir)));
    let disk = tokio::time::timeout(PATIENCE, disk).await;
    // A disk that does not answer at all is as slow as can be.
    let (room, flush) = match disk {
        Ok(looked) => looked.unwrap_or_default(),
        Err(_) => (None, Some(PATIENCE)),
    };
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let limits = match process {
        Some(process) => read(&format!("/proc/{process}/limits")),
        None => read("/proc/self/limits"),
    };
    let (one, other) = (rand::random::<[u8; 32]>(), rand::random::<[u8; 32]>());
    let seeded = read("/proc/sys/kernel/random/entropy_avail").trim().parse();
    Machine {
        user: rustix::process::geteuid().as_raw(),
        room,
        flush,
        swap: swaps(&read("/proc/swaps")),
        core_dump: limit(&limits, "Max core file size"),
        open_files: limit(&limits, "Max open files"),
        memory: available(&read("/proc/meminfo")),
        randomness: seeded.ok().map(|bits| (bits, one != other)),
    }
}

fn room(dir: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(dir).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// The median time of writing a little and making it durable.
fn flush_time(dir: &Path) -> Option<Duration> {
    let path = dir.join("doctor.new");
    let mut file = files::create(&path, Access::Private).ok()?;
    let mut times = Vec::new();
    for _ in 0..FLUSHES {
        let start = Instant::now();
        let written = file.write_all(&[0; 4096]).and_then(|()| file.sync_data());
        if written.is_err() {
            break;
        }
        times.push(start.elapsed());
    }
    let _ = files::remove(&path);
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The soft limit of this name in `/proc/PID/limits`.
fn limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// Swap that is not on an encrypted device.
fn swaps(text: &str) -> Vec<String> {
    let names = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let encrypted = |name: &&str| {
        ["/dev/dm-", "/dev/mapper/", "/dev/zram"].iter().any(|prefix| name.starts_with(prefix))
    };
    names.filter(|name| !encrypted(name)).map(str::to_owned).collect()
}

fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn disk(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "room on disk";
    let room = facts.machine.room?;
    let text = format!("{} MiB free", room >> 20);
    let why = "a node that cannot write stops, and says nothing until it can";
    let fix = format!("df -h {}", crate::cli::quoted(&facts.dir));
    Some(match room {
        room if room < ROOM.1 => Finding::failure(CHECK, text, why).fix(fix),
        room if room < ROOM.0 => Finding::warning(CHECK, text, why).fix(fix),
        _ => Finding::ok(CHECK, text),
    })
}

fn flush(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "disk speed";
    let flush = facts.machine.flush?;
    let text = format!("{} until a record is durable", time::length(flush));
    let why = "nothing leaves the node before what led to it is durable, several times a decision";
    let fix = "put the data directory on a local disk: mv it, and give its place with --data-dir";
    Some(match flush {
        flush if flush >= FLUSH.1 => Finding::failure(CHECK, text, why).fix(fix),
        flush if flush >= FLUSH.0 => Finding::warning(CHECK, text, why).fix(fix),
        _ => Finding::ok(CHECK, text),
    })
}

fn swap(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "swap";
    let Some(first) = facts.machine.swap.first() else {
        return Some(Finding::ok(CHECK, "no memory is swapped to a disk in the clear"));
    };
    let text = format!("memory is swapped to {first}");
    let why = "keys that are in use could be left on that disk, in the clear";
    Some(Finding::warning(CHECK, text, why).fix(format!("swapoff {first}, or encrypt it")))
}

fn core_dumps(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "core dumps";
    if facts.machine.core_dump? == 0 {
        return Some(Finding::ok(CHECK, "a crash leaves no memory on a disk"));
    }
    let why = "a core dump holds the keys that were in use, in the clear";
    let text = "a crash may leave the node's memory on a disk";
    Some(Finding::warning(CHECK, text, why).fix("ulimit -c 0 before quorate run; LimitCORE=0"))
}

fn open_files(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "open files";
    let members = facts.network().map_or(4, |network| network.committee().n() as u64);
    let (allowed, wanted) = (facts.machine.open_files?, FILES + members * FILES_PER_MEMBER);
    if allowed >= wanted {
        return Some(Finding::ok(CHECK, "enough are allowed"));
    }
    let text = format!("{allowed} are allowed, and {members} members take {wanted}");
    let why = "without them members cannot connect";
    Some(Finding::failure(CHECK, text, why).fix(format!("ulimit -n {wanted} before quorate run")))
}

fn memory(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "memory";
    let free = facts.machine.memory?;
    let text = format!("{} MiB free", free >> 20);
    if free >= MEMORY {
        return Some(Finding::ok(CHECK, text));
    }
    let why = "a node that the system kills for memory counts as failed";
    Some(Finding::warning(CHECK, text, why).fix("free -h"))
}

fn randomness(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "randomness";
    let (bits, differ) = facts.machine.randomness?;
    let why = "all secrets come from it: who can guess it, can guess votes";
    if !differ {
        let text = "two draws from the system's generator are the same";
        return Some(Finding::failure(CHECK, text, why).fix("do not run a node here"));
    }
    if bits < 128 {
        let text = format!("the system's generator was seeded with {bits} bits");
        let fix = "cat /proc/sys/kernel/random/entropy_avail, and wait for 256";
        return Some(Finding::failure(CHECK, text, why).fix(fix));
    }
    Some(Finding::ok(CHECK, "the system's generator is seeded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_understood() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max core file size        0                    unlimited            bytes\n\
                      Max open files            1024                 524288               files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, "Max core file size"), Some(0));
        assert_eq!(limit(limits, "Max open files"), Some(1024));
        assert_eq!(limit(limits, "Max address space"), Some(u64::MAX));
        assert_eq!(limit(limits, "Max anything"), None);
        let swap = "Filename\tType\tSize\tUsed\tPriority\n/swapfile file 1 0 -2\n/dev/dm-1 partition 1 0 -3\n";
        assert_eq!(swaps(swap), ["/swapfile"]);
        assert!(swaps("Filename\tType\n").is_empty());
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
    }

    #[tokio::test]
    async fn a_real_machine_is_looked_at_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let machine = look(folder.path(), None).await;
        assert!(machine.room.is_some() && machine.flush.is_some(), "{machine:?}");
        assert!(machine.open_files.is_some_and(|files| files > 0), "{machine:?}");
        assert!(machine.randomness.is_none_or(|(_, differ)| differ));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
