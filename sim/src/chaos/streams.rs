//! One TCP connection through a proxy.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::links::State;

/// Bytes on their way in one direction; who sends more waits.
const ON_THE_WAY: usize = 256 << 10;
const CHUNK: usize = 16 << 10;

/// A connection of a member to another one.
#[derive(Debug)]
pub(super) struct Stream {
    client: TcpStream,
    server: TcpStream,
    there: Half,
    back: Half,
}

/// What is on its way in one direction.
#[derive(Debug, Default)]
struct Half {
    /// When it arrives, and what of it has not yet.
    chunks: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// Nothing follows.
    ended: bool,
    /// And the receiver knows.
    told: bool,
}

impl Stream {
    /// Connects to `target` for `client`. Does not wait: a node that stands still accepts nothing.
    pub(super) fn open(client: TcpStream, target: SocketAddr) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let server: OwnedFd = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        match connect(&server, &target) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let server = TcpStream::from(server);
        client.set_nonblocking(true)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        Ok(Self { client, server, there: Half::default(), back: Half::default() })
    }

    /// What to wait for.
    pub(super) fn interest<'a>(
        &'a self,
        there: State,
        back: State,
        now: Instant,
        all: &mut Vec<PollFd<'a>>,
    ) {
        for (socket, comes, goes, state) in [
            (&self.client, &self.there, &self.back, (there, back)),
            (&self.server, &self.back, &self.there, (back, there)),
        ] {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, comes.takes(state.0));
            flags.set(PollFlags::OUT, goes.is_due(state.1, now));
            if !flags.is_empty() {
                all.push(PollFd::new(socket, flags));
            }
        }
    }

    /// When the next delayed chunk arrives.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let next = |half: &Half| half.chunks.front().map(|(at, _)| *at).filter(|at| *at > now);
        next(&self.there).into_iter().chain(next(&self.back)).min()
    }

    /// Moves what can be moved; whether the connection goes on.
    pub(super) fn forward(&mut self, there: State, back: State, now: Instant) -> bool {
        let moved = self
            .there
            .carry(&self.client, &self.server, there, now)
            .and_then(|()| self.back.carry(&self.server, &self.client, back, now));
        moved.is_ok() && !(self.there.told && self.back.told)
    }
}

impl Half {
    const fn takes(&self, state: State) -> bool {
        state.passes() && !self.ended && self.bytes < ON_THE_WAY
    }

    fn is_due(&self, state: State, now: Instant) -> bool {
        state.passes() && self.chunks.front().is_some_and(|(at, _)| *at <= now)
    }

    fn carry(
        &mut self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        state: State,
        now: Instant,
    ) -> io::Result<()> {
        while self.takes(state) {
            let mut chunk = vec![0; CHUNK];
            match later(from.read(&mut chunk))? {
                None => break,
                Some(0) => self.ended = true,
                Some(read) => {
                    chunk.truncate(read);
                    self.bytes += read;
                    self.chunks.push_back((now + state.delay, chunk));
                }
            }
        }
        while self.is_due(state, now) {
            let Some((_, chunk)) = self.chunks.front_mut() else { break };
            let Some(written) = later(to.write(chunk))? else { return Ok(()) };
            self.bytes -= written;
            chunk.drain(..written);
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
        if self.ended && !self.told && self.chunks.is_empty() && state.passes() {
            self.told = true;
            to.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}

/// What was done, or `None` if it has to wait.
fn later(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(done) => Ok(Some(done)),
        // The last: a connection that is not there yet.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
