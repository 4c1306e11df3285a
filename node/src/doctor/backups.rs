//! What is kept elsewhere, and who made the keys.

use std::fs;

use super::{Check, Facts, Finding};
use crate::cli::{quoted, time};
use crate::home::{Origin, Rehearsal};

pub(super) const CHECKS: &[Check] = &[backup, drill, beside, origin, clock];

const DAY: u64 = 86_400;
/// Days after which a backup is old.
const BACKUP_DAYS: u64 = 90;
/// Seconds by which a clock may be set back without harm.
const SET_BACK: u64 = 60;
/// Days after which a drill is long ago.
const DRILL_DAYS: u64 = 180;

fn backup(facts: &Facts) -> Option<Finding> {
    let last = facts.history()?.backup;
    let why = "whoever loses the data directory without a backup is no member any more";
    rehearsed(facts, ("backup", "a backup", why), last, BACKUP_DAYS, "key backup")
}

fn drill(facts: &Facts) -> Option<Finding> {
    let last = facts.history()?.drill;
    let why = "a backup that was never tried out may not be one";
    rehearsed(facts, ("drill", "a drill", why), last, DRILL_DAYS, "key drill FILE")
}

fn rehearsed(
    facts: &Facts,
    (check, what, why): (&'static str, &str, &'static str),
    last: Option<Rehearsal>,
    days: u64,
    command: &str,
) -> Option<Finding> {
    let keys = facts.group_keys()?;
    let wrong = match &last {
        None => format!("there was never {what}"),
        Some(last) if last.epoch != keys.epoch => {
            format!("the last one is of the keys of epoch {}, now it is {}", last.epoch, keys.epoch)
        }
        Some(last) => match facts.since(&last.at)? {
            age if age > days * DAY => format!("the last one is {} days old", age / DAY),
            _ => return Some(Finding::ok(check, format!("last on {}", last.at))),
        },
    };
    Some(Finding::warning(check, wrong, why).fix(facts.command(command)))
}

fn beside(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "place of backups";
    facts.home()?;
    let entries = fs::read_dir(&facts.dir).into_iter().flatten().flatten();
    let mut backups = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "backup"));
    let Some(path) = backups.next() else {
        return Some(Finding::ok(CHECK, "there is none in the data directory"));
    };
    let text = format!("{} is in the data directory", path.display());
    let why = "it is lost together with what it is a backup of";
    Some(Finding::warning(CHECK, text, why).fix(format!("mv {} ELSEWHERE", quoted(&path))))
}

fn origin(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "origin of the keys";
    let origin = facts.group_keys()?.origin;
    let text = format!("made by {}", origin.words());
    Some(match origin {
        Origin::Members => Finding::ok(CHECK, text),
        Origin::Dealer => {
            let why = "whoever has a dealer's keys can sign in the network's name";
            let fix = "make new ones without a dealer: quorate network new NAME --orgs N";
            Finding::warning(CHECK, text, why).fix(fix)
        }
    })
}

fn clock(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "clock";
    let history = facts.history()?;
    let moments = [Some(history.made), history.restored, history.began];
    let rehearsed = [history.backup, history.drill].map(|last| last.map(|last| last.at));
    let latest =
        moments.into_iter().chain(rehearsed).flatten().filter_map(|m| time::seconds(&m)).max()?;
    let now = facts.now_ms / 1000;
    if now + SET_BACK >= latest {
        return Some(Finding::ok(CHECK, "it is not behind what was written before"));
    }
    let off = time::length(std::time::Duration::from_secs(latest - now));
    let text = format!("this machine's clock is {off} behind what it wrote before");
    let why = "deadlines are moments: with a wrong clock votes are closed too early or too late";
    Some(Finding::failure(CHECK, text, why).fix("timedatectl set-ntp true"))
}
