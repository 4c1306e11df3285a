//! One round of a binary agreement up to its outcome: rules A1 to A6 of the protocol.

use super::{HONEST, Model, after_one};

/// A bit, or `None` for bot.
type Outcome = Option<bool>;

/// What one honest member has said in the round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Member {
    /// The value it began with.
    pub estimate: bool,
    /// Which values it sent E1 for.
    pub e1: [bool; 2],
    /// Its E2.
    pub e2: Option<bool>,
    /// Its E3.
    pub e3: Option<Outcome>,
    /// Its outcome: the share of the coin is on its way.
    pub out: Option<Outcome>,
}

impl Member {
    /// A member that has just entered the round.
    pub const fn entered(estimate: bool) -> Self {
        Self { estimate, e1: [!estimate, estimate], e2: None, e3: None, out: None }
    }

    fn sent_e1(&self, value: bool) -> bool {
        let [zero, one] = self.e1;
        if value { one } else { zero }
    }
}

/// All honest members, in order.
pub type State = [Member; HONEST];

/// A round, with its thresholds.
#[derive(Clone, Copy, Debug)]
pub struct Crusader {
    /// Whether it has E3.
    pub binding: bool,
    /// Whether at most one value may come out once a member has its outcome.
    pub must_bind: bool,
    /// E1 of one value that one repeats: `t + 1`.
    pub amplify: usize,
    /// E1 that approve a value: `n - t`.
    pub approve: usize,
    /// E2 that are a quorum: `n - t`.
    pub second: usize,
    /// E3 that are a quorum: `n - t`.
    pub last: usize,
}

impl Crusader {
    /// A round from 2 on.
    pub const fn binding() -> Self {
        Self { binding: true, must_bind: true, amplify: 2, approve: 3, second: 3, last: 3 }
    }

    /// One of the first two rounds, whose coins everybody knows.
    pub const fn public() -> Self {
        Self { binding: false, must_bind: false, ..Self::binding() }
    }

    /// Everything that a member can say next.
    fn said(&self, state: &State, me: Member, byzantine: usize) -> Vec<Member> {
        let count = |is: &dyn Fn(&Member) -> bool| state.iter().filter(|m| is(m)).count();
        let e1 = |value: bool| count(&|m| m.sent_e1(value)) + byzantine;
        let e2 = |value: bool| count(&|m| m.e2 == Some(value));
        let e3 = |value: Outcome| count(&|m| m.e3 == Some(value));
        let approved = |value: bool| e1(value) >= self.approve;
        let both = approved(false) && approved(true);
        let agreed = |value: bool| approved(value) && e2(value) + byzantine >= self.second;
        // So many votes that are a quorum, but none for one value.
        let mixed = |zero: usize, one: usize, bot: usize, quorum: usize| {
            zero.min(quorum - 1) + one.min(quorum - 1) + bot + byzantine >= quorum
        };
        let mut said = Vec::new();
        for value in [false, true] {
            if !me.sent_e1(value) && e1(value) >= self.amplify {
                let [zero, one] = me.e1;
                said.push(Member { e1: [zero || !value, one || value], ..me }); // A2
            }
            if me.e2.is_none() && approved(value) {
                said.push(Member { e2: Some(value), ..me }); // A3
            }
            if self.binding && me.e2.is_some() && me.e3.is_none() && agreed(value) {
                said.push(Member { e3: Some(Some(value)), ..me }); // A5
            }
            let comes_out = if self.binding {
                e3(Some(value)) + byzantine >= self.last // A6
            } else {
                agreed(value) // A4
            };
            if me.out.is_none() && comes_out {
                said.push(Member { out: Some(Some(value)), ..me });
            }
        }
        if self.binding && me.e2.is_some() && me.e3.is_none() && both {
            said.push(Member { e3: Some(None), ..me }); // A5
        }
        let mixed = if self.binding {
            mixed(e3(Some(false)), e3(Some(true)), e3(None), self.last) // A6
        } else {
            mixed(e2(false), e2(true), 0, self.second) // A4
        };
        if me.out.is_none() && both && mixed {
            said.push(Member { out: Some(None), ..me });
        }
        said
    }
}

impl Model for Crusader {
    type State = State;

    fn name(&self) -> String {
        let kind =
            if self.binding { "a round with a real coin" } else { "a round with a public coin" };
        kind.into()
    }

    fn initial(&self) -> Vec<State> {
        let ones = |ones: usize| std::array::from_fn(|i| Member::entered(i >= HONEST - ones));
        (0..=HONEST).map(ones).collect()
    }

    fn next(&self, state: &State, byzantine: usize) -> Vec<State> {
        after_one(state, |member| self.said(state, member, byzantine))
    }

    fn check(&self, state: &State) -> Result<(), &'static str> {
        let out = |outcome: Outcome| state.iter().any(|m| m.out == Some(outcome));
        let all = |value: bool| state.iter().all(|m| m.estimate == value);
        for value in [false, true] {
            if all(value) && (out(Some(!value)) || out(None)) {
                return Err("validity");
            }
        }
        if out(Some(false)) && out(Some(true)) { Err("weak agreement") } else { Ok(()) }
    }

    fn check_end(&self, state: &State) -> Result<(), &'static str> {
        let ended = state.iter().all(|member| member.out.is_some());
        if ended { Ok(()) } else { Err("termination") }
    }

    fn values(&self, state: &State) -> u8 {
        let bit = |member: &Member| match member.out {
            Some(Some(value)) => 1 << u8::from(value),
            _ => 0,
        };
        state.iter().map(bit).fold(0, |all, bit| all | bit)
    }

    fn is_bound(&self, state: &State) -> bool {
        self.must_bind && state.iter().any(|member| member.out.is_some())
    }
}
