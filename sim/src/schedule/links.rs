//! What links are like: how long frames take, how many bytes fit, what is repeated, who is cut off
//! from whom.
//!
//! All draws are of whole numbers, so that a seed means the same on every machine.

use std::fmt;

use quorate_protocol::committee::{PartyId, PartySet};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Discipline, MILLI, SECOND, stretch};
use crate::Rng;

/// What links are like.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// How long frames take.
    #[serde(default)]
    pub latency: Latency,
    /// Bytes a virtual second on each link, one after the other, if they are capped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
    /// How many of a thousand frames arrive twice.
    #[serde(default)]
    pub repeated: u16,
    /// Who is cut off from whom for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
}

/// How long a frame takes.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latency {
    /// Mostly 1 to 10 ms, now and then up to half a second, seldom seconds.
    #[default]
    Usual,
    /// Any time between two, in virtual microseconds.
    Uniform {
        /// The shortest.
        least: u64,
        /// The longest.
        most: u64,
    },
    /// Its logarithm is about normal: the median times 2 to the power of a sum of 16 coin flips,
    /// about their mean, by so many eighths each.
    LogNormal {
        /// In virtual microseconds.
        median: u64,
        /// Eighths of a doubling.
        eighths: u32,
    },
    /// A wide area: members are in regions, and each pair of regions has a time.
    Regions {
        /// The region of each member.
        of: Vec<u8>,
    },
    /// As likely to take twice as long as half of them: the least time divided by a uniform number,
    /// half a minute at most.
    HeavyTail {
        /// In virtual microseconds.
        least: u64,
    },
}

/// How many regions there are.
pub const REGION_COUNT: usize = REGIONS.len();

/// One-way times between five regions, in milliseconds: round figures for one city, one continent,
/// neighbouring continents and the far side of the earth.
const REGIONS: [[u64; 5]; 5] = [
    [1, 15, 40, 75, 110],
    [15, 1, 45, 80, 120],
    [40, 45, 1, 110, 80],
    [75, 80, 110, 1, 60],
    [110, 120, 80, 60, 1],
];

/// For a while, what some send to others waits: one way. What waited arrives when it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Whose frames wait.
    #[serde(with = "crate::parties")]
    pub from: PartySet,
    /// Frames to whom wait.
    #[serde(with = "crate::parties")]
    pub to: PartySet,
    /// From when on, in virtual microseconds.
    pub begins: u64,
    /// Until when.
    pub ends: u64,
}

impl Cut {
    const fn holds(&self, from: PartyId, to: PartyId, time: u64) -> bool {
        self.begins <= time && time < self.ends && self.from.contains(from) && self.to.contains(to)
    }
}

/// What becomes of a cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Course {
    Begins,
    Ends,
    Outlasts,
}

/// A cut begins, or ends, or is there when all is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// When.
    pub time: u64,
    cut: Cut,
    course: Course,
}

impl Turn {
    /// What is told at the end of all, if this was to come.
    pub(super) fn outlasting(self, now: u64) -> Option<Self> {
        let lasts = self.course == Course::Ends && self.cut.begins <= now;
        lasts.then_some(Self { time: now, course: Course::Outlasts, ..self })
    }
}

/// Links as a discipline leaves them: not all of them have times of their own.
pub struct Acting<'a> {
    /// The links.
    pub links: &'a Links,
    /// The discipline.
    pub discipline: Discipline,
}

impl Links {
    /// When cuts begin and end, the last one first.
    pub(super) fn turns(&self) -> Vec<Turn> {
        let both = |cut: &Cut| {
            let turn = |time, course| Turn { time, cut: *cut, course };
            [turn(cut.begins, Course::Begins), turn(cut.ends, Course::Ends)]
        };
        let mut turns: Vec<Turn> = self.cuts.iter().flat_map(both).collect();
        turns.sort_by_key(|turn| turn.time);
        turns.reverse();
        turns
    }

    /// Until when a frame waits that is sent now.
    pub(super) fn held_until(&self, from: PartyId, to: PartyId, now: u64) -> u64 {
        let mut time = now;
        while let Some(cut) = self.cuts.iter().find(|cut| cut.holds(from, to, time)) {
            time = cut.ends;
        }
        time
    }
}

impl Latency {
    /// How long a frame takes.
    pub(super) fn draw(&self, from: PartyId, to: PartyId, rng: &mut Rng) -> u64 {
        match self {
            Self::Usual => match rng.random_range(0..100) {
                0 => rng.random_range(MILLI..3 * SECOND),
                1..=8 => rng.random_range(MILLI..500 * MILLI),
                _ => rng.random_range(MILLI..10 * MILLI),
            },
            Self::Uniform { least, most } => rng.random_range(*least..=(*most).max(*least)),
            Self::LogNormal { median, eighths } => {
                let heads = rng.random::<u16>().count_ones();
                let steps = i64::from(heads.abs_diff(8)) * i64::from(*eighths);
                stretch(*median, if heads < 8 { -steps } else { steps })
            }
            Self::Regions { of } => {
                let region = |party: PartyId| of.get(party.index()).map_or(0, |r| usize::from(*r));
                let row = REGIONS.get(region(from)).and_then(|row| row.get(region(to)));
                let base = row.copied().unwrap_or(1) * MILLI;
                base + rng.random_range(0..=base / 10)
            }
            Self::HeavyTail { least } => {
                let part = rng.random_range(1..=1_000_u64);
                (least * 1_000 / part).min(30 * SECOND)
            }
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: &u64| *time as f64 / MILLI as f64;
        match self {
            Self::Usual => f.write_str("usual latency"),
            Self::Uniform { least, most } => write!(f, "{} to {} ms", ms(least), ms(most)),
            Self::LogNormal { median, .. } => {
                write!(f, "log-normal latency about {} ms", ms(median))
            }
            Self::Regions { of } => {
                let of: Vec<_> = of.iter().map(u8::to_string).collect();
                write!(f, "regions {}", of.join(" "))
            }
            Self::HeavyTail { least } => write!(f, "heavy-tailed latency from {} ms", ms(least)),
        }
    }
}

/// The discipline, and what of the links acts: where frames have no times, nothing of latencies and caps
/// does but for those that a cut held.
impl fmt::Display for Acting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { links, discipline } = *self;
        write!(f, "{discipline}")?;
        let timeless = discipline.is_timeless();
        if !timeless || !links.cuts.is_empty() {
            let which = if timeless { "; after cuts " } else { "; " };
            let latency = (discipline != Discipline::Fifo).then(|| links.latency.to_string());
            let cap = links.bandwidth.map(|bandwidth| format!("{bandwidth} bytes a second"));
            let acting: Vec<String> = latency.into_iter().chain(cap).collect();
            if !acting.is_empty() {
                write!(f, "{which}{}", acting.join(", "))?;
            }
        }
        if links.repeated > 0 {
            write!(f, "; {} of 1000 frames arrive twice", links.repeated)?;
        }
        Ok(())
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { from, to, .. } = self.cut;
        match self.course {
            Course::Begins => write!(f, "{to} hear nothing from {from}: a cut begins"),
            Course::Ends => write!(f, "{to} hear from {from} again: the cut ends"),
            Course::Outlasts => {
                write!(f, "{to} hear nothing from {from} to the end: the cut lasts")
            }
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, begins, ends } = self;
        write!(f, "{from} cut off from {to} from {} to {} ms", begins / MILLI, ends / MILLI)
    }
}
