//! Addresses that are still in use when a node begins again in the same process: QUIC keeps a socket
//! until the connections of before have drained, three times as long as their peers last took to
//! answer. The node goes on without, and listens there as soon as they are free.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;
use libp2p::swarm::{NetworkBehaviour, Swarm};
use tokio::time::Instant;

use crate::net::swarm;

/// How often they are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Addresses to listen on later.
pub(super) struct Late {
    in_use: Vec<Multiaddr>,
    at: Instant,
    listeners: HashSet<ListenerId>,
}

impl Late {
    pub(super) fn new(in_use: Vec<Multiaddr>) -> Self {
        Self { in_use, at: Instant::now() + EVERY, listeners: HashSet::new() }
    }

    /// When to look again.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.in_use.is_empty()).then_some(self.at)
    }

    /// Listens where it has become possible.
    pub(super) fn look<B: NetworkBehaviour>(&mut self, swarm: &mut Swarm<B>) {
        if self.at > Instant::now() {
            return;
        }
        self.at = Instant::now() + EVERY;
        self.in_use.retain(|address| {
            if swarm::probe(address).is_err() {
                return true;
            }
            match swarm.listen_on(address.clone()) {
                Ok(listener) => {
                    self.listeners.insert(listener);
                    false
                }
                Err(error) => {
                    tracing::debug!(%address, "cannot listen yet: {error}");
                    true
                }
            }
        });
    }

    /// Whether this is a listener of ours.
    pub(super) fn is_of(&self, listener: ListenerId) -> bool {
        self.listeners.contains(&listener)
    }
}
