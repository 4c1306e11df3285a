//! A short broadcast: rules R2 to R4, R6 and R7 of the protocol.

use super::{HONEST, Model, after_one};

/// What one honest member has said. Payloads are two: `false` is what an honest sender sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Member {
    /// Its ECHO.
    pub echo: Option<bool>,
    /// Its READY.
    pub ready: Option<bool>,
    /// What it delivered.
    pub delivered: Option<bool>,
}

/// All honest members, in order.
pub type State = [Member; HONEST];

/// A broadcast, with its thresholds.
#[derive(Clone, Copy, Debug)]
pub struct Broadcast {
    /// Whether the sender is honest.
    pub honest: bool,
    /// ECHO of one payload that lead to READY: `n - t`.
    pub echoes: usize,
    /// READY of one payload that one repeats: `t + 1`.
    pub amplify: usize,
    /// READY of one payload that agree on it: `2t + 1`.
    pub readies: usize,
}

impl Broadcast {
    /// One with an honest sender.
    pub const fn honest_sender() -> Self {
        Self { honest: true, echoes: 3, amplify: 2, readies: 3 }
    }

    /// One with a Byzantine sender.
    pub const fn byzantine_sender() -> Self {
        Self { honest: false, ..Self::honest_sender() }
    }

    fn said(&self, state: &State, me: Member, byzantine: usize) -> Vec<Member> {
        let count = |is: &dyn Fn(&Member) -> bool| state.iter().filter(|m| is(m)).count();
        let mut said = Vec::new();
        for payload in [false, true] {
            let echoes = count(&|m| m.echo == Some(payload));
            let readies = count(&|m| m.ready == Some(payload));
            let sent = if self.honest { !payload } else { byzantine > 0 };
            if me.echo.is_none() && sent {
                said.push(Member { echo: Some(payload), ..me }); // R2
            }
            let enough = echoes + byzantine >= self.echoes || readies + byzantine >= self.amplify;
            if me.ready.is_none() && enough {
                said.push(Member { ready: Some(payload), ..me }); // R3
            }
            // R6, R7: an honest member that echoed has it.
            let here = echoes > 0 || byzantine > 0;
            if me.delivered.is_none() && readies + byzantine >= self.readies && here {
                said.push(Member { delivered: Some(payload), ..me }); // R4
            }
        }
        said
    }
}

impl Model for Broadcast {
    type State = State;

    fn name(&self) -> String {
        let sender = if self.honest { "an honest" } else { "a Byzantine" };
        format!("a short broadcast of {sender} sender")
    }

    fn initial(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn next(&self, state: &State, byzantine: usize) -> Vec<State> {
        after_one(state, |member| self.said(state, member, byzantine))
    }

    fn check(&self, state: &State) -> Result<(), &'static str> {
        let delivered = |payload: bool| state.iter().any(|m| m.delivered == Some(payload));
        if self.honest && delivered(true) {
            return Err("integrity");
        }
        if delivered(false) && delivered(true) { Err("agreement") } else { Ok(()) }
    }

    fn check_end(&self, state: &State) -> Result<(), &'static str> {
        let delivered = state.iter().filter(|member| member.delivered.is_some()).count();
        match delivered {
            HONEST => Ok(()),
            0 if !self.honest => Ok(()),
            _ if self.honest => Err("validity"),
            _ => Err("totality"),
        }
    }

    fn values(&self, state: &State) -> u8 {
        let bit = |member: &Member| member.delivered.map_or(0, |value| 1 << u8::from(value));
        state.iter().map(bit).fold(0, |all, bit| all | bit)
    }

    fn is_bound(&self, state: &State) -> bool {
        state.iter().any(|member| member.delivered.is_some())
    }
}
