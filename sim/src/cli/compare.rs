//! `compare`: what decisions cost, before and after.
//!
//! Before is a file of measurements, or a revision of this repository, whose simulator is built
//! apart and measures the same seeds itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use clap::value_parser;

use super::say::{say, tell};
use super::which::{Size, seeds};
use super::whole::Whole;
use crate::measure::{Cost, Measure};
use crate::story::Story;
use crate::token::{Kind, Token, VERSION};
use crate::trace::Event;
use crate::variant;

/// The format of files of measurements.
const FORMAT: u32 = 1;

/// With what to compare, and how.
#[derive(clap::Args)]
pub(super) struct Compare {
    /// A revision of this repository, or a file that --save has written
    #[arg(required_unless_present = "save")]
    base: Option<String>,
    #[command(flatten)]
    size: Size,
    /// How many seeds
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Write what was measured to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What was measured, as it is saved.
#[derive(Serialize, Deserialize)]
struct Measured {
    format: u32,
    /// What seeds meant.
    version: u32,
    /// Of which networks, in words.
    networks: String,
    runs: Vec<Run>,
}

/// One seed.
#[derive(Serialize, Deserialize)]
struct Run {
    seed: u64,
    /// Hash of its plan.
    plan: String,
    /// All messages of the run, whatever they were for.
    messages: u64,
    bytes: u64,
    decisions: Vec<Cost>,
}

impl Compare {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        variant::with_crypto(self.size.crypto())?;
        let file = self.save.clone().map(Whole::begin).transpose()?;
        let base = self.base.as_deref().map(|base| self.base(base)).transpose()?;
        let measured = self.measure()?;
        if let Some(file) = file {
            let json = serde_json::to_string(&measured).expect("measurements have an encoding");
            file.write(&json)?;
        }
        match base {
            Some(base) => print_both(&base, &measured),
            None => print_one(&measured),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn networks(&self) -> String {
        let Token { orgs, byzantine, faults, crypto, .. } = self.size.token(Kind::Decisions, 0);
        format!("{orgs} organisations, up to {byzantine} Byzantine, faults {faults}, {crypto}")
    }

    fn measure(&self) -> Result<Measured, String> {
        let seeds = seeds(self.first_seed, self.seeds)?;
        let runs = seeds.map(|seed| self.seed(seed)).collect::<Result<_, _>>()?;
        Ok(Measured { format: FORMAT, version: VERSION, networks: self.networks(), runs })
    }

    fn seed(&self, seed: u64) -> Result<Run, String> {
        let token = self.size.token(Kind::Decisions, seed);
        let measure = Rc::new(RefCell::new(Measure::default()));
        let heard = Rc::clone(&measure);
        let listener = move |time: u64, event: &Event<'_>| heard.borrow_mut().event(time, event);
        let story = Story::of(token)?;
        let report = story.run(Some(Box::new(listener)))?;
        if let Some(violation) = report.violation {
            return Err(format!("{token} fails, so it is not measured: {violation}"));
        }
        let hash = blake3::hash(story.plan().as_bytes()).to_hex();
        let costs = measure.borrow().costs();
        Ok(Run {
            seed,
            plan: hash.chars().take(16).collect(),
            messages: report.coverage.messages,
            bytes: report.coverage.bytes,
            decisions: costs,
        })
    }

    /// What the base measured, or measures now, of the same networks.
    fn base(&self, base: &str) -> Result<Measured, String> {
        let file = Path::new(base);
        let measured = if file.is_file() { read(file)? } else { self.revision(base)? };
        if measured.networks != self.networks() {
            return Err(format!(
                "{base} measured {}; this is about {}",
                measured.networks,
                self.networks()
            ));
        }
        Ok(measured)
    }

    /// Has the simulator of a revision measure.
    fn revision(&self, revision: &str) -> Result<Measured, String> {
        let workspace = variant::workspace()?;
        let named = format!("{revision}^{{commit}}");
        let commit =
            git(&workspace, &["rev-parse", "--verify", "--quiet", &named]).map_err(|_| {
                format!("{revision} is neither a file nor a revision of {}", workspace.display())
            })?;
        let folder = variant::target(&workspace).join("compare");
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let short: String = commit.chars().take(12).collect();
        let tree = folder.join(&short);
        if !tree.is_dir() {
            let path = tree.to_string_lossy();
            git(&workspace, &["worktree", "prune"])?;
            git(&workspace, &["worktree", "add", "--detach", &path, &commit])?;
        }
        let measured = self.built(revision, &tree, &folder);
        // The sources are of no more use, what was built is.
        git(&workspace, &["worktree", "remove", "--force", &tree.to_string_lossy()])?;
        measured
    }

    fn built(&self, revision: &str, tree: &Path, folder: &Path) -> Result<Measured, String> {
        tell!("building the simulator of {revision}");
        let target = folder.join("target");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--quiet", "--locked", "-p", "quorate-sim"]);
        build.arg("--target-dir").arg(&target).current_dir(tree);
        if !build.status().is_ok_and(|status| status.success()) {
            return Err(format!("the simulator of {revision} cannot be built"));
        }
        let name = Path::new("quorate-sim").with_extension(std::env::consts::EXE_EXTENSION);
        let program = target.join("release").join(name);
        let mut help = Command::new(&program);
        help.args(["compare", "--help"]).stdout(Stdio::null()).stderr(Stdio::null());
        if !help.status().is_ok_and(|status| status.success()) {
            return Err(format!(
                "the simulator of {revision} has no `compare`: it is older than that command"
            ));
        }
        let file = folder.join("measured.json");
        let Token { orgs, byzantine, faults, crypto, .. } = self.size.token(Kind::Decisions, 0);
        let numbers = [
            ("--orgs", orgs.to_string()),
            ("--byzantine", byzantine.to_string()),
            ("--faults", faults.to_string()),
            ("--crypto", crypto.to_string()),
            ("--seeds", self.seeds.to_string()),
            ("--first-seed", self.first_seed.to_string()),
        ];
        let mut measure = other(&program, &target);
        measure.arg("compare").arg("--save").arg(&file).stdout(Stdio::null());
        for (name, value) in numbers {
            measure.args([name, &value]);
        }
        if !measure.status().is_ok_and(|status| status.success()) {
            return Err(format!("the simulator of {revision} did not measure these networks"));
        }
        read(&file)
    }
}

/// The simulator of another revision: it finds for itself whether it is the build that is asked for,
/// and has its own builds beside it.
fn other(program: &Path, target: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove(variant::STARTED_AS).env("CARGO_TARGET_DIR", target);
    command
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.map_err(|error| format!("git does not run: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git {} fails: {}", arguments.join(" "), text.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn read(file: &Path) -> Result<Measured, String> {
    let name = file.display();
    let json = fs::read(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let measured: Measured = serde_json::from_slice(&json)
        .map_err(|_| format!("{name} is no file of measurements: `compare --save` writes one"))?;
    if measured.format != FORMAT {
        return Err(format!("{name} has format {}, this program knows {FORMAT}", measured.format));
    }
    Ok(measured)
}

/// What is measured, and of what: decisions one by one, or runs.
type Column = (&'static str, fn(&Measured) -> Vec<f64>);

const COLUMNS: [Column; 6] = [
    ("messages of a decision", |of| each(of, |cost| cost.messages)),
    ("bytes of a decision", |of| each(of, |cost| cost.bytes)),
    ("hops of a decision", |of| each(of, |cost| cost.hops)),
    ("agreement rounds", |of| each(of, |cost| cost.rounds)),
    ("all messages, a decision", |of| shared(of, |run| run.messages)),
    ("all bytes, a decision", |of| shared(of, |run| run.bytes)),
];

fn each(measured: &Measured, of: fn(&Cost) -> u64) -> Vec<f64> {
    measured.runs.iter().flat_map(|run| &run.decisions).map(|cost| of(cost) as f64).collect()
}

/// By run, for each of its decisions.
fn shared(measured: &Measured, of: fn(&Run) -> u64) -> Vec<f64> {
    let decided = measured.runs.iter().filter(|run| !run.decisions.is_empty());
    decided.map(|run| of(run) as f64 / run.decisions.len() as f64).collect()
}

/// The middle one, of an even number the mean of both; `None` of none.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    let middle = [last / 2, last.div_ceil(2)];
    Some(middle.iter().filter_map(|i| numbers.get(*i)).sum::<f64>() / 2.0)
}

fn decisions(measured: &Measured) -> usize {
    measured.runs.iter().map(|run| run.decisions.len()).sum()
}

fn print_one(measured: &Measured) {
    say!("{}", measured.networks);
    say!("{} seeds, {} decisions; medians", measured.runs.len(), decisions(measured));
    for (name, column) in COLUMNS {
        if let Some(median) = median(column(measured)) {
            say!("{name:<26}{median:>12.1}");
        }
    }
}

fn print_both(base: &Measured, now: &Measured) {
    say!("{}", now.networks);
    say!(
        "{} seeds, {} decisions before and {} after; medians",
        now.runs.len(),
        decisions(base),
        decisions(now)
    );
    say!("{:<26}{:>12}{:>12}{:>8}", "", "before", "after", "ratio");
    for (name, column) in COLUMNS {
        if let (Some(before), Some(after)) = (median(column(base)), median(column(now))) {
            say!("{name:<26}{before:>12.1}{after:>12.1}{:>8.3}", after / before);
        }
    }
    if let Some(difference) = difference(base, now) {
        say!("{difference}");
    }
}

/// How what was run differs, so that a ratio need not come from the protocols.
fn difference(base: &Measured, now: &Measured) -> Option<String> {
    if base.version != now.version {
        return Some(format!(
            "plans differ: seeds mean version {} before and {} after",
            base.version, now.version
        ));
    }
    let plan = |run: &Run| (run.seed, run.plan.clone());
    let [before, after] =
        [base, now].map(|of| of.runs.iter().map(plan).collect::<BTreeMap<_, _>>());
    let seeds: BTreeSet<&u64> = before.keys().chain(after.keys()).collect();
    let others = seeds.iter().filter(|seed| before.get(**seed) != after.get(**seed)).count();
    (others > 0).then(|| {
        format!(
            "plans differ: {others} of {} seeds have another one, or none on a side",
            seeds.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(version: u32, plans: &[(u64, &str)]) -> Measured {
        let run = |(seed, plan): &(u64, &str)| {
            let cost = |n| Cost { messages: 10 * n, bytes: 100 * n, hops: n, rounds: 1 };
            let decisions = vec![cost(*seed), cost(seed + 1)];
            Run { seed: *seed, plan: (*plan).to_owned(), messages: 50 * seed, bytes: 7, decisions }
        };
        let runs = plans.iter().map(run).collect();
        Measured { format: FORMAT, version, networks: "some".into(), runs }
    }

    #[test]
    fn medians_are_of_decisions_and_of_runs() {
        let all = measured(1, &[(1, "a"), (4, "b")]);
        let [messages, bytes, hops, rounds, shared, _] =
            COLUMNS.map(|(_, column)| median(column(&all)).unwrap());
        assert_eq!([messages, bytes, hops, rounds], [30.0, 300.0, 3.0, 1.0]);
        assert_eq!(shared, (25.0 + 100.0) / 2.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn other_plans_are_said_to_be_others() {
        let base = measured(1, &[(1, "a"), (2, "b")]);
        assert_eq!(difference(&base, &measured(1, &[(1, "a"), (2, "b")])), None);
        let told = |now| difference(&base, &now).unwrap();
        assert!(told(measured(2, &[(1, "a"), (2, "b")])).contains("version 1 before and 2 after"));
        assert!(told(measured(1, &[(1, "a"), (2, "c")])).contains("1 of 2 seeds"));
        assert!(told(measured(1, &[(2, "a"), (1, "b")])).contains("2 of 2 seeds"));
        // Seeds that only one of them has, on either side.
        assert!(told(measured(1, &[(1, "a")])).contains("1 of 2 seeds"));
        assert!(told(measured(1, &[(1, "a"), (2, "b"), (3, "c")])).contains("1 of 3 seeds"));
    }

    #[test]
    fn another_revision_is_not_told_which_build_this_is() {
        let command = other(Path::new("quorate-sim"), Path::new("builds"));
        let set: Vec<_> = command.get_envs().collect();
        assert!(set.contains(&(variant::STARTED_AS.as_ref(), None)), "{set:?}");
        assert!(set.contains(&("CARGO_TARGET_DIR".as_ref(), Some("builds".as_ref()))), "{set:?}");
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let all = measured(3, &[(1, "a")]);
        fs::write(file.path(), serde_json::to_string(&all).unwrap()).unwrap();
        let again = read(file.path()).unwrap();
        assert_eq!(again.runs[0].decisions, all.runs[0].decisions);
        assert_eq!(difference(&again, &all), None);
        fs::write(file.path(), "{}").unwrap();
        assert!(read(file.path()).err().unwrap().contains("no file of measurements"));
    }
}
