//! Hunting one mutant, and running the same without any.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quorate_protocol::zoo::{self, Entry};

use super::campaign::Campaign;
use super::register::campaigns;

/// How a hunt ended.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// What was hunted.
    pub entry: Entry,
    /// What killed it; `None` if it survives.
    pub kill: Option<Kill>,
    /// A run that violates a property also without the mutant.
    pub false_alarm: Option<String>,
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
            seeds: BTreeMap::new(),
            time: Duration::ZERO,
        };
        hunt.search(most);
        hunt.time = began.elapsed();
        hunt
    }

    fn search(&mut self, most: u64) {
        for campaign in campaigns(self.entry.mutant) {
            for seed in 0..campaign.seeds.min(most) {
                *self.seeds.entry(campaign.name).or_default() += 1;
                zoo::select(Some(self.entry.mutant));
                let broken = campaign.run(seed);
                zoo::select(None);
                let Err(violation) = broken else { continue };
                if let Err(healthy) = campaign.run(seed) {
                    let name = campaign.name;
                    self.false_alarm = Some(format!("{name} seed {seed}, healthy: {healthy}"));
                    return;
                }
                self.kill = Some(Kill {
                    checker: violation.checker,
                    what: violation.what,
                    campaign: campaign.name,
                    seed,
                });
                return;
            }
        }
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
