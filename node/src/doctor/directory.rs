//! The data directory: that it is whole, ours, and closed to others.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use super::{Check, Facts, Finding, Repair};
use crate::cli::exit::Failure;
use crate::cli::quoted;
use crate::files::RESTORE;
use crate::home::{Home, HomeError};

pub(super) const CHECKS: &[Check] = &[
    member,
    folder,
    exposed,
    owner,
    readable,
    sealed,
    joined,
    keys,
    store,
    starts,
    left_behind,
    remains,
];

/// Files of the node, beside keys and token, that others need not read.
const CLOSED: [&str; 5] = ["start.number", "starts.seen", "entering.redb", "lock", "api.addr"];

fn member(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "member";
    Some(match &facts.home {
        Ok(home) => Finding::ok(CHECK, format!("the data directory of {}", home.card().name)),
        Err(error) => {
            // Where a member's keys are, no other one is made.
            let hint = error.hint().filter(|_| !facts.path("keys.sealed").exists());
            let fix = hint.unwrap_or_else(|| RESTORE.to_owned());
            let why = "without a member there is nothing to run";
            Finding::failure(CHECK, error.to_string(), why).fix(fix)
        }
    })
}

fn folder(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "directory permissions";
    facts.home()?;
    let mode = fs::metadata(&facts.dir).ok()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Some(Finding::ok(CHECK, "nobody else can look into the data directory"));
    }
    let repair = Repair::Close(facts.dir.clone(), 0o700);
    let finding = format!("others can look into {} (mode {mode:o})", facts.dir.display());
    let why = "names of files tell how far the node is, and a file that is made there is exposed";
    let mut finding = Finding::warning(CHECK, finding, why).fix(repair.command());
    finding.repair = vec![repair];
    Some(finding)
}

/// Files in the data directory.
fn entries(facts: &Facts) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let entries = fs::read_dir(&facts.dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
}

fn exposed(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "secret files";
    facts.home()?;
    let open = entries(facts)
        .filter(|(_, about)| about.is_file() && about.permissions().mode() & 0o077 != 0);
    let named = |path: &PathBuf, is: fn(&str) -> bool| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(is)
    };
    // What else somebody keeps here is not the node's.
    let ours = open.map(|(path, _)| path).filter(|path| named(path, is_closed));
    let (mut open, others): (Vec<_>, Vec<_>) = ours.partition(|path| named(path, Home::is_secret));
    let refused = !open.is_empty();
    open.extend(others);
    let Some(first) = open.first() else {
        return Some(Finding::ok(CHECK, "only their owner can read them"));
    };
    let more = match open.len() {
        1 => String::new(),
        n => format!(", and {} more files", n - 1),
    };
    let text = format!("others can read {}{more}", first.display());
    let mut finding = match refused {
        true => {
            let why = "keys that others can read are refused: the node does not start";
            Finding::failure(CHECK, text, why)
        }
        false => {
            let why = "what is in it is sealed, but how much there is tells how far the node is";
            Finding::warning(CHECK, text, why)
        }
    };
    finding.repair = open.into_iter().map(|path| Repair::Close(path, 0o600)).collect();
    finding.fix = finding.repair.first().map(Repair::command);
    Some(finding)
}

/// Whether a file of this name is the node's, and not for others.
fn is_closed(name: &str) -> bool {
    Home::is_secret(name) || CLOSED.contains(&name) || name.starts_with("store.")
}

fn owner(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "owner";
    facts.home()?;
    let me = facts.machine.user;
    let foreign = entries(facts).find(|(_, about)| about.uid() != me);
    let Some((path, about)) = foreign else {
        return Some(Finding::ok(CHECK, "everything belongs to this user"));
    };
    let text = format!("{} belongs to user {}, not to {me}", path.display(), about.uid());
    let why = "a node that runs as one user and is looked after by another cannot use its files";
    Some(Finding::warning(CHECK, text, why).fix(format!("chown -R {me} {}", quoted(&facts.dir))))
}

fn readable(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "files";
    let home = facts.home()?;
    let network = home.network().map(drop);
    let wrong = network.and(home.group_keys().map(drop)).and(home.history().map(drop)).err();
    let Some(error) = wrong else {
        return Some(Finding::ok(CHECK, "what is not sealed can be read and makes sense"));
    };
    let fix = error.hint().unwrap_or_else(|| RESTORE.to_owned());
    let why = "the node refuses to start with a file that it does not understand";
    Some(Finding::failure(CHECK, error.to_string(), why).fix(fix))
}

