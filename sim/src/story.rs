//! Runs by name: what a token names, the same without some of it, or a scenario in a file.
//!
//! A name is a token or the path of a scenario file, and after a `~` the parts that are left out of
//! its plan, with commas between them, such as `n4b1-all-real-v6-123~q2,r0,c1`. It prints as that.

use std::collections::BTreeSet;
use std::fmt;

use crate::caught::caught;
use crate::coverage::Coverage;
use crate::plan::{Plan, Scenario};
use crate::reduce::Reducible;
use crate::report::Report;
use crate::token::{Kind, Token};
use crate::trace::{Listener, Party};
use crate::world::World;
use crate::{keygen, variant};

/// How the names of scenario files end.
const FILE: &str = ".toml";

/// A run, before it begins.
#[derive(Clone, Debug)]
pub struct Story {
    token: Token,
    /// The file that it was read from; `None` if its token is all there is to it.
    file: Option<String>,
    without: BTreeSet<String>,
    whole: Planned,
}

#[derive(Clone, Debug)]
enum Planned {
    Decisions(Box<Plan>),
    Keygen(Box<keygen::Plan>),
}

/// A network that is run, of either kind.
#[derive(Clone, Copy)]
pub enum Network<'a> {
    /// One that decides.
    Decisions(&'a World),
    /// One that makes its keys.
    Keygen(&'a keygen::World),
}

impl Story {
    /// The run that a token names.
    ///
    /// # Errors
    /// There is no such network.
    pub fn of(token: Token) -> Result<Self, String> {
        let whole = match token.kind {
            Kind::Decisions => Planned::Decisions(Box::new(Plan::draw(token)?)),
            Kind::Keygen => Planned::Keygen(Box::new(keygen::Plan::draw(token)?)),
        };
        Ok(Self { token, file: None, without: BTreeSet::new(), whole })
    }

    /// The run of a scenario in a file.
    ///
    /// # Errors
    /// It cannot be read, or as [`Scenario::parse`] and [`Scenario::plan`].
    pub fn of_file(path: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{path} cannot be read: {error}"))?;
        let plan = Scenario::parse(&text).and_then(Scenario::plan);
        let plan = plan.map_err(|error| format!("{path}: {error}"))?;
        let (token, file, without) = (plan.token, Some(path.to_owned()), BTreeSet::new());
        Ok(Self { token, file, without, whole: Planned::Decisions(Box::new(plan)) })
    }

    /// Reads a name.
    ///
    /// # Errors
    /// It is none, or names a part that is not there.
    pub fn parse(name: &str) -> Result<Self, String> {
        let (whole, without) = match name.rsplit_once('~') {
            Some(both) if !name.ends_with(FILE) => both,
            _ => (name, ""),
        };
        let mut story =
            if whole.ends_with(FILE) { Self::of_file(whole)? } else { Self::of(whole.parse()?)? };
        let parts: BTreeSet<String> = story.parts().into_iter().collect();
        for part in without.split(',').filter(|part| !part.is_empty()) {
            if !parts.contains(part) {
                return Err(format!("`{part}` is no part of the run {whole}"));
            }
            story.without.insert(part.to_owned());
        }
        Ok(story)
    }

    /// What it follows from.
    pub const fn token(&self) -> Token {
        self.token
    }

    /// Whether it was read from a file.
    pub const fn is_scenario(&self) -> bool {
        self.file.is_some()
    }

    /// The parts that could be left out, the largest first, but those that are.
    pub fn parts(&self) -> Vec<String> {
        let parts = match &self.whole {
            Planned::Decisions(plan) => plan.parts(),
            Planned::Keygen(plan) => plan.parts(),
        };
        parts.into_iter().filter(|part| !self.without.contains(part)).collect()
    }

    /// The same without these parts, too.
    #[must_use]
    pub fn leave_out<'a>(&self, parts: impl IntoIterator<Item = &'a String>) -> Self {
        let mut story = self.clone();
        story.without.extend(parts.into_iter().cloned());
        story
    }

    /// As a scenario, if it is one of decisions.
    pub fn scenario(&self, why: &str) -> Option<Scenario> {
        match &self.whole {
            Planned::Decisions(plan) => Some(Scenario::of(&plan.without(&self.without), why)),
            Planned::Keygen(_) => None,
        }
    }

    /// Its plan, for people.
    pub fn plan(&self) -> String {
        match &self.whole {
            Planned::Decisions(plan) => plan.without(&self.without).to_string(),
            Planned::Keygen(plan) => plan.without(&self.without).to_string(),
        }
    }

    /// Its parties.
    pub fn parties(&self) -> Vec<Party> {
        fn text<B: ToString>(behaviours: Option<&[B]>) -> Party {
            let list = |all: &[B]| all.iter().map(B::to_string).collect::<Vec<_>>().join(", ");
            Party { byzantine: behaviours.map(list) }
        }
        match &self.whole {
            Planned::Decisions(plan) => {
                let plan = plan.without(&self.without);
                let parties = plan.committee.parties();
                let some = |behaviours: &'_ [_]| !behaviours.is_empty();
                parties.map(|p| text(Some(plan.behaviours(p)).filter(|b| some(b)))).collect()
            }
            Planned::Keygen(plan) => {
                let plan = plan.without(&self.without);
                plan.committee.parties().map(|party| text(plan.behaviours(party))).collect()
            }
        }
    }

    /// Runs it, and tells the listener. A party that panics is a violation like any other.
    ///
    /// # Errors
    /// This build does not have its cryptography.
    pub fn run(&self, listener: Option<Listener>) -> Result<Report, String> {
        self.run_before(listener, |_| {})
    }

    /// As [`run`](Self::run), before the eyes of somebody who sees the network after each step.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_before(
        &self,
        listener: Option<Listener>,
        mut watch: impl FnMut(Network<'_>),
    ) -> Result<Report, String> {
        variant::check(self.token.crypto)?;
        Ok(match &self.whole {
            Planned::Decisions(plan) => ended(self.token, || {
                let mut world = World::new(plan.without(&self.without));
                listener.into_iter().for_each(|listener| world.listen(listener));
                world.run_before(|world| watch(Network::Decisions(world)))
            }),
            Planned::Keygen(plan) => ended(self.token, || {
                let mut world = keygen::World::new(plan.without(&self.without));
                listener.into_iter().for_each(|listener| world.listen(listener));
                world.run_before(|world| watch(Network::Keygen(world)))
            }),
        })
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => f.write_str(file)?,
            None => self.token.fmt(f)?,
        }
        let parts: Vec<&str> = self.without.iter().map(String::as_str).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, "~{}", parts.join(",")) }
    }
}

