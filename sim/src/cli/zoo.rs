//! `zoo`: whether known failures are found.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clap::value_parser;
use quorate_protocol::zoo::{ALL, BUILT, Entry};

use super::say::{say, tell};
use crate::variant;
use crate::zoo::{Campaign, Hunt, WHOLE, campaigns, control};

/// Which mutants, and how long.
#[derive(clap::Args)]
pub(super) struct Zoo {
    /// Only these mutants
    #[arg(long, num_args = 1.., value_name = "ID")]
    only: Vec<String>,
    /// List the mutants, and run nothing
    #[arg(long)]
    list: bool,
    /// Most seeds of each campaign for one mutant [default: as many as the campaign has]
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// How many mutants at a time [default: one for each core]
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

impl Zoo {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let mutants = self.mutants()?;
        if self.list {
            for Entry { id, source, broken, .. } in &mutants {
                say!("{id:<24} {broken} ({source})");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if !BUILT {
            let arguments = std::env::args_os().skip(1);
            return variant::run(&[variant::IDEAL, variant::ZOO], arguments);
        }
        Ok(self.hunt_all(&mutants))
    }

    fn mutants(&self) -> Result<Vec<Entry>, String> {
        let named = |id: &String| {
            let found = ALL.iter().find(|entry| entry.id == id).copied();
            found.ok_or_else(|| format!("there is no mutant `{id}`: see --list"))
        };
        if self.only.is_empty() { Ok(ALL.to_vec()) } else { self.only.iter().map(named).collect() }
    }

    fn hunt_all(&self, mutants: &[Entry]) -> ExitCode {
        let began = Instant::now();
        // A panic is a violation like any other.
        std::panic::set_hook(Box::new(|_| {}));
        let most = self.seeds.unwrap_or(u64::MAX);
        let mut done = 0;
        let hunts = self.each(
            mutants,
            |entry| Hunt::of(*entry, most),
            |hunt| {
                done += 1;
                tell!("{done:>3} of {}: {}", mutants.len(), line(hunt));
            },
        );
        let mut used: BTreeMap<&str, (Campaign, u64)> = BTreeMap::new();
        for hunt in &hunts {
            for campaign in campaigns(hunt.entry.mutant) {
                let seeds = hunt.seeds.get(campaign.name).copied().unwrap_or(0);
                let (_, most) = used.entry(campaign.name).or_insert((*campaign, 0));
                *most = seeds.max(*most);
            }
        }
        for campaign in WHOLE {
            let (_, seeds) = used.entry(campaign.name).or_insert((campaign, 0));
            *seeds = campaign.seeds.min(most).max(*seeds);
        }
        let used: Vec<(Campaign, u64)> = used.into_values().collect();
        let alarms = self.each(&used, |(campaign, seeds)| control(campaign, *seeds), |_| ());
        let _default = std::panic::take_hook();
        let alarms: Vec<String> = alarms.into_iter().flatten().collect();
        let controls = used.iter().map(|(_, seeds)| seeds).sum();
        report(&hunts, &alarms, controls, began.elapsed().as_secs_f64())
    }

    /// Does something with each, on all cores; what comes out is in the order of what went in.
    fn each<T: Sync, R: Send>(
        &self,
        all: &[T],
        work: impl Fn(&T) -> R + Sync,
        mut done: impl FnMut(&R),
    ) -> Vec<R> {
        let jobs = self.jobs.or_else(|| thread::available_parallelism().ok());
        let next = AtomicUsize::new(0);
        let (sender, results) = mpsc::channel();
        let mut all_results: Vec<(usize, R)> = thread::scope(|scope| {
            for _ in 0..jobs.map_or(1, NonZero::get) {
                let (sender, next, work) = (sender.clone(), &next, &work);
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(one) = all.get(number) else { return };
                        if sender.send((number, work(one))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            results.iter().inspect(|(_, result)| done(result)).collect()
        });
        all_results.sort_by_key(|(number, _)| *number);
        all_results.into_iter().map(|(_, result)| result).collect()
    }
}

/// How one hunt ended.
fn line(hunt: &Hunt) -> String {
    let (id, seeds, seconds) = (hunt.entry.id, hunt.all_seeds(), hunt.time.as_secs_f64());
    if let Some(error) = &hunt.error {
        return format!("{id}: ERROR: {error}");
    }
    match (&hunt.kill, &hunt.false_alarm) {
        (_, Some(alarm)) => format!("{id}: FALSE ALARM: {alarm}"),
        (Some(kill), _) => {
            let (checker, campaign) = (kill.checker, kill.campaign);
            format!("{id}: killed by {checker} ({campaign}), {seeds} seeds, {seconds:.2} s")
        }
        (None, None) => format!("{id}: SURVIVES {seeds} seeds, {seconds:.2} s"),
    }
}

/// Prints the table, and whether all is as it should be.
fn report(hunts: &[Hunt], alarms: &[String], controls: u64, seconds: f64) -> ExitCode {
    let header =
        ["mutant", "source", "killed by", "campaign", "seeds", "seconds", "in whole networks"];
    let rows = hunts.iter().map(|hunt| {
        let (checker, campaign) = match &hunt.kill {
            Some(kill) => (kill.checker, kill.campaign),
            None if hunt.error.is_some() => ("ERROR", ""),
            None if hunt.false_alarm.is_some() => ("FALSE ALARM", ""),
            None => ("NOTHING", ""),
        };
        let (seeds, time) = (hunt.all_seeds().to_string(), hunt.time.as_secs_f64());
        let (id, source) = (hunt.entry.id.to_owned(), hunt.entry.source.to_owned());
        let whole = hunt.whole.as_ref();
        let whole = whole.map(|(kill, runs)| format!("{}, {runs}", kill.checker));
        let whole = whole.unwrap_or_else(|| "-".into());
        [id, source, checker.into(), campaign.into(), seeds, format!("{time:.2}"), whole]
    });
    let rows: Vec<[String; 7]> = std::iter::once(header.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let text: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        say!("{}", text.join("  ").trim_end());
    }
    let mut seeds: Vec<u64> =
        hunts.iter().filter(|hunt| hunt.kill.is_some()).map(Hunt::all_seeds).collect();
    seeds.sort_unstable();
    let (killed, median) = (seeds.len(), seeds.get(seeds.len() / 2).copied().unwrap_or(0));
    let worst = seeds.last().copied().unwrap_or(0);
    say!(
        "{killed} of {} mutants killed in {seconds:.0} s; seeds to kill: median {median}, worst \
         {worst}; {controls} runs without any mutant violate {} properties",
        hunts.len(),
        alarms.len()
    );
    report_networks(hunts);
    let errors = hunts.iter().filter_map(|hunt| Some((hunt.entry.id, hunt.error.as_ref()?)));
    let errors: Vec<(&str, &String)> = errors.collect();
    for (id, error) in &errors {
        say!("ERROR: {id}: {error}");
    }
    let false_alarms = hunts.iter().filter_map(|hunt| hunt.false_alarm.as_ref());
    let mut false_alarms: Vec<&String> = false_alarms.chain(alarms).collect();
    false_alarms.sort_unstable();
    false_alarms.dedup();
    for alarm in &false_alarms {
        say!("FALSE ALARM: {alarm}");
    }
    if !errors.is_empty() {
        ExitCode::from(2)
    } else if killed == hunts.len() && false_alarms.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints what whole networks find of the mutants, and which checkers do.
fn report_networks(hunts: &[Hunt]) {
    let found: BTreeSet<&str> =
        hunts.iter().filter_map(|hunt| Some(hunt.whole.as_ref()?.0.checker)).collect();
    let count = hunts.iter().filter(|hunt| hunt.whole.is_some()).count();
    say!("also found by whole networks: {count} of {}", hunts.len());
    let networks = crate::checker::all().into_iter().map(|checker| checker.name());
    let keys = crate::keygen::checker::all().into_iter().map(|checker| checker.name());
    let all: BTreeSet<&str> = networks.chain(keys).collect();
    let list = |names: Vec<&str>| names.join(", ");
    say!("checkers that found one there: {}", list(found.iter().copied().collect()));
    say!("checkers that found none there: {}", list(all.difference(&found).copied().collect()));
}