fn sealed(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "sealed keys";
    let home = facts.home()?;
    let why = "without its keys an organisation is no member any more";
    if let Err(error) = home.check_keys() {
        return Some(refused(CHECK, error, why));
    }
    let part = facts.group_keys().map(|keys| facts.path(&format!("keys-{}.sealed", keys.epoch)));
    let gone = |path: &PathBuf| !fs::metadata(path).is_ok_and(|about| about.len() > 0);
    if let Some(path) = part.filter(gone) {
        let text = format!("{} is gone or empty", path.display());
        return Some(Finding::failure(CHECK, text, why).fix(RESTORE));
    }
    Some(Finding::ok(CHECK, "they are there, and as whole as shows without the passphrase"))
}

fn joined(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "roster";
    let home = facts.home()?;
    let Some(network) = home.network().ok()? else {
        let why = "a node without a network has nobody to decide with";
        let fix = facts.command("join INVITE");
        return Some(Finding::failure(CHECK, "no network was joined", why).fix(fix));
    };
    if let Err(error) = home.place_in(&network) {
        let why = "the network file is not one that this organisation is in";
        let fix = facts.command("join INVITE");
        return Some(Finding::failure(CHECK, error.to_string(), why).fix(fix));
    }
    if network.settings().insecure_small {
        let n = network.committee().n();
        let text = format!("a network of {n}, none of whom is protected from another");
        let why = "with fewer than four members any one of them can learn and change everything";
        let fix = "begin a network of four or more: quorate network new NAME --orgs 4";
        return Some(Finding::warning(CHECK, text, why).fix(fix));
    }
    let (n, t) = (network.committee().n(), network.committee().t());
    let text = format!("one of {n} members of {}; {t} may be faulty", network.name());
    Some(Finding::ok(CHECK, text))
}

fn keys(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "ceremony";
    let home = facts.home()?;
    facts.network()?;
    if facts.group_keys().is_none() {
        let why = "the network's keys are made by its members together, before the first decision";
        let text = "the network has no keys here yet";
        return Some(Finding::failure(CHECK, text, why).fix(facts.command("ceremony")));
    }
    if crate::ceremony::folder::Folder::of(home).has_store() {
        let why = "until all members have their keys, what could help to make them again is kept \
                   here, and keys cannot be refreshed";
        let text = "some members have not finished the ceremony";
        return Some(Finding::warning(CHECK, text, why).fix(facts.command("status")));
    }
    Some(Finding::ok(CHECK, "all members have their keys"))
}

fn store(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "store";
    let (home, network) = (facts.home()?, facts.network()?);
    if facts.running {
        return Some(Finding::ok(CHECK, "the node has it open"));
    }
    let why = "a node that has forgotten what it said could say something else: it refuses to run";
    Some(match home.check_store(&network) {
        Ok(true) => Finding::ok(CHECK, "what the node must not forget is there"),
        Ok(false) => Finding::ok(CHECK, "it is large: the node looks it through at its start"),
        Err(error) => refused(CHECK, error, why),
    })
}

fn starts(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "starts";
    let (home, network) = (facts.home()?, facts.network()?);
    let why = "two nodes on copies of a directory could contradict each other: it refuses to run";
    Some(match home.check_starts(&network) {
        Ok(()) => Finding::ok(CHECK, "nothing says that this directory is a copy"),
        Err(error) => refused(CHECK, error, why),
    })
}

/// What the node would end with.
fn refused(check: &'static str, error: HomeError, why: &'static str) -> Finding {
    let Failure { what, hint, .. } = error.into();
    Finding::failure(check, what, why).fix(hint.unwrap_or_else(|| RESTORE.to_owned()))
}

fn left_behind(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "left behind";
    facts.home()?;
    let path = facts.path("api.addr");
    if facts.running || !path.exists() {
        return Some(Finding::ok(CHECK, "nothing says that a node runs which does not"));
    }
    let why = "the node was killed, and could not say good-bye; commands are not misled by it";
    let repair = Repair::Remove(path.clone());
    let text = format!("{} is of a node that no longer runs", path.display());
    let mut finding = Finding::warning(CHECK, text, why).fix(repair.command());
    finding.repair = vec![repair];
    Some(finding)
}

fn remains(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "remains";
    facts.home()?;
    let remains = |(path, about): &(PathBuf, Metadata)| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        about.is_dir() && name.starts_with("drill-") || name.ends_with(".new")
    };
    let Some((path, _)) = entries(facts).find(remains).filter(|_| !facts.running) else {
        return Some(Finding::ok(CHECK, "nothing is left of what was cut short"));
    };
    let text = format!("{} is left of something that was cut short", path.display());
    let why =
        "a drill that was killed leaves a copy of the keys, sealed with a passphrase nobody has";
    Some(Finding::warning(CHECK, text, why).fix(format!("rm -r {}", quoted(&path))))
}
