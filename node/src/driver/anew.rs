//! A node that finds out that its data directory is an old copy goes on as a member that was restored.
//!
//! The others have accepted a later start, and hear nothing of it: the directory was put back from a
//! copy, and what the node has said since is not in it. So it says nothing in what it may have spoken
//! in, as after a loss of power, learns from the others how far they are, and takes part in what comes
//! later. Nothing that it did on the old copy has left it: nobody has accepted that start.

use std::time::Duration;

use quorate_protocol::party::epochs::{self, Epochs, EpochsEvent};

use super::inbox::Inbox;
use super::jobs::Jobs;
use super::repeats::Repeats;
use super::tick::{Held, Tick};
use super::timers::Timers;
use super::turn::Driver;
use super::{NodeError, link};
use crate::net::Lane;

/// How long our own ports may take to be free again.
const PORTS: Duration = Duration::from_secs(20);

impl Driver {
    /// Goes on above a start that the others have seen.
    ///
    /// # Errors
    /// The store or the directory cannot be written, or our ports are taken meanwhile.
    pub(super) async fn begin_anew(&mut self, latest: u64) -> Result<(), NodeError> {
        tracing::warn!(
            "this data directory is an old copy: the node stays out of what was open, and takes part \
             in what is new"
        );
        self.end_turn()?;
        let stopped = |_| NodeError::Driver("the store has stopped");
        let records = self.journal.snapshot().await.map_err(stopped)?;
        let marks = epochs::lost_end(&records, self.keeper.newest()?, rand::random());
        self.journal.append(marks)?;
        // It comes back when all that was handed over is durable. Only then may others listen to us.
        let records = self.journal.snapshot().await.map_err(stopped)?;
        let home = self.keeper.home();
        home.home().raise_start(latest)?;
        if let Some(serving) = self.serving.take() {
            tracing::warn!(
                "members that have not finished the ceremony need this node started again"
            );
            serving.close().await;
        }
        let listen = self.links.listening().to_vec();
        self.links.close().await;
        let (me, lanes) = (self.party.me(), Lane::DECIDING.to_vec());
        let (network, judge) = (&self.network, &self.judge);
        let linked = link(home, network, me, lanes, (listen, PORTS), judge).await?;
        (self.links, self.incoming) = linked;
        self.party = Epochs::new(self.party.config_again(), records)?;
        self.forget_turns();
        self.step(EpochsEvent::Start);
        Ok(())
    }

    /// Forgets what the party before was about to do. Who waits for an answer is told that none comes.
    fn forget_turns(&mut self) {
        let committee = self.party.committee();
        self.inbox = Inbox::new(committee.parties());
        self.tick = Tick::new(committee, self.party.me());
        self.held = Held::new();
        self.timers = Timers::new();
        self.jobs = Jobs::new();
        self.repeats = Repeats::default();
        self.requests.clear();
    }
}
