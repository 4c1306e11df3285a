//! What the other members say of this start of our node ([`incarnation`](super::incarnation)).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quorate_protocol::PartyId;
use quorate_protocol::crypto::identity::IdentityPublic;
use tokio::sync::{Notify, mpsc, watch};

use crate::net::LinkEvent;
use crate::net::incarnation::{GRACE, SignedIncarnation};
use crate::net::wire::LinkError;

/// How long members that have accepted another start are given to hear whether that one lives.
const DOUBT: Duration = GRACE.saturating_mul(5);

/// How our start is seen.
#[derive(Debug)]
pub(super) struct Standing {
    ours: SignedIncarnation,
    identity: IdentityPublic,
    network: [u8; 32],
    /// So many that one of them is honest.
    one_honest: usize,
    state: Mutex<State>,
    may_speak: watch::Sender<bool>,
    doubted: Notify,
    events: mpsc::UnboundedSender<LinkEvent>,
}

#[derive(Debug, Default)]
struct State {
    accepted_by: BTreeSet<PartyId>,
    /// Who says that another start lives.
    other_lives: BTreeSet<PartyId>,
    /// Ours is not the last.
    is_old: bool,
    stopped: bool,
}

impl Standing {
    pub(super) fn new(
        ours: SignedIncarnation,
        identity: IdentityPublic,
        network: [u8; 32],
        one_honest: usize,
        events: mpsc::UnboundedSender<LinkEvent>,
    ) -> Self {
        Self {
            ours,
            identity,
            network,
            one_honest,
            state: Mutex::default(),
            may_speak: watch::Sender::new(false),
            doubted: Notify::new(),
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
        let Some(shown) = shown else { return Ok(()) };
        let accepted = self.is_ours(Some(shown));
        if !accepted && !shown.is_of(&self.identity, &self.network) {
            return Err(LinkError::Misbehaved("it shows a start of ours that we never signed"));
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted {
            state.accepted_by.insert(by);
        } else if shown.incarnation.number >= self.ours.incarnation.number {
            state.is_old = true;
            self.doubted.notify_one();
        }
        if !accepted && lives {
            state.other_lives.insert(by);
        } else {
            state.other_lives.remove(&by);
        }
        let enough = |who: &BTreeSet<PartyId>| who.len() >= self.one_honest;
        // N6. What was said already is not taken back; from here on nothing more is.
        let may_speak = enough(&state.accepted_by) && !state.is_old && !state.stopped;
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

    /// N5: reports that ours is an old start, once the members had time to say whether another lives.
    pub(super) async fn watch(&self) {
        self.doubted.notified().await;
        tokio::time::sleep(DOUBT).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.stopped {
            state.stopped = true;
            let _ = self.events.send(LinkEvent::OldCopy);
        }
    }
}