/// How a run ended, if only by a panic.
fn ended(token: Token, run: impl FnOnce() -> Report) -> Report {
    caught(run).unwrap_or_else(|violation| Report {
        token,
        trace: String::new(),
        steps: 0,
        time: 0,
        coverage: Coverage::default(),
        violation: Some(violation),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_leaves_parts_out() {
        let whole = Story::parse("n4b1-all-real-v6-7").unwrap();
        let parts = whole.parts();
        let questions = parts.iter().filter(|part| part.starts_with('q')).count();
        assert!(questions > 1 && parts.last() != parts.first());
        let last = &parts[parts.len() - 1];
        let some = Story::parse(&format!("n4b1-all-real-v6-7~{last},q0")).unwrap();
        assert_eq!(some.parts().len(), parts.len() - 2);
        assert_eq!(Story::parse(&some.to_string()).unwrap().plan(), some.plan());
        assert!(some.plan().contains(&format!("{} questions", questions - 1)));
        assert!(Story::parse("n4b1-all-real-v6-7~q99").unwrap_err().contains("q99"));
        let keygen = Story::parse("k7b2-all-real-v6-7").unwrap();
        let parts = keygen.parts();
        let least = keygen.leave_out(&parts);
        assert!(least.parts().is_empty() && !least.plan().contains("Byzantine"));
    }
    #[test]
    fn a_scenario_is_named_by_its_file_and_leaves_parts_out() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let file = folder.join("partition-heals.toml").to_string_lossy().into_owned();
        let whole = Story::parse(&file).unwrap();
        assert!(whole.is_scenario() && whole.to_string() == file);
        let some = Story::parse(&format!("{file}~c0,q1")).unwrap();
        assert_eq!(some.to_string(), format!("{file}~c0,q1"));
        assert_eq!(some.parts().len(), whole.parts().len() - 2);
        assert!(Story::parse(&format!("{file}~q9")).unwrap_err().contains("q9"));
        assert!(Story::parse("no-such.toml").unwrap_err().contains("no-such.toml cannot be read"));
    }
}
