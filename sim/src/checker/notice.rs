//! Whoever shows an honest party a fault that it cannot overlook is named by it.
//!
//! - *Two messages where one is allowed*: two SENDs of a broadcast's sender, two ECHOs or two READYs of one
//!   party; or a SEND of another. By whoever has spoken in the broadcast before both came, and goes on in it.
//! - *A ballot of the wrong shape*: by whoever has the decision open and takes part in it.
//! - *Another outcome* under a member's own signature: by whoever signs one itself, and has the decision
//!   open when the other comes, as the member's first.
//! - *A certificate that does not hold*: by whoever has the decision open.
//! - *A dealer's fault that is proven*: by whoever complains of it, or reveals its share for a complaint.
//!
//! Faults do not say in which instance they were found. Each of these is found in one, so that there must
//! be as many as instances with such a fault.
//!
//! Nothing can be demanded of members that are killed, who may have told of a fault just when they were,
//! nor of the rest, which may come when the instance is gone: wrong shares of openings in preprocessing and
//! of signatures, since a run ends and a certificate comes without them; votes of an agreement and shares
//! of its coins, since it halts; dealings that do not hold, pieces that do not fit and complaints without
//! ground, since a run does without a dealing before it is checked. Garbled frames, documents and what
//! belongs to a refresh, which has its own order, are not followed. That the most obvious of these are named
//! somewhere is tested behaviour by behaviour. Wrong shares of masks and computations are the concern of
//! `completeness`.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::certifying::{self, Certified};
use quorate_protocol::decision::life;
use quorate_protocol::fault::{DecisionFault, FaultKind, SharingFault};
use quorate_protocol::party::Message;
use quorate_protocol::sharing::acss;

use super::instance::{Instance, broadcast, sharing};
use super::{Checker, Observation, What, certificate};
use crate::Wire;
use crate::ghost::Ghost;

/// What sort of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Sort {
    /// In a broadcast, or what it carries.
    Broadcast,
    /// Another outcome.
    Outcome,
    /// A certificate.
    Certificate,
    /// A dealing.
    Dealing,
}

/// An instance, in an epoch.
type At = (u64, Instance);

/// Messages of which each party says one in a broadcast.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Once {
    Send,
    Echo,
    Ready,
}

/// A decision that is open at a party.
#[derive(Default)]
struct Open {
    epoch: u64,
    decision: Option<Digest>,
    /// Whether the party has said something in it.
    takes_part: bool,
    /// Under the party's own signature.
    outcome: Option<Outcome>,
    /// The first of each other member.
    outcomes: BTreeMap<PartyId, Outcome>,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Notice {
    /// Who has spoken in which broadcast.
    spoken: BTreeSet<(PartyId, At)>,
    /// What came first of what is said once, since the party spoke: digests of it.
    first: BTreeMap<(PartyId, At, PartyId, Once), Digest>,
    /// Whoever showed a fault in a broadcast, until the party that saw it speaks there again.
    shown: BTreeMap<(PartyId, At), BTreeSet<PartyId>>,
    open: BTreeMap<(PartyId, u64), Open>,
    /// Whose outcome came before the decision was open, by who heard it: what came first is kept.
    early: BTreeSet<(PartyId, u64, PartyId)>,
    /// Instances with a fault that must have been named: by whom, who, what.
    due: BTreeMap<(PartyId, PartyId, Sort), BTreeSet<At>>,
    /// How often that was.
    named: BTreeMap<(PartyId, PartyId, Sort), usize>,
}

const fn sort(kind: FaultKind) -> Option<Sort> {
    Some(match kind {
        FaultKind::Rbc(_) | FaultKind::Decision(DecisionFault::MalformedVote) => Sort::Broadcast,
        FaultKind::Decision(DecisionFault::WrongOutcome) => Sort::Outcome,
        FaultKind::Decision(DecisionFault::BadCertificate) => Sort::Certificate,
        FaultKind::Sharing(SharingFault::FalseComplaint) => return None,
        FaultKind::Sharing(_) => Sort::Dealing,
        _ => return None,
    })
}

/// What of a broadcast's message is said once, and that.
fn once(message: &rbc::Message) -> Option<(Once, Digest)> {
    Some(match message {
        rbc::Message::Send { payload, .. } => {
            (Once::Send, Digest::from(*blake3::hash(payload).as_bytes()))
        }
        rbc::Message::Echo(digest) => (Once::Echo, *digest),
        rbc::Message::Ready(digest) => (Once::Ready, *digest),
        _ => return None,
    })
}

/// The broadcast that a message is of, but in a refresh.
fn followed(message: &Wire) -> Option<(Instance, PartyId, &rbc::Message)> {
    if matches!(message, Message::Refresh(_)) { None } else { broadcast(message) }
}

impl Notice {
    fn said(&mut self, by: PartyId, epoch: u64, message: &Wire) -> Result<(), String> {
        if let Some((instance, _, m)) = followed(message)
            && once(m).is_some()
        {
            let at = (epoch, instance);
            self.spoken.insert((by, at));
            for who in self.shown.remove(&(by, at)).unwrap_or_default() {
                self.demand(by, who, Sort::Broadcast, at)?;
            }
        }
        if let Some((instance, dealer, acss::Message::Complain(_) | acss::Message::Reveal(_))) =
            sharing(message)
        {
            self.demand(by, dealer, Sort::Dealing, (epoch, instance))?;
        }
        let Message::Decision(position, m) = message else { return Ok(()) };
        if let Some(open) = self.open.get_mut(&(by, *position))
            && open.epoch == epoch
            && !matches!(m, life::Message::Certified(_))
        {
            open.takes_part = true;
            if let life::Message::Certify(certifying::Message::Own(outcome, _)) = m {
                open.outcome = Some(*outcome);
            }
        }
        Ok(())
    }

