//! The links between members: each pair of them talks through a proxy on the loopback address, which
//! can stop, refuse, delay, lose and break what passes, each way by itself.
//!
//! A proxy forwards TCP and UDP, as that is what nodes connect over. What is cut stays in the buffers
//! of TCP, as with a router that is gone: it arrives when the cut ends, if the connection lives so
//! long. Datagrams are lost, and overtake each other where there is a delay.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::datagrams::Flows;
use super::plan::Way;
use super::streams::Stream;
use crate::Rng;

/// How soon a change of the links has an effect, at the latest.
const TICK: Duration = Duration::from_millis(10);

/// How one way is.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct State {
    /// How many faults hold up all that passes.
    silent: u32,
    /// How many faults refuse connections.
    refused: u32,
    /// How long it takes, at most.
    pub(super) delay: Duration,
    /// Datagrams that are lost, in percent.
    lost: u32,
}

impl State {
    pub(super) const fn passes(self) -> bool {
        self.silent == 0 && self.refused == 0
    }
}

/// All links, as the nemesis changes them.
#[derive(Clone, Debug)]
pub(super) struct Links {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    end: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    ways: BTreeMap<Way, State>,
    /// Pairs whose connections are to be torn down.
    resets: Vec<Way>,
}

impl Links {
    /// How a way is now.
    pub(super) fn state(&self, way: Way) -> State {
        self.table().ways.get(&way).copied().unwrap_or_default()
    }

    /// Cuts these ways, once more.
    pub(super) fn cut(&self, ways: &[Way], refused: bool) {
        self.change(ways, |state| {
            *(if refused { &mut state.refused } else { &mut state.silent }) += 1;
        });
        if refused {
            self.reset(ways);
        }
    }

    /// Ends one such cut.
    pub(super) fn mend(&self, ways: &[Way], refused: bool) {
        self.change(ways, |state| {
            let cuts = if refused { &mut state.refused } else { &mut state.silent };
            *cuts = cuts.saturating_sub(1);
        });
    }

    /// Makes these ways slow.
    pub(super) fn slow(&self, ways: &[Way], delay: Duration, lost: u32) {
        self.change(ways, |state| (state.delay, state.lost) = (delay, lost));
    }

    /// Tears down the connections of these pairs.
    pub(super) fn reset(&self, pairs: &[Way]) {
        self.table().resets.extend_from_slice(pairs);
    }

    /// Ends all faults.
    pub(super) fn heal(&self) {
        self.table().ways.clear();
    }

