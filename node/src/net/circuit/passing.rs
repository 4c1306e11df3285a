//! Circuits of others that run over this member.
//!
//! # Limits
//! - (L1) A neighbour opens circuits so often ([`bounds::circuit_rate`]), and has so many at the same
//!   time of which it has not said yet where they go. More are dropped. It is not disconnected: it may
//!   be passing them on for somebody else.
//! - (L2) As many run over one connection as honest members can need ([`bounds::circuits`]). If there
//!   are more, those ends when theirs is the largest part of it: the circuits that come and go by
//!   neighbour are counted, and the newest of the neighbour with the most makes place for one of a
//!   neighbour with fewer. So who opens them in a loop has its share and no more.
//! - (L3) A circuit on which nothing moves ends. Each holds a buffer each way; who does not read stops
//!   its own circuit alone.
//!
//! If one connection is the only one between two halves of a network, and malicious members hold their
//! share of it, what is left can be too little for all pairs of the halves at the same time.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream};
use libp2p_stream::{Control, IncomingStreams};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Arrival;
use super::path::{Path, Place};
use super::transport::stream;
use crate::net::bounds::{self, CIRCUIT_BUFFER, CIRCUITS_OPENING};
use crate::net::peer::{Peer, Transport};
use crate::net::rate::Meter;

/// How long a neighbour may take to say where a circuit goes, or to take it on.
const OPENING: Duration = Duration::from_secs(5);
/// How long nothing may move. Whoever is connected over it sends pings more often.
const IDLE: Duration = Duration::from_secs(60);

/// What passes here.
pub(in crate::net) struct Passing {
    me: PeerId,
    peers: BTreeMap<PeerId, Arc<Peer>>,
    control: Control,
    arrivals: mpsc::Sender<Arrival>,
    table: Mutex<Table>,
}

/// What a neighbour has opened.
struct Neighbour {
    meter: Meter,
    opening: Arc<Semaphore>,
}

/// The circuits that pass.
#[derive(Debug)]
struct Table {
    /// Over one connection.
    most: usize,
    circuits: BTreeMap<u64, Circuit>,
    next: u64,
}

#[derive(Debug)]
struct Circuit {
    /// Where it comes from and where it goes.
    sides: [PeerId; 2],
    end: CancellationToken,
}

/// A place in the table.
struct Ticket<'a> {
    number: u64,
    end: CancellationToken,
    table: &'a Mutex<Table>,
}

/// Why a circuit does not pass.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no answer in time")]
    Timeout(#[from] tokio::time::error::Elapsed),
    #[error("it does not lead from there over here")]
    Elsewhere,
    #[error("not all on its path are members")]
    NotMembers,
    #[error("the next member is not connected directly")]
    Apart,
    #[error("there are too many")]
    Full,
}

impl Passing {
    pub(in crate::net) fn new(
        me: PeerId,
        peers: &[Arc<Peer>],
        control: Control,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Self {
        let most = bounds::circuits(peers.len() + 1);
        Self {
            me,
            peers: peers.iter().map(|peer| (peer.info.peer_id, Arc::clone(peer))).collect(),
            control,
            arrivals,
            table: Mutex::new(Table::new(most)),
        }
    }

    /// Takes the streams that neighbours open.
    pub(in crate::net) async fn run(self, mut streams: IncomingStreams) {
        let rate = bounds::circuit_rate(self.peers.len() + 1);
        let neighbour = || Neighbour {
            meter: Meter::new(rate),
            opening: Arc::new(Semaphore::new(CIRCUITS_OPENING)),
        };
        let ids = self.peers.keys();
        let mut neighbours: BTreeMap<_, _> = ids.map(|id| (*id, neighbour())).collect();
        let (this, mut tasks) = (Arc::new(self), JoinSet::new());
        loop {
            let next = tokio::select! {
                next = streams.next() => next,
                Some(_) = tasks.join_next() => continue,
            };
            let Some((from, stream)) = next else { return };
            let Some(neighbour) = neighbours.get_mut(&from) else { continue };
            // L1
            if !neighbour.meter.take(Instant::now()) {
                tracing::debug!(%from, "circuits too often");
                continue;
            }
            let Ok(opening) = Arc::clone(&neighbour.opening).try_acquire_owned() else { continue };
            let this = Arc::clone(&this);
            tasks.spawn(async move {
                if let Err(why) = this.take(from, stream, opening).await {
                    tracing::debug!(%from, "no circuit: {why}");
                }
            });
        }
    }

    // K3
    async fn take(
        &self,
        from: PeerId,
        mut back: Stream,
        opening: OwnedSemaphorePermit,
    ) -> Result<(), Refused> {
        let members = self.peers.len() + 1;
        let path = timeout(OPENING, Path::read(&mut back, members)).await??;
        let is_member = |id: &PeerId| *id == self.me || self.peers.contains_key(id);
        if !path.members().iter().all(is_member) {
            return Err(Refused::NotMembers);
        }
        let next = match path.place(self.me, from).ok_or(Refused::Elsewhere)? {
            Place::Before(next) => next,
            Place::End => {
                let arrival = Arrival { path, stream: back };
                return self.arrivals.try_send(arrival).map_err(|_| Refused::Full);
            }
        };
        if !self.is_direct(next) {
            return Err(Refused::Apart);
        }
        let ticket = self.enter([from, next])?;
        let on = timeout(OPENING, stream(self.control.clone(), next, &path)).await??;
        drop(opening);
        tracing::debug!(%from, %next, "a circuit passes");
        tokio::select! {
            () = carry(back, on) => {}
            () = ticket.end.cancelled() => tracing::debug!(%from, %next, "a circuit makes place"),
        }
        Ok(())
    }

    fn is_direct(&self, id: PeerId) -> bool {
        let transport = self.peers.get(&id).map(|peer| peer.connection.borrow());
        transport.is_some_and(|transport| transport.as_ref().is_some_and(Transport::is_direct))
    }

    fn enter(&self, sides: [PeerId; 2]) -> Result<Ticket<'_>, Refused> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, end) = table.enter(sides).ok_or(Refused::Full)?;
        Ok(Ticket { number, end, table: &self.table })
    }
}

