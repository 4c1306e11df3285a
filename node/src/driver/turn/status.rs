//! How a node is, for whoever asks.

use quorate_protocol::crypto::transcript::Digest;

use super::Driver;
use crate::driver::handle::{DecisionStanding, NodeStatus, PeerStatus};
use crate::net::LinkStatus;

impl Driver {
    pub(super) fn status(&self) -> NodeStatus {
        let (me, party) = (self.party.me(), self.party.status());
        NodeStatus {
            older_copy: self.doubted || self.older && party.returning.is_some(),
            party,
            origin: self.keeper.origin(),
            refresh: self.party.refreshing(),
            network: self.network.name().to_owned(),
            digest: self.network.digest(),
            epoch: self.party.epoch(),
            me,
            name: self.name(me).to_owned(),
            uptime_seconds: self.started.elapsed().as_secs(),
            peers: self.links.status().into_iter().map(|link| self.peer(link)).collect(),
            open: self.party.undecided(),
        }
    }

    pub(super) fn standing(&self, decision: &Digest) -> Option<Box<DecisionStanding>> {
        let standing = self.party.standing(decision);
        let decision = self.party.decision(decision)?;
        Some(Box::new(DecisionStanding { decision, standing, node: self.status() }))
    }

    fn peer(&self, link: LinkStatus) -> PeerStatus {
        PeerStatus {
            party: link.party,
            name: self.name(link.party).to_owned(),
            connected: link.connected.is_some(),
            transport: link.connected,
            last_seen_ms_ago: link.last_seen_ms_ago,
            round_trip_us: link.round_trip_us,
            clock_ahead_ms: link.clock_ahead_ms,
            unacked_frames: link.unacknowledged_frames,
            unacked_bytes: link.unacknowledged_bytes,
            lost_frames: link.lost_frames,
            kept_bytes: self.party.kept_bytes(link.party),
            trouble: link.trouble,
        }
    }
}
