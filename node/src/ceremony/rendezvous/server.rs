//! The coordinator's side.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{AsyncReadExt as _, StreamExt};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, Swarm, ping};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::wire::{self, MAX_REGISTRATION, Update};
use super::{PATIENCE, PROTOCOL};
use crate::ceremony::gathering::{Gathering, Refusal, Registration};
use crate::cli::time;
use crate::net::{ListenError, swarm};
use crate::roster::RosterError;

/// Connections at the same time: every member twice, after a restart, and strangers.
const MAX_CONNECTIONS: u32 = 512;
/// Connections that are being made at the same time.
const MAX_PENDING: u32 = 64;
const CONNECTIONS_PER_PEER: u32 = 2;
/// Streams that are attended to at the same time, each with a registration in memory at most.
const MAX_STREAMS: usize = 1024;

/// The coordinator's list, shared by those who change it and those who watch it.
#[derive(Debug)]
pub struct Hall {
    gathering: Mutex<Gathering>,
    path: PathBuf,
    changed: watch::Sender<()>,
}

impl Hall {
    /// Opens the list in a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Self, RosterError> {
        let gathering = Mutex::new(Gathering::read(path)?);
        Ok(Self { gathering, path: path.to_owned(), changed: watch::Sender::default() })
    }

    /// The list as it is now.
    pub fn now(&self) -> Gathering {
        self.lock().clone()
    }

    /// Says when the list has changed.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Takes a member off the list; true if it was on it.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn turn_away(&self, name: &str) -> Result<bool, RosterError> {
        self.change(|gathering| Ok(gathering.turn_away(name)))
    }

    /// Makes the roster.
    ///
    /// # Errors
    /// Not all are there, or it cannot be written.
    pub fn make_roster(&self) -> Result<(), RosterError> {
        self.change(|gathering| gathering.make_roster().map(|_| true)).map(drop)
    }

    fn register(&self, peer: PeerId, registration: &Registration) -> Result<(), Refusal> {
        let now_ms = time::now_ms();
        let mut refusal = None;
        let written = self.change(|gathering| {
            Ok(gathering.register(peer, registration, now_ms).unwrap_or_else(|why| {
                refusal = Some(why);
                false
            }))
        });
        if let Err(error) = written {
            tracing::error!("the list of members cannot be written: {error}");
            refusal = Some(Refusal::Card("the coordinator cannot write it down".to_owned()));
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Changes the list if that can be written, and tells whoever watches.
    fn change(
        &self,
        change: impl FnOnce(&mut Gathering) -> Result<bool, RosterError>,
    ) -> Result<bool, RosterError> {
        let mut gathering = self.lock();
        let mut changed = gathering.clone();
        let different = change(&mut changed)?;
        if different {
            changed.write(&self.path)?;
            *gathering = changed;
            self.changed.send_replace(());
        }
        Ok(different)
    }

    fn is_listed(&self, peer: PeerId) -> bool {
        self.lock().standing(peer).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open rendezvous. Dropping it closes it.
#[derive(Debug)]
pub struct Rendezvous {
    listening: Vec<Multiaddr>,
    task: JoinHandle<()>,
}

impl Rendezvous {
    /// Listens for members with the coordinator's transport key.
    ///
    /// # Errors
    /// The address of the invite cannot be listened on.
    pub async fn open(keys: Keypair, hall: Arc<Hall>) -> Result<Self, ListenError> {
        let failed = |address, reason| ListenError { address, reason };
        let nowhere = |reason| failed(Multiaddr::empty(), reason);
        let addresses = hall.now().invite().rendezvous.listen_addresses();
        let addresses = addresses.map_err(|error| nowhere(io::Error::other(error)))?;
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(MAX_PENDING))
            .with_max_established(Some(MAX_CONNECTIONS))
            .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER));
        let behaviour = Behaviour {
            limits: connection_limits::Behaviour::new(limits),
            streams: libp2p_stream::Behaviour::new(),
            ping: ping::Behaviour::new(ping::Config::new()),
        };
        let mut swarm = swarm::build_swarm(keys, behaviour).map_err(nowhere)?;
        let listening = swarm::listen(&mut swarm, &addresses, Duration::ZERO)
            .await
            .map_err(|(address, reason)| failed(address, reason))?
            .open;
        let task = tokio::spawn(run(swarm, hall));
        Ok(Self { listening, task })
    }

    /// Where it listens.
    pub fn listening(&self) -> &[Multiaddr] {
        &self.listening
    }
}

