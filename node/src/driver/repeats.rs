//! Says again to members what they lost: a peer that was away for so long that its link gave up, or
//! that lost what it had.
//!
//! Nothing of what was said is kept for that: the party is made once more from its store, on another
//! thread, and says what it said. One member at a time, and one that asks meanwhile once more.

use std::collections::BTreeSet;

use quorate_protocol::PartyId;
use quorate_protocol::party::epochs::{Epochs, Repeat, Word};
use tokio::task::JoinSet;

use crate::store::Journal;

/// What is said again to a member.
pub(super) struct Words {
    pub to: PartyId,
    pub words: Vec<Word>,
}

/// Members that lost something.
#[derive(Default)]
pub(super) struct Repeats {
    asked: BTreeSet<(PartyId, Repeat)>,
    making: JoinSet<Option<Words>>,
}

impl Repeats {
    /// This member is to hear something again.
    pub(super) fn ask(&mut self, to: PartyId, repeat: Repeat) {
        self.asked.insert((to, repeat));
    }

    /// Begins with the next member, if none is under way.
    pub(super) fn start(&mut self, journal: &Journal, party: &Epochs) {
        if !self.making.is_empty() {
            return;
        }
        let Some((to, repeat)) = self.asked.pop_first() else { return };
        let (stored, config) = (journal.snapshot(), party.config_again());
        self.making.spawn(async move {
            let records = stored.await.ok()?;
            let words = move || Some(Epochs::new(config, records).ok()?.words_for(to, repeat));
            let words = tokio::task::spawn_blocking(words).await.ok().flatten()?;
            tracing::info!(member = %to, messages = words.len(), "said again");
            Some(Words { to, words })
        });
    }

    /// What is said next. Waits for ever if nothing is under way.
    pub(super) async fn next(&mut self) -> Words {
        loop {
            match self.making.join_next().await {
                Some(Ok(Some(words))) => return words,
                Some(_) => tracing::error!("what was said could not be said again"),
                None => std::future::pending().await,
            }
        }
    }
}
