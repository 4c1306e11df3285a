//! What the demo will do, checked before anything is started.

use quorate_protocol::committee::Committee;
use quorate_protocol::rule::{Input, Rule};

use super::Arguments;
use crate::cli::exit::{Exit, Failure};
use crate::cli::parse_rule;
use crate::store::Durability;

/// More nodes than this are too many for one machine.
const MAX_ORGS: usize = 31;

/// More decisions in a row than this take too long to be a demo.
const MAX_DECISIONS: usize = 10_000;

const NAMES: [&str; 10] = [
    "Acme Bank",
    "Borealis Re",
    "Cobalt Energy",
    "Delta Freight",
    "Emerald Foods",
    "Fjord Shipping",
    "Granite Trust",
    "Helix Pharma",
    "Iris Telecom",
    "Juniper Steel",
];

/// A demo, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who takes part.
    pub committee: Committee,
    /// Their names.
    pub names: Vec<String>,
    /// The rule.
    pub rule: Rule,
    /// What each enters, as it would be typed.
    pub inputs: Vec<String>,
    /// The same as numbers.
    pub values: Vec<u64>,
    /// How many, from the end, are killed.
    pub kill: usize,
    pub durability: Durability,
    /// How many, from the end, never start.
    pub absent: usize,
    /// How many decisions in a row.
    pub decisions: usize,
}

impl Plan {
    /// Checks what was asked for, and chooses the rest.
    ///
    /// # Errors
    /// It does not fit together; the failure says what, and where.
    pub fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let given = arguments.inputs.as_deref().map(split);
        let n = count(arguments.orgs, given.as_ref().map(Vec::len))?;
        if n < 4 {
            let what = format!("{n} organisations cannot tolerate a faulty one: at least 4 can");
            return Err(Failure::new(Exit::Invalid, what).hint("quorate demo --orgs 4"));
        }
        if n > MAX_ORGS {
            let what = format!("{n} nodes are too many for one machine: at most {MAX_ORGS}");
            return Err(Failure::new(Exit::Invalid, what).hint("quorate demo --orgs 10"));
        }
        let committee = Committee::new(n).map_err(|error| Failure::new(Exit::Invalid, error))?;
        let rule = parse_rule(&arguments.rule)?;
        rule.check(n).map_err(|error| Failure::new(Exit::Invalid, &error).hint(error.hint()))?;
        let inputs = given.unwrap_or_else(|| sensible_inputs(&rule, n));
        let mut values = Vec::with_capacity(n);
        for (i, input) in inputs.iter().enumerate() {
            values.push(rule.parse_vote(input).map_err(|error| {
                Failure::new(Exit::Invalid, format!("input {} of {n}: {error}", i + 1))
                    .hint(format!("--inputs takes {n} of them, with commas between"))
            })?);
        }
        check_failures(committee, arguments.kill, arguments.absent)?;
        if arguments.decisions == 0 {
            return Err(Failure::new(Exit::Invalid, "no decisions at all: nothing to show")
                .hint("--decisions 1 or more"));
        }
        if arguments.decisions > MAX_DECISIONS {
            let what = format!(
                "{} decisions in a row take hours and fill the nodes' ledgers: at most \
                 {MAX_DECISIONS}",
                arguments.decisions
            );
            return Err(Failure::new(Exit::Invalid, what).hint("quorate demo --decisions 100"));
        }
        Ok(Self {
            committee,
            names: (0..n).map(name).collect(),
            rule,
            inputs,
            values,
            kill: arguments.kill,
            durability: arguments.durability,
            absent: arguments.absent,
            decisions: arguments.decisions,
        })
    }

    /// How many take part from the start.
    pub const fn present(&self) -> usize {
        self.committee.n() - self.absent
    }

    /// How many are there at the end.
    pub const fn survivors(&self) -> usize {
        self.present() - self.kill
    }
}

fn split(inputs: &str) -> Vec<String> {
    inputs.split(',').map(|input| input.trim().to_owned()).collect()
}

fn count(orgs: Option<usize>, inputs: Option<usize>) -> Result<usize, Failure> {
    match (orgs, inputs) {
        (Some(orgs), Some(inputs)) if orgs != inputs => {
            let what = format!("{inputs} inputs for {orgs} organisations: each needs one");
            Err(Failure::new(Exit::Invalid, what).hint("leave --orgs or --inputs out"))
        }
        (Some(n), _) | (None, Some(n)) => Ok(n),
        (None, None) => Ok(4),
    }
}