impl Drop for Rendezvous {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    streams: libp2p_stream::Behaviour,
    ping: ping::Behaviour,
}

async fn run(mut swarm: Swarm<Behaviour>, hall: Arc<Hall>) {
    let mut control = swarm.behaviour().streams.new_control();
    let Ok(mut streams) = control.accept(PROTOCOL) else {
        // Nobody else has the control of a swarm that was just made.
        return tracing::error!("the rendezvous cannot take streams");
    };
    let mut visits = JoinSet::new();
    let mut connections: BTreeMap<ConnectionId, (PeerId, Instant)> = BTreeMap::new();
    let mut look = tokio::time::interval(PATIENCE / 3);
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                    connections.insert(connection_id, (peer_id, Instant::now()));
                }
                SwarmEvent::ConnectionClosed { connection_id, .. } => {
                    connections.remove(&connection_id);
                }
                SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                    tracing::error!(?addresses, ?reason, "the rendezvous no longer listens");
                }
                _ => {}
            },
            Some((peer, stream)) = streams.next() => {
                if visits.len() < MAX_STREAMS {
                    visits.spawn(attend(peer, stream, Arc::clone(&hall)));
                }
            }
            Some(_) = visits.join_next() => {}
            // Whoever has not registered in time goes.
            _ = look.tick() => for (connection, (peer, since)) in &connections {
                if since.elapsed() > PATIENCE && !hall.is_listed(*peer) {
                    swarm.close_connection(*connection);
                }
            },
        }
    }
}

/// (V1) and (V2) with one member, or with somebody who is none.
async fn attend(peer: PeerId, mut stream: Stream, hall: Arc<Hall>) {
    if let Err(error) = visit(peer, &mut stream, &hall).await {
        tracing::debug!(%peer, "a visit ended: {error}");
    }
}

async fn visit(peer: PeerId, stream: &mut Stream, hall: &Hall) -> io::Result<()> {
    let registration = timeout(PATIENCE, wire::read(stream, MAX_REGISTRATION)).await??;
    let mut changes = hall.watch();
    if let Err(refusal) = hall.register(peer, &registration) {
        tracing::info!(%peer, "not registered: {refusal}");
        return tell(stream, &Update::Refused(refusal)).await;
    }
    loop {
        changes.mark_unchanged();
        let now = hall.now();
        // The operator may have turned it away meanwhile.
        if let Err(refusal) = now.standing(peer) {
            return tell(stream, &Update::Refused(refusal)).await;
        }
        if let Some(roster) = now.roster() {
            return tell(stream, &Update::Roster(roster.to_toml())).await;
        }
        let names = now.cards().iter().map(|card| card.name.clone()).collect();
        tell(stream, &Update::Listed(names)).await?;
        let mut more = [0];
        tokio::select! {
            changed = changes.changed() => changed.map_err(io::Error::other)?,
            // Members say nothing more: this is the end, or nonsense.
            _ = stream.read(&mut more) => return Ok(()),
        }
    }
}

async fn tell(stream: &mut Stream, update: &Update) -> io::Result<()> {
    timeout(PATIENCE, wire::write(stream, update)).await??;
    if !matches!(update, Update::Listed(_)) {
        futures::AsyncWriteExt::close(stream).await?;
    }
    Ok(())
}
