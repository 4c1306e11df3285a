//! Hunting one mutant, and running the same without any.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quorate_protocol::zoo::{self, Entry};

use super::campaign::{CAMPAIGN, Campaign, PANIC};
use super::register::{WHOLE, campaigns, panics};
use crate::report::Violation;

/// How a hunt ended.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// What was hunted.
    pub entry: Entry,
    /// What killed it; `None` if it survives.
    pub kill: Option<Kill>,
    /// A run that violates a property also without the mutant.
    pub false_alarm: Option<String>,
    /// What finds it in whole networks, if anything does, and after how many runs.
    pub whole: Option<(Kill, u64)>,
    /// A run that could not be set up, or a panic that was not expected.
    pub error: Option<String>,
    /// Seeds that were run, by campaign.
    pub seeds: BTreeMap<&'static str, u64>,
    /// How long it took.
    pub time: Duration,
}

/// What killed a mutant.
#[derive(Clone, Debug)]
pub struct Kill {
    /// The checker that saw the violation.
    pub checker: &'static str,
    /// What it saw.
    pub what: String,
    /// The campaign.
    pub campaign: &'static str,
    /// Its seed.
    pub seed: u64,
}

impl Hunt {
    /// Runs the mutant's campaigns until one kills it, at most so many seeds of each.
    pub fn of(entry: Entry, most: u64) -> Self {
        let began = Instant::now();
        let mut hunt = Self {
            entry,
            kill: None,
            false_alarm: None,
            whole: None,
            error: None,
            seeds: BTreeMap::new(),
            time: Duration::ZERO,
        };
        hunt.search(most);
        hunt.time = began.elapsed();
        hunt.search_networks(most);
        hunt
    }

    fn search(&mut self, most: u64) {
        for campaign in campaigns(self.entry.mutant) {
            for seed in 0..campaign.seeds.min(most) {
                *self.seeds.entry(campaign.name).or_default() += 1;
                self.kill = self.kill_by(campaign, seed);
                if self.kill.is_some() || self.has_failed() {
                    return;
                }
            }
        }
    }

    fn search_networks(&mut self, most: u64) {
        let all = (0..most).flat_map(|seed| WHOLE.map(|campaign| (seed, campaign)));
        let all = all.take_while(|(seed, campaign)| *seed < campaign.seeds);
        for (runs, (seed, campaign)) in (1..).zip(all) {
            self.whole = self.kill_by(&campaign, seed).map(|kill| (kill, runs));
            if self.whole.is_some() || self.has_failed() {
                return;
            }
        }
    }

    const fn has_failed(&self) -> bool {
        self.false_alarm.is_some() || self.error.is_some()
    }

    /// Runs one seed with the mutant, and if that violates a property, without it, too.
    fn kill_by(&mut self, campaign: &Campaign, seed: u64) -> Option<Kill> {
        let mutant = self.entry.mutant;
        zoo::select(Some(mutant));
        let broken = campaign.run(seed);
        zoo::select(None);
        let Violation { checker, what, .. } = broken.err()?;
        if checker == CAMPAIGN || checker == PANIC && !panics(mutant) {
            self.error = Some(format!("{} seed {seed}: {checker}: {what}", campaign.name));
            return None;
        }
        if let Err(healthy) = campaign.run(seed) {
            let name = campaign.name;
            self.false_alarm = Some(format!("{name} seed {seed}, healthy: {healthy}"));
            return None;
        }
        Some(Kill { checker, what, campaign: campaign.name, seed })
    }

    /// How many seeds it took.
    pub fn all_seeds(&self) -> u64 {
        self.seeds.values().sum()
    }
}

/// Runs so many seeds of a campaign without any mutant; the first violation, in words.
pub fn control(campaign: &Campaign, seeds: u64) -> Option<String> {
    zoo::select(None);
    (0..seeds).find_map(|seed| {
        let violation = campaign.run(seed).err()?;
        Some(format!("{} seed {seed}, healthy: {violation}", campaign.name))
    })
}

#[cfg(test)]
mod tests {
    use super::super::campaign::fails;
    use super::*;

    fn hunted_by(campaign: &Campaign) -> Hunt {
        let entry = *zoo::ALL.iter().find(|entry| !panics(entry.mutant)).unwrap();
        let mut hunt = Hunt::of(entry, 0);
        hunt.kill = hunt.kill_by(campaign, 0);
        hunt
    }

    #[test]
    fn a_campaign_that_does_not_work_or_panics_kills_nothing() {
        let broken = Campaign::new("broken", 1, |_| fails(CAMPAIGN, "nothing to copy"));
        let panics = Campaign::new("panics", 1, |_| panic!("it does"));
        for campaign in [broken, panics] {
            let hunt = hunted_by(&campaign);
            assert!(hunt.kill.is_none() && hunt.error.is_some(), "{hunt:?}");
        }
    }
}