fn check_failures(committee: Committee, kill: usize, absent: usize) -> Result<(), Failure> {
    let (n, t) = (committee.n(), committee.t());
    if kill.saturating_add(absent) <= t {
        return Ok(());
    }
    let failing = kill.saturating_add(absent);
    let what = format!(
        "with {n} organisations at most {t} may fail, not {failing}: the others would wait for \
         ever, since they cannot tell the slow from the dead"
    );
    let enough = failing.saturating_mul(3).saturating_add(1);
    Err(Failure::new(Exit::Invalid, what).hint(match enough {
        ..=MAX_ORGS => format!("{enough} organisations tolerate {failing}: --orgs {enough}"),
        _ => format!("--kill and --absent together at most {t}"),
    }))
}

fn name(i: usize) -> String {
    NAMES.get(i).map_or_else(|| format!("Organisation {}", i + 1), |name| (*name).to_owned())
}

/// Inputs that organisations might have, most of them in favour.
fn sensible_inputs(rule: &Rule, n: usize) -> Vec<String> {
    let samples: &[&str] = match rule.input() {
        Input::Range { .. } => &["82", "71", "90", "78", "85", "74", "88"],
        Input::YesNo => &["yes", "yes", "no", "yes"],
    };
    samples.iter().cycle().take(n).map(|input| (*input).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Arguments {
        Arguments {
            orgs: None,
            inputs: None,
            rule: "mean(confidence) > 75".into(),
            kill: 0,
            durability: Durability::default(),
            absent: 0,
            decisions: 1,
        }
    }

    fn refused(arguments: &Arguments) -> String {
        Plan::new(arguments).unwrap_err().what
    }

    #[test]
    fn the_default_is_accepted_with_any_tolerable_number_absent() {
        for n in 4..=MAX_ORGS {
            let plan = Plan::new(&Arguments { orgs: Some(n), ..arguments() }).unwrap();
            for absent in 0..=plan.committee.t() {
                let counted: Vec<u64> = plan.values.iter().copied().take(n - absent).collect();
                assert!(plan.rule.evaluate_clear(&counted), "{n} without {absent}");
            }
        }
    }

    #[test]
    fn inputs_set_the_number_of_organisations() {
        let inputs = Some("80,70,90,76,75,77,74".to_owned());
        let plan = Plan::new(&Arguments { inputs: inputs.clone(), ..arguments() }).unwrap();
        assert_eq!((plan.committee.n(), plan.committee.t()), (7, 2));
        let both = Arguments { orgs: Some(4), inputs, ..arguments() };
        assert_eq!(refused(&both), "7 inputs for 4 organisations: each needs one");
    }

    #[test]
    fn a_wrong_input_is_named_by_its_position_and_not_repeated() {
        let inputs = Some("80,70,901,76".to_owned());
        assert_eq!(
            refused(&Arguments { inputs, ..arguments() }),
            "input 3 of 4: the vote must be a whole number from 0 to 100"
        );
    }

    #[test]
    fn more_failures_than_the_network_tolerates_are_refused_with_a_way_out() {
        for (kill, absent) in [(2, 0), (0, 2), (1, 1)] {
            let failure = Plan::new(&Arguments { kill, absent, ..arguments() }).unwrap_err();
            assert_eq!(failure.exit, Exit::Invalid);
            assert!(failure.what.starts_with("with 4 organisations at most 1 may fail, not 2"));
            assert!(failure.hint.is_some_and(|hint| hint.ends_with("--orgs 7")));
        }
        assert!(Plan::new(&Arguments { kill: usize::MAX, absent: 1, ..arguments() }).is_err());
        assert!(Plan::new(&Arguments { kill: 1, ..arguments() }).is_ok());
    }

    #[test]
    fn small_networks_rules_without_a_choice_and_nothing_to_do_are_refused() {
        assert!(refused(&Arguments { orgs: Some(3), ..arguments() }).contains("3 organisations"));
        assert!(refused(&Arguments { orgs: Some(99), ..arguments() }).contains("too many"));
        let rule = "count(approve) >= 5".to_owned();
        assert!(refused(&Arguments { rule, ..arguments() }).contains("never"));
        assert!(Plan::new(&Arguments { decisions: 0, ..arguments() }).is_err());
        let many = |decisions| Arguments { decisions, ..arguments() };
        assert!(Plan::new(&many(MAX_DECISIONS)).is_ok());
        assert!(refused(&many(MAX_DECISIONS + 1)).ends_with("at most 10000"));
    }
}
