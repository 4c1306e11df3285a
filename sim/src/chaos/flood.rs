//! A stranger who floods a node, as fast as this machine lets two threads.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};

use super::plan::Flood;
use crate::Rng;

const THREADS: usize = 2;
/// Connections that one thread keeps open.
const HELD: usize = 200;
const CONNECTED: Duration = Duration::from_millis(200);

/// Floods until it is dropped.
pub(super) struct Stranger {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Stranger {
    /// Begins to flood the node at a port.
    pub(super) fn flood(port: u16, with: Flood) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let at = (Ipv4Addr::LOCALHOST, port).into();
        let threads = (0..THREADS).map(|_| {
            let end = end.clone();
            thread::spawn(move || match with {
                Flood::Connections => connect(at, &end, &[]),
                Flood::Garbage => connect(at, &end, &garbage(4096)),
                Flood::Datagrams => send(at, &end),
            })
        });
        Self { threads: threads.collect(), end }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn garbage(size: usize) -> Vec<u8> {
    let mut garbage = vec![0; size];
    Rng::seed_from_u64(0).fill(&mut garbage);
    garbage
}

fn connect(at: SocketAddr, end: &AtomicBool, says: &[u8]) {
    let mut held = std::collections::VecDeque::new();
    while !end.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect_timeout(&at, CONNECTED) else {
            // A node that is down is no target.
            thread::sleep(CONNECTED / 10);
            continue;
        };
        let _ = stream.set_write_timeout(Some(CONNECTED));
        let _ = stream.write_all(says);
        held.push_back(stream);
        if held.len() > HELD {
            held.pop_front();
        }
    }
}

fn send(at: SocketAddr, end: &AtomicBool) {
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) else { return };
    // The first bytes of a QUIC packet that begins a connection, and then anything.
    let mut datagram = garbage(1200);
    if let Some(head) = datagram.get_mut(..5) {
        head.copy_from_slice(&[0xc3, 0, 0, 0, 1]);
    }
    let mut number: u64 = 0;
    while !end.load(Ordering::Relaxed) {
        number += 1;
        if let Some(id) = datagram.get_mut(6..14) {
            id.copy_from_slice(&number.to_le_bytes());
        }
        let _ = socket.send_to(&datagram, at);
    }
}
