//! The votes of one round, and what follows from them.

use super::message::Vote;
use crate::committee::{Committee, PartyId, PartySet};
use crate::fault::AgreementFault;
use crate::zoo::{self, Mutant};

/// What crusader agreement gives: a value, or `None` (bot) for "there were both".
pub(super) type Outcome = Option<bool>;

/// Who voted what, each party counted once for each value.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    zero: PartySet,
    one: PartySet,
    bot: PartySet,
}

impl Tally {
    const fn of(&self, value: Outcome) -> PartySet {
        match value {
            Some(false) => self.zero,
            Some(true) => self.one,
            None => self.bot,
        }
    }

    const fn everybody(&self) -> PartySet {
        self.zero.union(self.one).union(self.bot)
    }

    fn add(&mut self, party: PartyId, value: Outcome) {
        match value {
            Some(false) => self.zero.insert(party),
            Some(true) => self.one.insert(party),
            None => self.bot.insert(party),
        };
    }

    /// Counts a vote of which each party has one; the first one stays.
    fn add_only(&mut self, party: PartyId, value: Outcome) -> Result<(), AgreementFault> {
        if self.everybody().contains(party) {
            let same = self.of(value).contains(party);
            if same && zoo::on(Mutant::AbaCountsMessages) {
                let nobody = (64..128).map(PartyId::new).find(|p| !self.of(value).contains(*p));
                nobody.into_iter().for_each(|nobody| self.add(nobody, value));
            }
            return if same { Ok(()) } else { Err(AgreementFault::SecondVote) };
        }
        self.add(party, value);
        Ok(())
    }
}

/// The votes of one round, one's own included.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Round {
    e1: Tally,
    e2: Tally,
    e3: Tally,
}

impl Round {
    /// Counts a vote. A repeated vote changes nothing; a second, different E2 or E3 is a fault.
    pub(super) fn record(&mut self, party: PartyId, vote: Vote) -> Result<(), AgreementFault> {
        match vote {
            Vote::E1(value) => {
                self.e1.add(party, Some(value));
                Ok(())
            }
            Vote::E2(value) => self.e2.add_only(party, Some(value)),
            Vote::E3(value) => self.e3.add_only(party, value),
        }
    }

    /// Counts a DECIDE of an earlier round: E1, E2 and E3 for its value.
    pub(super) fn record_decided(
        &mut self,
        party: PartyId,
        value: bool,
    ) -> Result<(), AgreementFault> {
        if zoo::on(Mutant::AbaNoVirtualVotes) {
            return Ok(());
        }
        self.record(party, Vote::E1(value))?;
        self.record(party, Vote::E2(value))?;
        self.record(party, Vote::E3(Some(value)))
    }

    /// The next vote that `me` owes this round, if any: rules A2 to A5. `binding` rounds have E3.
    pub(super) fn due(&self, me: PartyId, committee: Committee, binding: bool) -> Option<Vote> {
        let bits = [true, false];
        for value in bits {
            let voters = self.e1.of(Some(value));
            let enough = zoo::instead(committee.one_honest(), Mutant::AbaE1ByOne, 1);
            if voters.len() >= enough && !voters.contains(me) {
                return Some(Vote::E1(value)); // A2
            }
        }
        let mut approved = bits.into_iter().filter(|value| self.approves(*value, committee));
        if !self.e2.everybody().contains(me) {
            return approved.next().map(Vote::E2); // A3
        }
        if binding && !self.e3.everybody().contains(me) {
            if zoo::on(Mutant::AbaE3FromApproved) {
                return approved.next().map(Some).map(Vote::E3);
            }
            if let Some(value) = self.agreed_by_e2(committee) {
                return Some(Vote::E3(Some(value))); // A5
            }
            return (approved.count() == 2).then_some(Vote::E3(None)); // A5
        }
        None
    }

    /// The outcome, once there is one: rule A4, in `binding` rounds A6.
    pub(super) fn outcome(&self, committee: Committee, binding: bool) -> Option<Outcome> {
        let quorum = committee.quorum();
        let (agreed, last) = if binding {
            let enough = zoo::instead(quorum, Mutant::AbaE3Quorum, committee.one_honest());
            let agreed =
                [false, true].into_iter().find(|value| self.e3.of(Some(*value)).len() >= enough);
            (agreed, &self.e3)
        } else {
            (self.agreed_by_e2(committee), &self.e2)
        };
        if agreed.is_some() {
            return Some(agreed);
        }
        let both = self.approves(false, committee) && self.approves(true, committee);
        (both && last.everybody().len() >= quorum).then_some(None)
    }

    /// A wrong [`outcome`](Self::outcome) of a binding round, to show why it is wrong: E3 is only
    /// waited for, and the value comes from one's own E2.
    pub(super) fn outcome_of_own_set(&self, committee: Committee) -> Option<Outcome> {
        if self.e3.everybody().len() < committee.quorum() {
            return None;
        }
        self.outcome(committee, false)
    }

    /// The votes of one party, for sending them again.
    pub(super) fn votes_of(&self, party: PartyId) -> impl Iterator<Item = Vote> + use<> {
        let Self { e1, e2, e3 } = *self;
        let bits = [false, true].into_iter();
        let e1 = bits.clone().filter(move |v| e1.of(Some(*v)).contains(party)).map(Vote::E1);
        let e2 = bits.filter(move |v| e2.of(Some(*v)).contains(party)).map(Vote::E2);
        let values = [Some(false), Some(true), None].into_iter();
        let e3 = values.filter(move |v| e3.of(*v).contains(party)).map(Vote::E3);
        e1.chain(e2).chain(e3)
    }

    fn approves(&self, value: bool, committee: Committee) -> bool {
        let (right, few) = (committee.quorum(), committee.one_honest());
        self.e1.of(Some(value)).len() >= zoo::instead(right, Mutant::AbaApproves, few)
    }

    /// The approved value, if any, for which a quorum sent E2.
    fn agreed_by_e2(&self, committee: Committee) -> Outcome {
        let (right, few) = (committee.quorum(), committee.one_honest());
        let quorum = zoo::instead(right, Mutant::AbaE2Quorum, few);
        [false, true].into_iter().find(|value| {
            self.approves(*value, committee) && self.e2.of(Some(*value)).len() >= quorum
        })
    }
}
