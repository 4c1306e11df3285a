//! What a key generation is to be: everything that is drawn before it begins.

use std::fmt;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use rand::RngExt;

use super::adversary::{Behaviour, draw_behaviours};
use crate::Rng;
use crate::draw::{draw_discipline, draw_links, draw_order};
use crate::plan::{Restart, Storage};
use crate::schedule::{Acting, Discipline, Links, MILLI, SECOND};
use crate::token::{Class, Token};

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called.
    pub token: Token,
    /// The members.
    pub committee: Committee,
    /// How messages are delivered.
    pub discipline: Discipline,
    /// What links are like.
    pub links: Links,
    /// Byzantine members, and what they do.
    pub byzantine: Vec<(PartyId, Vec<Behaviour>)>,
    /// When each member comes up for the first time.
    pub begins: Vec<u64>,
    /// When honest members are killed.
    pub restarts: Vec<Restart>,
}

impl Plan {
    /// A run without any fault in which everybody comes up at once.
    ///
    /// # Errors
    /// As [`Token::committee`].
    pub fn quiet(token: Token) -> Result<Self, String> {
        let committee = token.committee()?;
        Ok(Self {
            token,
            committee,
            discipline: Discipline::Fifo,
            links: Links::default(),
            byzantine: Vec::new(),
            begins: vec![0; committee.n()],
            restarts: Vec::new(),
        })
    }

    /// The run that a token names.
    ///
    /// # Errors
    /// As [`Token::committee`].
    pub fn draw(token: Token) -> Result<Self, String> {
        let committee = token.committee()?;
        let mut rng = token.rng("plan");
        let has = |class| token.faults.has(class);
        let order = draw_order(committee, &mut rng);
        let most = if has(Class::Byzantine) { token.byzantine.min(committee.t()) } else { 0 };
        let byzantine = if rng.random_range(0..10) < 7 { most } else { rng.random_range(0..=most) };
        let (corrupt, honest) = order.split_at(byzantine.min(order.len()));
        let restarting = match rng.random_range(0..4) {
            _ if !has(Class::Process) => 0,
            0 => 0,
            1 => honest.len(),
            _ => rng.random_range(1..=honest.len()),
        };
        let (discipline, links) = if has(Class::Links) {
            (draw_discipline(committee, &mut rng), draw_links(committee, &mut rng))
        } else {
            (Discipline::Fifo, Links::default())
        };
        let corrupt = corrupt.iter().map(|me| (*me, draw_behaviours(*me, committee, &mut rng)));
        let byzantine = corrupt.collect();
        let killed = honest.iter().take(restarting);
        let restarts = killed.flat_map(|party| draw_restarts(*party, committee, &mut rng));
        let restarts = restarts.collect();
        let begins = committee.parties().map(|_| draw_begin(&mut rng)).collect();
        Ok(Self { token, committee, discipline, links, byzantine, begins, restarts })
    }

    /// Honest members that are killed.
    pub fn unsteady(&self) -> PartySet {
        self.restarts.iter().map(|restart| restart.party).collect()
    }

    /// What a member does, if it is Byzantine.
    pub fn behaviours(&self, party: PartyId) -> Option<&[Behaviour]> {
        let mut all = self.byzantine.iter();
        all.find(|(of, _)| *of == party).map(|(_, behaviours)| behaviours.as_slice())
    }
}

/// In a few lines, for people.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, t) = (self.committee.n(), self.committee.t());
        let (links, discipline) = (&self.links, self.discipline);
        let acting = Acting { links, discipline };
        write!(f, "{n} organisations, up to {t} faulty; delivery: {acting}")?;
        for cut in &self.links.cuts {
            write!(f, "\n  {cut}")?;
        }
        for (party, behaviours) in &self.byzantine {
            let what: Vec<String> = behaviours.iter().map(Behaviour::to_string).collect();
            write!(f, "\n  {party} is Byzantine: {}", what.join(", "))?;
        }
        for restart in &self.restarts {
            write!(f, "\n  {restart}")?;
        }
        Ok(())
    }
}

/// Most members come up soon; some when the others wait for them.
fn draw_begin(rng: &mut Rng) -> u64 {
    match rng.random_range(0..8) {
        0 => rng.random_range(0..20 * SECOND),
        _ => rng.random_range(0..50 * MILLI),
    }
}

/// Kills at any step: a member takes about `12 n^2` of them.
fn draw_restarts(party: PartyId, committee: Committee, rng: &mut Rng) -> Vec<Restart> {
    let steps = 12 * (committee.n() * committee.n()) as u64;
    let mut step = 0;
    (0..rng.random_range(1..=3))
        .map(|_| {
            step += rng.random_range(1..steps);
            Restart {
                party,
                step,
                effects: if rng.random() { 1 } else { rng.random_range(0..3 * committee.n()) },
                pause: rng.random_range(MILLI..3 * SECOND),
                lost: if rng.random() { 0 } else { rng.random_range(0..=100) },
                storage: Storage::Kept,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Kind;

    fn token(seed: u64) -> Token {
        Token::new(Kind::Keygen, 7, 2, seed)
    }

    #[test]
    fn no_plan_has_more_than_t_byzantine_members_and_all_behaviours_are_drawn() {
        let mut kinds = std::collections::BTreeSet::new();
        let (mut restarts, mut calm) = (0, 0);
        for seed in 0..1000 {
            let plan = Plan::draw(token(seed)).unwrap();
            assert!(plan.byzantine.len() <= 2 && plan.begins.len() == 7);
            assert!(plan.byzantine.iter().all(|(party, _)| !plan.unsteady().contains(*party)));
            restarts += plan.restarts.len();
            calm += usize::from(plan.byzantine.is_empty());
            let all = plan.byzantine.iter().flat_map(|(_, all)| all);
            kinds.extend(all.map(Behaviour::name));
        }
        assert!(restarts > 0 && calm > 0);
        assert_eq!(kinds, Behaviour::NAMES.into_iter().collect());
    }

    #[test]
    fn a_token_always_names_the_same_plan() {
        let text = |seed| format!("{:?}", Plan::draw(token(seed)).unwrap());
        assert_eq!(text(5), text(5));
        assert_ne!(text(5), text(6));
    }
}
