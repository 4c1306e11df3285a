//! The datagrams that pass a proxy.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Datagrams on their way through one proxy; more are lost.
const ON_THE_WAY: usize = 4096;
/// Sockets of one member that are told apart; with more, the one that was silent longest is forgotten.
const FLOWS: usize = 32;
/// How long a socket may be silent before it is forgotten.
const SILENCE: Duration = Duration::from_secs(60);

/// When a datagram arrives, or `None` if it is lost. Told whether it goes back.
pub(super) type Fate<'a> = dyn FnMut(bool) -> Option<Instant> + 'a;

/// Those between one member and another, told apart by the sockets of the one.
#[derive(Debug)]
pub(super) struct Flows {
    target: SocketAddr,
    flows: BTreeMap<SocketAddr, Flow>,
    late: BinaryHeap<Reverse<Late>>,
    /// Numbers what is late, in order.
    number: u64,
}

#[derive(Debug)]
struct Flow {
    socket: UdpSocket,
    used: Instant,
}

/// A datagram that is on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Late {
    at: Instant,
    number: u64,
    client: SocketAddr,
    comes_back: bool,
    bytes: Vec<u8>,
}

impl Flows {
    pub(super) const fn new(target: SocketAddr) -> Self {
        Self { target, flows: BTreeMap::new(), late: BinaryHeap::new(), number: 0 }
    }

    /// Those on which answers come.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &UdpSocket> {
        self.flows.values().map(|flow| &flow.socket)
    }

    /// When the next one arrives.
    pub(super) fn due(&self) -> Option<Instant> {
        self.late.peek().map(|Reverse(late)| late.at)
    }

    /// Moves what can be moved.
    pub(super) fn forward(&mut self, door: &UdpSocket, now: Instant, fate: &mut Fate<'_>) {
        let mut buffer = vec![0; 64 << 10];
        while let Some((size, client)) = received(door.recv_from(&mut buffer)) {
            let used = self.flow(client, now).is_ok();
            if let Some(bytes) = buffer.get(..size).filter(|_| used) {
                self.take(client, false, bytes, fate);
            }
        }
        let clients: Vec<SocketAddr> = self.flows.keys().copied().collect();
        for client in clients {
            let next = |flows: &Self, buffer: &mut [u8]| {
                received(flows.flows.get(&client)?.socket.recv(buffer))
            };
            while let Some(size) = next(self, &mut buffer) {
                if let Some(bytes) = buffer.get(..size) {
                    self.take(client, true, bytes, fate);
                }
            }
        }
        while self.due().is_some_and(|at| at <= now) {
            let Some(Reverse(late)) = self.late.pop() else { break };
            // Nobody may be there: then it is lost, as anywhere.
            let _ = match self.flows.get_mut(&late.client) {
                Some(_) if late.comes_back => door.send_to(&late.bytes, late.client),
                Some(flow) => flow.socket.send(&late.bytes),
                None => Ok(0),
            };
        }
        self.flows.retain(|_, flow| now.duration_since(flow.used) < SILENCE);
    }

    fn take(&mut self, client: SocketAddr, comes_back: bool, bytes: &[u8], fate: &mut Fate<'_>) {
        let Some(at) = fate(comes_back) else { return };
        if self.late.len() < ON_THE_WAY {
            self.number += 1;
            let (number, bytes) = (self.number, bytes.to_vec());
            self.late.push(Reverse(Late { at, number, client, comes_back, bytes }));
        }
    }

    /// Makes sure that there is a socket for a client.
    fn flow(&mut self, client: SocketAddr, now: Instant) -> io::Result<()> {
        if let Some(flow) = self.flows.get_mut(&client) {
            flow.used = now;
            return Ok(());
        }
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(self.target)?;
        socket.set_nonblocking(true)?;
        if self.flows.len() >= FLOWS {
            let oldest = self.flows.iter().min_by_key(|(_, flow)| flow.used);
            let oldest = oldest.map(|(client, _)| *client);
            oldest.map(|client| self.flows.remove(&client));
        }
        self.flows.insert(client, Flow { socket, used: now });
        Ok(())
    }
}

/// What was received. An error says that nothing is there, or that what was sent before found nobody.
fn received<T>(result: io::Result<T>) -> Option<T> {
    result.ok()
}
