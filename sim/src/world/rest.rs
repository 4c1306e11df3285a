//! When nothing happens any more: how all stand.

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::decision::ledger::Entry;

use super::World;
use super::actor::Real;
use super::member::FIRST_EPOCH;
use crate::checker::{Standing, What};
use crate::trace::{Event as Told, Mark};

impl World {
    /// Nothing is left to happen: how does everybody stand?
    pub(super) fn rest(&mut self) {
        self.trace.event(self.pending.now(), &Told::Rest);
        self.observe(What::Steps(self.steps));
        self.look();
        self.honest().iter().for_each(|by| self.show_kept(by));
        let stranded = self.stranded();
        self.ghost.strand(stranded);
        for by in stranded.iter() {
            self.trace.at(self.pending.now(), by, Mark::Stranded);
        }
        for by in self.honest().iter() {
            let Some(party) = self.party(by) else { continue };
            let erased = party.archives().iter().flat_map(|(epoch, archive)| {
                let standing = |entry: &Entry| Standing {
                    decision: entry.digest,
                    epoch: *epoch,
                    position: Some(entry.position),
                    certified: archive.certificate(&entry.digest).is_some(),
                    waiting: "nothing: its epoch is erased".into(),
                };
                archive.entries().iter().map(standing)
            });
            let live = (FIRST_EPOCH..=party.epoch()).filter_map(|epoch| party.party(epoch));
            let live = live.flat_map(|party| {
                party.decisions().into_iter().map(|view| Standing {
                    decision: view.digest,
                    epoch: party.epoch(),
                    position: view.position,
                    certified: view.outcome.is_some(),
                    waiting: format!("{} ({})", view.waiting, view.id),
                })
            });
            let standing: Vec<Standing> = erased.chain(live).collect();
            for open in standing.iter().filter(|standing| !standing.certified) {
                let mark = Mark::Undecided(open.position, &open.waiting);
                self.trace.at(self.pending.now(), by, mark);
            }
            self.observe(What::AtRest { by, standing: &standing });
            self.show_store(by);
        }
    }

    /// Honest parties that a refresh left behind for good, as `protocol`'s `party::epochs` says that it
    /// may: one was restored and may have spoken in the refresh; or a Byzantine dealer gave one what is
    /// wrong, and when that was heard of, all but `t` honest ones had erased what the party would have
    /// needed of them.
    fn stranded(&self) -> PartySet {
        let honest = self.honest();
        let refresh = |party, epoch| self.party(party).and_then(|party| party.refresh(epoch));
        let helps = |party, epoch| refresh(party, epoch).is_some_and(|r| r.making().is_some());
        let barred = |party: &Real| party.current().is_barred_from_refresh();
        let is_stranded = |party: &PartyId| {
            let Some(epoch) = self.party(*party).map(Real::epoch) else { return false };
            if self.party(*party).is_some_and(barred) {
                return self.plan.noticing().contains(*party);
            }
            let helpers = honest.iter().filter(|other| other != party && helps(*other, epoch));
            refresh(*party, epoch).is_some_and(|refresh| refresh.made().is_none())
                && self.disputes.contains(&(*party, epoch))
                && helpers.count() <= self.plan.committee.t()
        };
        honest.iter().filter(is_stranded).collect()
    }
}