    fn handled(
        &mut self,
        ghost: &Ghost,
        (by, from): (PartyId, PartyId),
        epoch: u64,
        message: &Wire,
    ) -> Result<(), String> {
        if let Some((instance, sender, m)) = followed(message)
            && let Some((kind, digest)) = once(m)
            && self.spoken.contains(&(by, (epoch, instance)))
        {
            let at = (epoch, instance);
            let first = *self.first.entry((by, at, from, kind)).or_insert(digest);
            if first != digest || kind == Once::Send && from != sender {
                self.shown.entry((by, at)).or_default().insert(from);
            }
        }
        let Message::Decision(position, m) = message else { return Ok(()) };
        let at = (epoch, Instance::Decision(*position));
        let own = matches!(m, life::Message::Certify(certifying::Message::Own(..)));
        let Some(open) = self.open.get_mut(&(by, *position)).filter(|open| open.epoch == epoch)
        else {
            if own {
                self.early.insert((by, *position, from));
            }
            return Ok(());
        };
        if let (Some((Instance::Ballot(..), voter, rbc::Message::Send { payload, .. })), true) =
            (broadcast(message), open.takes_part)
            && voter == from
            && let Some(asked) = open.decision.and_then(|digest| ghost.questions.get(&digest))
        {
            let bits = asked.proposal.rule.cost(ghost.committee.n()).mask_bits_per_voter;
            if Ballot::decode(payload, bits).is_none() {
                let at = (epoch, Instance::Ballot(*position, voter));
                return self.demand(by, from, Sort::Broadcast, at);
            }
        }
        match m {
            life::Message::Certify(certifying::Message::Own(outcome, _))
                if !self.early.contains(&(by, *position, from)) =>
            {
                open.outcomes.entry(from).or_insert(*outcome);
            }
            life::Message::Certified(certified) if !holds(ghost, *position, certified) => {
                return self.demand(by, from, Sort::Certificate, at);
            }
            _ => {}
        }
        let Some(ours) = open.outcome else { return Ok(()) };
        let others = open.outcomes.extract_if(.., |_, outcome| *outcome != ours);
        let others: Vec<PartyId> = others.map(|(who, _)| who).collect();
        others.into_iter().try_for_each(|who| self.demand(by, who, Sort::Outcome, at))
    }

    /// One more instance in which `who` must have been named by now.
    fn demand(&mut self, by: PartyId, who: PartyId, sort: Sort, at: At) -> Result<(), String> {
        let due = self.due.entry((by, who, sort)).or_default();
        due.insert(at);
        let (due, named) = (due.len(), self.named.get(&(by, who, sort)).copied().unwrap_or(0));
        if named >= due {
            return Ok(());
        }
        let (epoch, instance) = at;
        Err(format!(
            "{who} showed {by} faults of the sort {sort:?} in {due} instances, the last in epoch \
             {epoch}, {instance:?}, and was named {named} times"
        ))
    }
}

/// Whether a certificate holds, as one of this position.
fn holds(ghost: &Ghost, position: u64, certified: &Certified) -> bool {
    let Certified { certificate, .. } = certified;
    certificate.statement.position == position
        && ghost
            .network
            .as_ref()
            .is_none_or(|network| certificate::verify(&certificate.to_bytes(), network).is_ok())
}

impl Checker for Notice {
    fn name(&self) -> &'static str {
        "notice"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let steady = |by: PartyId| !ghost.unsteady.contains(by);
        match seen.what {
            What::Said { by, epoch, message, .. } if steady(by) => self.said(by, epoch, message),
            What::Handled { from, by, epoch, message, .. } if steady(by) => {
                self.handled(ghost, (by, from), epoch, message)
            }
            What::Blamed { by, fault } => {
                if let Some(sort) = sort(fault.kind) {
                    *self.named.entry((by, fault.party, sort)).or_default() += 1;
                }
                Ok(())
            }
            What::Ordered { by, epoch, decision, position } if steady(by) => {
                let open = Open { epoch, decision: Some(decision), ..Open::default() };
                self.open.insert((by, position), open);
                Ok(())
            }
            What::Certified { by, statement, .. } => {
                self.open.remove(&(by, statement.position));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
