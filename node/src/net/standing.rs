//! What the other members say of this start of our node ([`incarnation`](super::incarnation)).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quorate_protocol::crypto::identity::IdentityPublic;
use quorate_protocol::{Committee, PartyId};
use tokio::sync::{Notify, mpsc, watch};

use crate::net::LinkEvent;
use crate::net::incarnation::{GRACE, Incarnation, SignedIncarnation};
use crate::net::wire::LinkError;

/// How long members that have accepted another start are given to hear whether that one lives; and half
/// as long again, drawn, so that of two old copies one is back before the other.
pub(super) const DOUBT: Duration = GRACE.saturating_mul(4);

/// How our start is seen.
#[derive(Debug)]
pub(super) struct Standing {
    ours: SignedIncarnation,
    identity: IdentityPublic,
    network: [u8; 32],
    committee: Committee,
    state: Mutex<State>,
    may_speak: watch::Sender<bool>,
    doubted: Notify,
    /// How many members have told us anything.
    heard: watch::Sender<usize>,
    events: mpsc::UnboundedSender<LinkEvent>,
}

#[derive(Debug, Default)]
struct State {
    heard: BTreeSet<PartyId>,
    accepted_by: BTreeSet<PartyId>,
    /// Who says that another start lives.
    other_lives: BTreeSet<PartyId>,
    /// Ours is not the last: the highest number of the others that we were shown.
    older_than: Option<u64>,
    stopped: bool,
}

impl Standing {
    pub(super) fn new(
        ours: SignedIncarnation,
        identity: IdentityPublic,
        network: [u8; 32],
        committee: Committee,
        events: mpsc::UnboundedSender<LinkEvent>,
    ) -> Self {
        Self {
            ours,
            identity,
            network,
            committee,
            state: Mutex::default(),
            may_speak: watch::Sender::new(false),
            doubted: Notify::new(),
            heard: watch::Sender::new(0),
            events,
        }
    }

    /// Whether a member has accepted our start, by what it shows of ours.
    pub(super) fn is_ours(&self, shown: Option<SignedIncarnation>) -> bool {
        shown.is_some_and(|shown| shown.incarnation == self.ours.incarnation)
    }

    /// A member shows the highest start of ours that it has accepted, and says whether that one lives
    /// although we have greeted.
    ///
    /// # Errors
    /// We have never signed what it shows.
    pub(super) fn told(
        &self,
        by: PartyId,
        shown: Option<SignedIncarnation>,
        lives: bool,
    ) -> Result<(), LinkError> {
        let accepted = self.is_ours(shown);
        if let Some(shown) = shown.filter(|_| !accepted)
            && !shown.is_of(&self.identity, &self.network)
        {
            return Err(LinkError::Misbehaved("it shows a start of ours that we never signed"));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.heard.insert(by);
        self.heard.send_replace(state.heard.len());
        let Some(Incarnation { number, .. }) = shown.map(|shown| shown.incarnation) else {
            return Ok(());
        };
        if accepted {
            state.accepted_by.insert(by);
        } else if number >= self.ours.incarnation.number && Some(number) > state.older_than {
            // N7
            state.older_than = Some(number);
            let _ = self.events.send(LinkEvent::Older { than: number });
            self.doubted.notify_one();
        }
        if !accepted && lives {
            state.other_lives.insert(by);
        } else {
            state.other_lives.remove(&by);
        }
        let enough = |who: &BTreeSet<PartyId>| who.len() >= self.committee.one_honest();
        // N6. What was said already is not taken back; from here on nothing more is.
        let may_speak = enough(&state.accepted_by) && state.older_than.is_none() && !state.stopped;
        if enough(&state.other_lives) && !state.stopped {
            state.stopped = true;
            let _ = self.events.send(LinkEvent::OtherLives);
        }
        self.may_speak.send_replace(may_speak && !state.stopped);
        Ok(())
    }

    /// Waits until we may speak for decisions.
    pub(super) async fn may_speak(&self) {
        // The sender is part of this.
        let _ = self.may_speak.subscribe().wait_for(|may| *may).await;
    }

    /// N7: reports that ours is an older start and no other one lives, once the members had time to say
    /// whether one does. Whom `n - t - 1` of them do not hear of decides nothing.
    pub(super) async fn watch(&self) {
        self.doubted.notified().await;
        tokio::time::sleep(DOUBT.mul_f64(rand::random_range(1.0..1.5))).await;
        // Who has accepted ours knows of no other that lives. Of the rest counts what they say from here
        // on: this node may have been cut off, or have stood still, meanwhile.
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.heard = state.accepted_by.clone();
            self.heard.send_replace(state.heard.len());
        }
        let others = self.committee.quorum() - 1;
        // The sender is part of this.
        let _ = self.heard.subscribe().wait_for(|heard| *heard >= others).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.stopped {
            state.stopped = true;
            let _ = self.events.send(LinkEvent::NoneLives);
        }
    }
}
