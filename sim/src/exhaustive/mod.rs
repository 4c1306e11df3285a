//! Every order of delivery, with four members of which one is Byzantine: one round of a binary
//! agreement, and a short broadcast.
//!
//! # Model
//! What a member does depends on how many members said what, never on who. So a state is what each
//! honest member has *said*, in any order of members; a rule may fire at a member when the messages
//! that were said, and what the Byzantine member may say to this member at any time, are enough. That
//! is every order of delivery at once: a message that did not count yet is one not delivered yet. (It
//! is a threshold automaton, as model checkers of such protocols use them.)
//!
//! The Byzantine member says anything to anybody: it helps a rule or it does not, at each member
//! anew. What ends well must do so with no word from it.
//!
//! # Is it the code that ships?
//! The production state machines are run beside the model ([`production`]): from random schedules and
//! lies, the state after each delivery must be one that the model reaches. What the model says of all
//! its states then holds for what was seen of the code. With a threshold changed the model must find
//! what breaks; a round without E3 must not be binding.

pub mod broadcast;
pub mod crusader;
pub mod production;

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::report::Violation;

/// Honest members.
pub const HONEST: usize = 3;

/// A protocol whose states can all be visited.
pub trait Model {
    /// What all honest members have said.
    type State: Clone + Ord + Debug;

    /// Its name.
    fn name(&self) -> String;

    /// How it can begin.
    fn initial(&self) -> Vec<Self::State>;

    /// All next states, each by one thing that is said, with up to so many words of Byzantine members
    /// for each rule.
    fn next(&self, state: &Self::State, byzantine: usize) -> Vec<Self::State>;

    /// What holds in every state.
    ///
    /// # Errors
    /// The name of the invariant that does not hold.
    fn check(&self, state: &Self::State) -> Result<(), &'static str>;

    /// What holds when everything honest was delivered and nothing Byzantine is said any more.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    fn check_end(&self, state: &Self::State) -> Result<(), &'static str>;

    /// Values that come out in a state, as bits.
    fn values(&self, state: &Self::State) -> u8;

    /// Whether from this state on at most one value may come out, whatever happens.
    fn is_bound(&self, state: &Self::State) -> bool;
}

/// All states after one in which one member alone said what it may, members in any order.
fn after_one<M: Copy + Ord>(state: &[M; HONEST], said: impl Fn(M) -> Vec<M>) -> Vec<[M; HONEST]> {
    let mut next = Vec::new();
    for (place, member) in state.iter().enumerate() {
        for said in said(*member) {
            let mut state = *state;
            state.iter_mut().skip(place).take(1).for_each(|member| *member = said);
            state.sort_unstable();
            next.push(state);
        }
    }
    next
}

/// All states of a model.
pub struct Space<S> {
    /// Each state with its number.
    pub numbers: BTreeMap<S, usize>,
    /// Steps between them.
    pub steps: usize,
}

impl<S: Ord> Space<S> {
    /// Whether a state can be reached.
    pub fn contains(&self, state: &S) -> bool {
        self.numbers.contains_key(state)
    }
}

/// Visits all states of a model, and checks its invariants.
///
/// # Errors
/// An invariant that does not hold, and a state in which it does not.
pub fn search<M: Model>(model: &M) -> Result<Space<M::State>, Violation> {
    let fails = |what: &str, state: &M::State| Violation {
        time: 0,
        checker: "exhaustive",
        what: format!("{}: {what}: {state:?}", model.name()),
    };
    let mut numbers = BTreeMap::new();
    let mut states: Vec<M::State> = Vec::new();
    for state in model.initial() {
        if numbers.insert(state.clone(), states.len()).is_none() {
            states.push(state);
        }
    }
    let mut edges: Vec<Vec<usize>> = Vec::new();
    let mut steps = 0;
    while let Some(state) = states.get(edges.len()).cloned() {
        model.check(&state).map_err(|what| fails(what, &state))?;
        if model.next(&state, 0).is_empty() {
            model.check_end(&state).map_err(|what| fails(what, &state))?;
        }
        let mut next = model.next(&state, 1);
        next.sort();
        next.dedup();
        steps += next.len();
        let number = |state: M::State| {
            *numbers.entry(state.clone()).or_insert_with(|| {
                states.push(state);
                states.len() - 1
            })
        };
        edges.push(next.into_iter().map(number).collect());
    }
    // Each step says one thing more, so later states have higher numbers.
    let mut futures = vec![0u8; states.len()];
    for (number, state) in states.iter().enumerate().rev() {
        let later = edges.get(number).into_iter().flatten().filter_map(|next| futures.get(*next));
        let values = later.fold(model.values(state), |all, values| all | values);
        if let Some(future) = futures.get_mut(number) {
            *future = values;
        }
        if model.is_bound(state) && values.count_ones() > 1 {
            return Err(fails("binding", state));
        }
    }
    Ok(Space { numbers, steps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use broadcast::Broadcast;
    use crusader::Crusader;

    fn broken<M: Model>(model: &M) -> String {
        search(model).err().expect("it is noticed").what
    }

    #[test]
    fn rounds_and_broadcasts_keep_their_invariants_and_so_does_the_code() {
        for crusader in [Crusader::binding(), Crusader::public()] {
            let space = search(&crusader).unwrap();
            let seen = production::crusader(&crusader, &space, 0..300).unwrap();
            assert!(seen > 100, "{seen}");
        }
        for broadcast in [Broadcast::honest_sender(), Broadcast::byzantine_sender()] {
            let space = search(&broadcast).unwrap();
            let seen = production::broadcast(&broadcast, &space, 0..100).unwrap();
            assert!(seen > 10, "{seen}");
        }
    }

    #[test]
    fn a_round_without_e3_is_not_binding() {
        let control = Crusader { must_bind: true, ..Crusader::public() };
        assert!(broken(&control).contains("binding"));
    }

    #[test]
    fn weaker_thresholds_of_a_round_are_noticed() {
        let binding = Crusader::binding();
        for (model, what) in [
            (Crusader { amplify: 1, ..binding }, "one E1 is repeated"),
            (Crusader { amplify: 3, ..binding }, "E1 is repeated late"),
            (Crusader { approve: 2, ..binding }, "two E1 approve"),
            (Crusader { second: 2, ..binding }, "two E2 are a quorum"),
            (Crusader { last: 2, ..binding }, "two E3 are a quorum"),
        ] {
            assert!(search(&model).is_err(), "{what}");
        }
    }

    #[test]
    fn weaker_thresholds_of_a_broadcast_are_noticed() {
        let (honest, byzantine) = (Broadcast::honest_sender(), Broadcast::byzantine_sender());
        let weak = [
            (Broadcast { echoes: 2, ..byzantine }, "totality"),
            (Broadcast { echoes: 1, ..honest }, "integrity"),
            (Broadcast { amplify: 1, ..honest }, "integrity"),
            (Broadcast { amplify: 3, ..byzantine }, "totality"),
            (Broadcast { readies: 2, amplify: 9, ..byzantine }, "totality"),
        ];
        for (model, what) in weak {
            let found = broken(&model);
            assert!(found.contains(what), "{what}: {found}");
        }
    }
}
