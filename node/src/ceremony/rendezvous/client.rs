//! The side of those who were invited.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{DialError, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, TransportError, ping};
use libp2p_stream::{Control, OpenStreamError};
use quorate_protocol::limits;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::wire::{self, MAX_UPDATE, Update};
use super::{PATIENCE, PROTOCOL};
use crate::ceremony::gathering::{Refusal, Registration};
use crate::ceremony::invite::Invite;
use crate::net::{backoff, swarm};
use crate::roster::Network;

/// Shortest and longest wait before the coordinator is tried again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What a member hears from the coordinator.
#[derive(Debug)]
pub enum Heard {
    /// The coordinator cannot be reached, for this reason; it is tried again.
    Unreachable(String),
    /// This organisation is registered, with these before and after it.
    Listed(Vec<String>),
    /// The roster. The last thing that is heard.
    Roster(Box<Network>),
    /// This organisation is not wanted. The last thing that is heard.
    Refused(Refusal),
    /// What the coordinator sent as roster is none. The last thing that is heard.
    NoRoster(String),
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    streams: libp2p_stream::Behaviour,
    ping: ping::Behaviour,
}

/// Whether the coordinator is reached.
#[derive(Clone, Default)]
struct Reach {
    connected: bool,
    problem: Option<String>,
}

/// Registers with the coordinator and listens to it until the roster is there, for ever if need be.
///
/// # Errors
/// The machine has no network at all.
pub async fn visit(
    keys: Keypair,
    invite: &Invite,
    registration: Registration,
    heard: mpsc::Sender<Heard>,
) -> io::Result<()> {
    let none = || io::Error::other("the coordinator has no address");
    let coordinator = invite.coordinator.peer_id().ok_or_else(none)?;
    let addresses = invite.rendezvous.addresses().map_err(io::Error::other)?;
    let streams = libp2p_stream::Behaviour::new();
    let behaviour = Behaviour { streams, ping: ping::Behaviour::new(ping::Config::new()) };
    let swarm = swarm::build_swarm(keys, behaviour)?;
    let control = swarm.behaviour().streams.new_control();
    let (reach, reached) = watch::channel(Reach::default());
    let visit = Visit { coordinator, control, registration, heard, reached };
    tokio::select! {
        () = visit.run() => Ok(()),
        never = connect(swarm, coordinator, addresses, reach) => match never {},
    }
}

/// Keeps a connection to the coordinator, for ever.
async fn connect(
    mut swarm: Swarm<Behaviour>,
    coordinator: PeerId,
    addresses: Vec<Multiaddr>,
    reach: watch::Sender<Reach>,
) -> Infallible {
    let mut failures = 0;
    let mut dial_in = Some(Duration::ZERO);
    loop {
        let dialling = async {
            match dial_in {
                Some(length) => tokio::time::sleep(length).await,
                None => std::future::pending().await,
            }
        };
        let failure = tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { .. } => {
                    failures = 0;
                    reach.send_replace(Reach { connected: true, problem: None });
                    continue;
                }
                SwarmEvent::ConnectionClosed { num_established: 0, .. } => {
                    "the connection was closed".to_owned()
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => reason(&error),
                _ => continue,
            },
            () = dialling => {
                dial_in = None;
                let options = DialOpts::peer_id(coordinator)
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .addresses(addresses.clone())
                    .build();
                match swarm.dial(options) {
                    Ok(()) => continue,
                    Err(error) => reason(&error),
                }
            }
        };
        reach.send_replace(Reach { connected: false, problem: Some(failure) });
        dial_in = Some(backoff(failures, AGAIN));
        failures += 1;
    }
}

fn reason(error: &DialError) -> String {
    match error {
        DialError::WrongPeerId { address, .. } => {
            format!("another node than the coordinator's answers at {address}")
        }
        DialError::Transport(tried) => {
            let refused = |why: &TransportError<io::Error>| match why {
                TransportError::Other(error) => deepest(error),
                other => other.to_string(),
            };
            let last = tried.last().map(|(_, why)| refused(why));
            last.unwrap_or_else(|| error.to_string())
        }
        other => other.to_string(),
    }
}

/// The last cause of an error: what the system said.
fn deepest(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => deepest(source),
        None => error.to_string(),
    }
}

/// Tries to hear the roster.
struct Visit {
    coordinator: PeerId,
    control: Control,
    registration: Registration,
    heard: mpsc::Sender<Heard>,
    reached: watch::Receiver<Reach>,
}

impl Visit {
    async fn run(mut self) {
        let mut tries = 0;
        while self.connected().await {
            let trouble = match self.session(&mut tries).await {
                Ok(()) => return,
                Err(error) => deepest(&error),
            };
            if self.heard.send(Heard::Unreachable(trouble)).await.is_err() {
                return;
            }
            tokio::time::sleep(backoff(tries, AGAIN)).await;
            tries += 1;
        }
    }

    /// Waits for a connection; false if nobody listens any more.
    async fn connected(&mut self) -> bool {
        loop {
            let now = self.reached.borrow_and_update().clone();
            if now.connected {
                return true;
            }
            if let Some(problem) = now.problem
                && self.heard.send(Heard::Unreachable(problem)).await.is_err()
            {
                return false;
            }
            if self.reached.changed().await.is_err() {
                return false;
            }
        }
    }

    /// One stream to the coordinator; comes back when there is nothing more to hear.
    async fn session(&mut self, tries: &mut u32) -> io::Result<()> {
        let opening = self.control.open_stream(self.coordinator, PROTOCOL);
        let mut stream = match timeout(PATIENCE, opening).await? {
            Ok(stream) => stream,
            Err(OpenStreamError::Io(error)) => return Err(error),
            Err(other) => return Err(io::Error::other(other)),
        };
        timeout(PATIENCE, wire::write(&mut stream, &self.registration)).await??;
        loop {
            let (heard, more) = match wire::read(&mut stream, MAX_UPDATE).await? {
                Update::Listed(mut names) => {
                    *tries = 0;
                    names.truncate(limits::MAX_PARTIES);
                    (Heard::Listed(names), true)
                }
                Update::Roster(text) => match Network::parse(&text) {
                    Ok(roster) => (Heard::Roster(Box::new(roster)), false),
                    Err(error) => (Heard::NoRoster(error.to_string()), false),
                },
                Update::Refused(refusal) => (Heard::Refused(refusal), false),
            };
            let gone = self.heard.send(heard).await.is_err();
            if gone || !more {
                return Ok(());
            }
        }
    }
}
