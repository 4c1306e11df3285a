//! Plans that people write: files in `sim/scenarios`.

use serde::{Deserialize, Serialize};

use super::check::check;
use super::{Outage, Pause, Plan, Question, Restart};
use crate::adversary::Behaviour;
use crate::schedule::{Discipline, Links};
use crate::token::{Crypto, Faults, Kind, Token};
use quorate_protocol::committee::PartyId;

/// A plan, and why there is one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is there to show.
    pub why: String,
    /// The number of organisations.
    pub orgs: usize,
    /// What is left to chance is drawn from this.
    #[serde(default)]
    pub seed: u64,
    /// How many members the run's token allows to be Byzantine; as many as are tolerated if nothing
    /// is said. What is left to chance depends on it, and on the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_byzantine: Option<usize>,
    /// The classes of faults that the run's token names.
    #[serde(default = "all_faults", with = "faults", skip_serializing_if = "is_all")]
    pub faults: Faults,
    /// The cryptography.
    #[serde(default, skip_serializing_if = "is_real")]
    pub crypto: Crypto,
    /// How many questions are open at once.
    #[serde(default = "one")]
    pub window: usize,
    /// In which order frames are delivered.
    #[serde(default = "fifo")]
    pub discipline: Discipline,
    /// By how many milliseconds clocks are fast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skews: Vec<i64>,
    /// What links are like.
    #[serde(default)]
    pub links: Links,
    /// Byzantine members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byzantine: Vec<Deviating>,
    /// Members that are killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<Restart>,
    /// Members that pause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// When all are killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
    /// What is decided.
    pub questions: Vec<Question>,
}

/// A Byzantine member, and what it does.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviating {
    /// Who.
    pub member: PartyId,
    /// What.
    pub behaviours: Vec<Behaviour>,
}

/// Classes of faults as text.
mod faults {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::token::Faults;

    pub(super) fn serialize<S: Serializer>(
        faults: &Faults,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(faults)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Faults, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

const fn all_faults() -> Faults {
    Faults::ALL
}

fn is_all(faults: &Faults) -> bool {
    *faults == Faults::ALL
}

fn is_real(crypto: &Crypto) -> bool {
    *crypto == Crypto::Real
}

const fn one() -> usize {
    1
}

const fn fifo() -> Discipline {
    Discipline::Fifo
}

impl Scenario {
    /// A plan as a file has it.
    pub fn of(plan: &Plan, why: &str) -> Self {
        let Plan { token, committee, discipline, links, byzantine, restarts, .. } = plan.clone();
        let Plan { pauses, outages, skews, questions, window, .. } = plan.clone();
        let deviating = |(member, behaviours)| Deviating { member, behaviours };
        Self {
            why: why.to_owned(),
            orgs: committee.n(),
            seed: token.seed,
            most_byzantine: (token.byzantine != committee.t()).then_some(token.byzantine),
            faults: token.faults,
            crypto: token.crypto,
            window,
            discipline,
            skews: if skews.iter().all(|skew| *skew == 0) { Vec::new() } else { skews },
            links,
            byzantine: byzantine.into_iter().map(deviating).collect(),
            restarts,
            pauses,
            outages,
            questions,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is no scenario.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// As a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn text(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }

    /// The plan.
    ///
    /// # Errors
    /// There is no such network, a field says what cannot be, or more than tolerated are faulty.
    pub fn plan(self) -> Result<Plan, String> {
        let committee = Token::new(Kind::Decisions, self.orgs, 0, self.seed).committee();
        let committee = committee.map_err(|error| format!("orgs: {error}"))?;
        let (n, t) = (committee.n(), committee.t());
        let token = Token {
            kind: Kind::Decisions,
            orgs: n,
            byzantine: self.most_byzantine.unwrap_or(t),
            faults: self.faults,
            crypto: self.crypto,
            seed: self.seed,
        };
        token.committee().map_err(|error| format!("most_byzantine: {error}"))?;
        check(&self, committee)?;
        let mut plan = Plan {
            window: self.window,
            discipline: self.discipline,
            links: self.links,
            byzantine: self.byzantine.into_iter().map(|d| (d.member, d.behaviours)).collect(),
            restarts: self.restarts,
            pauses: self.pauses,
            outages: self.outages,
            ..Plan::calm(token, committee, self.questions)
        };
        for (mine, skew) in plan.skews.iter_mut().zip(&self.skews) {
            *mine = *skew;
        }
        for question in &mut plan.questions {
            question.votes.resize(n, None);
        }
        let corrupt = plan.byzantine_set().len();
        if corrupt > t {
            return Err(format!(
                "byzantine and restarts: {n} organisations tolerate {t} Byzantine ones, not {corrupt}"
            ));
        }
        Ok(plan)
    }
}
