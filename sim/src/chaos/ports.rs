//! Ports of the loopback address.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that systems hand out to connections, so that none of them takes one between its being
/// found and its use.
const FIRST: u32 = 15_000;
const PORTS: u32 = 17_000;

/// A port that is free for both transports, and what holds it. None is given twice.
pub(super) fn held() -> io::Result<(u16, (TcpListener, UdpSocket))> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut last = io::Error::other("no port");
    for _ in 0..500 {
        // Not where another run of this program has begun.
        let begin = std::process::id().wrapping_mul(197);
        let place = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + place % PORTS).map_err(io::Error::other)?;
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(socket) => return Ok((port, (listener, socket))),
            Err(error) => last = error,
        }
    }
    Err(last)
}