    fn change(&self, ways: &[Way], change: impl Fn(&mut State)) {
        let mut table = self.table();
        ways.iter().for_each(|way| change(table.ways.entry(*way).or_default()));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.shared.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one member finds another.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The same port for both transports.
    pub(super) port: u16,
    listener: TcpListener,
    socket: UdpSocket,
    /// Where the other really is.
    target: SocketAddr,
}

impl Door {
    /// Binds the proxy by which `from` reaches `to`, which listens at `port`.
    pub(super) fn open((from, to): Way, port: u16) -> io::Result<Self> {
        let (own, (listener, socket)) = super::ports::held()?;
        listener.set_nonblocking(true)?;
        socket.set_nonblocking(true)?;
        let target = (Ipv4Addr::LOCALHOST, port).into();
        Ok(Self { from, to, port: own, listener, socket, target })
    }
}

/// The proxies, which run until this is dropped.
#[derive(Debug)]
pub(super) struct Proxies {
    links: Links,
    thread: Option<JoinHandle<()>>,
}

impl Proxies {
    /// Starts to forward.
    pub(super) fn start(doors: Vec<Door>, seed: u64) -> io::Result<Self> {
        let shared = Shared { table: Mutex::default(), end: AtomicBool::new(false) };
        let links = Links { shared: Arc::new(shared) };
        let forwarder = Forwarder::new(doors, links.clone(), seed);
        let thread = std::thread::Builder::new().name("links".into());
        let thread = Some(thread.spawn(move || forwarder.run())?);
        Ok(Self { links, thread })
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        self.links.shared.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Forwards everything, in one thread.
struct Forwarder {
    doors: Vec<Door>,
    links: Links,
    streams: Vec<(usize, Stream)>,
    flows: Vec<Flows>,
    rng: Rng,
}

impl Forwarder {
    fn new(doors: Vec<Door>, links: Links, seed: u64) -> Self {
        let flows = doors.iter().map(|door| Flows::new(door.target)).collect();
        Self { doors, links, streams: Vec::new(), flows, rng: Rng::seed_from_u64(seed) }
    }

    fn run(mut self) {
        while !self.links.shared.end.load(Ordering::Relaxed) {
            self.wait();
            let resets = std::mem::take(&mut self.links.table().resets);
            let doors = &self.doors;
            self.streams.retain(|(door, _)| {
                let ends = doors.get(*door).map(|door| (door.from, door.to));
                !resets.iter().any(|(a, b)| ends == Some((*a, *b)) || ends == Some((*b, *a)))
            });
            self.take_connections();
            self.move_datagrams();
            self.move_streams();
        }
    }

    /// Waits until something can be done.
    fn wait(&self) {
        let now = Instant::now();
        let mut due = now + TICK;
        let mut all = Vec::new();
        for (door, flows) in self.doors.iter().zip(&self.flows) {
            all.push(PollFd::new(&door.listener, PollFlags::IN));
            all.push(PollFd::new(&door.socket, PollFlags::IN));
            all.extend(flows.sockets().map(|socket| PollFd::new(socket, PollFlags::IN)));
            due = flows.due().map_or(due, |at| at.min(due));
        }
        for (door, stream) in &self.streams {
            let (there, back) = self.states(*door);
            stream.interest(there, back, now, &mut all);
            due = stream.due(now).map_or(due, |at| at.min(due));
        }
        let left = due.saturating_duration_since(now);
        let nanos = i64::from(left.subsec_nanos());
        let timeout = Timespec { tv_sec: 0, tv_nsec: nanos };
        // What cannot be waited for is found out when it is tried.
        let _ = poll(&mut all, Some(&timeout));
    }

    fn states(&self, door: usize) -> (State, State) {
        let way = self.doors.get(door).map_or((0, 0), |door| (door.from, door.to));
        (self.links.state(way), self.links.state((way.1, way.0)))
    }

    fn take_connections(&mut self) {
        for number in 0..self.doors.len() {
            let Some(door) = self.doors.get(number) else { return };
            while let Ok((client, _)) = door.listener.accept() {
                let (there, back) = self.states(number);
                if there.refused + back.refused > 0 {
                    continue;
                }
                if let Ok(stream) = Stream::open(client, door.target) {
                    self.streams.push((number, stream));
                }
            }
        }
    }

    fn move_datagrams(&mut self) {
        let now = Instant::now();
        for (door, flows) in self.doors.iter().zip(&mut self.flows) {
            let there = self.links.state((door.from, door.to));
            let back = self.links.state((door.to, door.from));
            let rng = &mut self.rng;
            let mut fate = |state: State| {
                let lost = !state.passes() || rng.random_range(0..100) < state.lost;
                let most = u64::try_from(state.delay.as_micros()).unwrap_or(u64::MAX);
                (!lost).then(|| now + Duration::from_micros(rng.random_range(most / 2..=most)))
            };
            flows.forward(&door.socket, now, &mut |comes_back| {
                fate(if comes_back { back } else { there })
            });
        }
    }

    fn move_streams(&mut self) {
        let now = Instant::now();
        let mut streams = std::mem::take(&mut self.streams);
        streams.retain_mut(|(door, stream)| {
            let (there, back) = self.states(*door);
            stream.forward(there, back, now)
        });
        self.streams = streams;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    /// Longer than a proxy takes for anything, and not long.
    const WHILE: Duration = Duration::from_millis(300);

    /// Two members, of whom the second says everything again that it hears.
    fn pair() -> (Proxies, u16) {
        let (port, (listener, socket)) = crate::chaos::ports::held().unwrap();
        let door = Door::open((0, 1), port).unwrap();
        let at = door.port;
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                std::thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() {
                        let _ = stream.write_all(&byte);
                    }
                });
            }
        });
        std::thread::spawn(move || {
            let mut bytes = [0; 100];
            while let Ok((size, from)) = socket.recv_from(&mut bytes) {
                let _ = socket.send_to(&bytes[..size], from);
            }
        });
        (Proxies::start(vec![door], 1).unwrap(), at)
    }

    fn connect(port: u16) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Says a byte and hears it.
    fn talk(stream: &mut TcpStream, byte: u8) {
        stream.write_all(&[byte]).unwrap();
        assert_eq!(heard(stream), Some(byte));
    }

    fn heard(stream: &mut TcpStream) -> Option<u8> {
        let mut byte = [0];
        stream.read_exact(&mut byte).is_ok().then_some(byte[0])
    }

    #[test]
    fn what_is_cut_either_way_arrives_when_the_cut_ends() {
        let (proxies, port) = pair();
        let mut stream = connect(port);
        talk(&mut stream, 1);
        for (byte, way) in [(2, (0, 1)), (3, (1, 0))] {
            proxies.links().cut(&[way], false);
            std::thread::sleep(WHILE);
            stream.write_all(&[byte]).unwrap();
            stream.set_read_timeout(Some(WHILE)).unwrap();
            assert_eq!(heard(&mut stream), None, "{way:?}");
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            proxies.links().mend(&[way], false);
            assert_eq!(heard(&mut stream), Some(byte), "{way:?}");
        }
    }

    #[test]
    fn connections_are_reset_and_refused_and_made_again() {
        let (proxies, port) = pair();
        for refused in [false, true] {
            let mut stream = connect(port);
            talk(&mut stream, 1);
            if refused {
                proxies.links().cut(&[(1, 0)], true);
            } else {
                proxies.links().reset(&[(0, 1)]);
            }
            assert_eq!(heard(&mut stream), None);
        }
        let mut stream = connect(port);
        let _ = stream.write_all(&[1]);
        assert_eq!(heard(&mut stream), None);
        proxies.links().mend(&[(1, 0)], true);
        talk(&mut connect(port), 1);
    }

    #[test]
    fn datagrams_pass_are_lost_and_are_late() {
        let (proxies, port) = pair();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let answer = |patience| {
            socket.set_read_timeout(Some(patience)).unwrap();
            socket.send(&[1]).unwrap();
            let began = Instant::now();
            socket.recv(&mut [0; 9]).ok().map(|_| began.elapsed())
        };
        assert!(answer(PATIENCE).is_some());
        proxies.links().cut(&[(0, 1)], false);
        std::thread::sleep(WHILE);
        assert!(answer(WHILE).is_none());
        proxies.links().mend(&[(0, 1)], false);
        proxies.links().slow(&[(1, 0)], 2 * WHILE, 0);
        std::thread::sleep(WHILE);
        assert!(answer(PATIENCE).is_some_and(|after| after >= WHILE / 2));
    }
}