impl Table {
    const fn new(most: usize) -> Self {
        Self { most, circuits: BTreeMap::new(), next: 0 }
    }

    /// Lets one more pass, if there is place for it. L2.
    fn enter(&mut self, [from, to]: [PeerId; 2]) -> Option<(u64, CancellationToken)> {
        let gone = [self.place(from, to)?, self.place(to, from)?];
        for circuit in gone.iter().flatten().filter_map(|number| self.circuits.remove(number)) {
            circuit.end.cancel();
        }
        let (number, end) = (self.next, CancellationToken::new());
        self.next += 1;
        self.circuits.insert(number, Circuit { sides: [from, to], end: end.clone() });
        Some((number, end))
    }

    /// What makes place on the connection to `one` for a circuit from or to `other`: nothing, if
    /// there is place; `None` if there is none.
    fn place(&self, one: PeerId, other: PeerId) -> Option<Option<u64>> {
        let mut by_side: BTreeMap<PeerId, Vec<u64>> = BTreeMap::new();
        for (number, circuit) in &self.circuits {
            if let Some(side) = circuit.across(one) {
                by_side.entry(side).or_default().push(*number);
            }
        }
        if by_side.values().map(Vec::len).sum::<usize>() < self.most {
            return Some(None);
        }
        let with = by_side.get(&other).map_or(0, Vec::len);
        let most = by_side.values().max_by_key(|numbers| numbers.len())?;
        (most.len() > with + 1).then(|| most.last().copied())
    }
}

impl Circuit {
    /// The other side of one that has this one.
    fn across(&self, one: PeerId) -> Option<PeerId> {
        match self.sides {
            [a, b] if a == one => Some(b),
            [a, b] if b == one => Some(a),
            _ => None,
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.circuits.remove(&self.number);
    }
}

/// Carries bytes both ways until one side ends, or nothing moves. L3.
async fn carry<S: AsyncRead + AsyncWrite>(one: S, other: S) {
    let ((one, to_one), (other, to_other)) = (one.split(), other.split());
    let moved = AtomicBool::new(false);
    let idle = async {
        loop {
            tokio::time::sleep(IDLE).await;
            if !moved.swap(false, Ordering::Relaxed) {
                return;
            }
        }
    };
    tokio::select! {
        _ = pump(one, to_other, &moved) => {}
        _ = pump(other, to_one, &moved) => {}
        () = idle => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; CIRCUIT_BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.close().await;
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        to.flush().await?;
        moved.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Circuits between two sides, as many as are let in.
    fn open(table: &mut Table, sides: [PeerId; 2], times: usize) -> Vec<(u64, CancellationToken)> {
        (0..times).filter_map(|_| table.enter(sides)).collect()
    }

    fn alive(circuits: &[(u64, CancellationToken)]) -> usize {
        circuits.iter().filter(|(_, end)| !end.is_cancelled()).count()
    }

    #[test]
    fn who_opens_circuits_in_a_loop_has_its_share_and_no_more() {
        let [hostile, honest, next, elsewhere] = std::array::from_fn(|_| PeerId::random());
        let mut table = Table::new(12);
        let loops = open(&mut table, [hostile, next], 99);
        assert_eq!(loops.len(), 12, "a connection has so many");
        // Both ways, and over another connection.
        let there = open(&mut table, [honest, next], 3);
        let back = open(&mut table, [next, honest], 9);
        let other = open(&mut table, [honest, elsewhere], 2);
        assert_eq!([alive(&there), alive(&back), alive(&other)], [3, 3, 2]);
        assert_eq!(alive(&loops), 6);
        let again = open(&mut table, [hostile, next], 99);
        assert_eq!(alive(&again), 0, "what it has not it does not take");
        assert_eq!(alive(&there), 3);
        assert_eq!(table.circuits.len(), 14);
    }

    #[test]
    fn the_circuits_of_a_flooding_neighbour_keep_it_from_no_others_circuits() {
        let [hostile, a, b, c] = std::array::from_fn(|_| PeerId::random());
        let mut table = Table::new(6);
        for to in [a, b, c] {
            open(&mut table, [hostile, to], 99);
        }
        let over = |table: &Table, id| {
            table.circuits.values().filter(|circuit| circuit.across(id).is_some()).count()
        };
        assert_eq!([hostile, a, b, c].map(|id| over(&table, id)), [6, 2, 2, 2]);
        let honest = open(&mut table, [a, b], 4);
        assert_eq!(alive(&honest), 4);
    }
}
