//! Frames on their way to one peer, kept until the peer has acknowledged them.
//!
//! Frames are numbered from 0 in the order they were given. A queue holds the frames from `first`
//! (the oldest not yet acknowledged) on, and survives any number of connections.
//!
//! What it may hold is bounded in bytes. Beyond that the peer is *behind*: frames for it are counted
//! and not kept, for a few of many would be of no use. What is there already goes on to a peer that
//! is connected, and is given up for one that is away. Once the peer is there and has all that it was
//! sent, it is behind no longer, and the owner of the links is told to say again what is still of
//! use.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::net::wire::append_frame;

/// Frames that wait for one peer's acknowledgement.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    grown: Notify,
    limit: usize,
    /// The peer is there and has no use for this link.
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    /// Number of the frame at the front.
    first: u64,
    /// Number after the last frame ever written to a stream.
    written: u64,
    bytes: usize,
    lost: u64,
    /// A stream to the peer is open, and both have greeted.
    open: bool,
    /// Frames were not kept, and nobody was told yet.
    behind: bool,
}

/// How much a queue holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Depth {
    pub frames: usize,
    pub bytes: usize,
    pub lost: u64,
}

/// The peer acknowledged a frame it was never sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("acknowledged a frame that was never sent")]
pub(super) struct AcknowledgedTooMuch;

impl Queue {
    /// An empty queue that holds up to `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            grown: Notify::new(),
            limit,
            closed: AtomicBool::new(false),
        }
    }

    /// Adds a frame, unless the peer is behind; one that is alone is kept whatever its size.
    pub(super) fn push(&self, frame: Vec<u8>) {
        {
            let mut state = self.lock();
            if state.bytes + frame.len() > self.limit && !state.frames.is_empty() {
                state.behind = true;
                if !state.open {
                    state.give_up();
                }
            }
            if state.behind {
                state.lost += 1;
                return;
            }
            state.bytes += frame.len();
            state.frames.push_back(frame);
        }
        self.grown.notify_one();
    }

    /// The peer has everything before frame number `next`: forget it.
    ///
    /// # Errors
    /// Frames up to there were never sent.
    pub(super) fn acknowledged(&self, next: u64) -> Result<(), AcknowledgedTooMuch> {
        let mut state = self.lock();
        if next > state.written {
            return Err(AcknowledgedTooMuch);
        }
        while state.first < next && !state.frames.is_empty() {
            state.drop_first();
        }
        Ok(())
    }

    /// The peer, on a new stream, has taken care of everything before `acknowledged` and wants to
    /// go on at `resume`.
    ///
    /// # Errors
    /// Frames up to there were never sent.
    pub(super) fn resume(&self, acknowledged: u64, resume: u64) -> Result<(), AcknowledgedTooMuch> {
        if acknowledged > resume || resume > self.lock().written {
            return Err(AcknowledgedTooMuch);
        }
        self.acknowledged(acknowledged)
    }

    /// Appends encoded frames from number `from` on to `out` until it holds `limit` bytes or more;
    /// returns the number to go on with.
    pub(super) fn fill(&self, from: u64, limit: usize, out: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        let mut number = from.max(state.first);
        let skip = usize::try_from(number - state.first).unwrap_or(usize::MAX);
        for frame in state.frames.iter().skip(skip) {
            if out.len() >= limit {
                break;
            }
            append_frame(number, frame, out);
            number += 1;
        }
        state.written = state.written.max(number);
        number
    }

    /// Notes whether a stream to the peer is open.
    pub(super) fn set_open(&self, open: bool) {
        self.lock().open = open;
    }

    /// Whether the peer was behind and is so no longer: true once each time.
    pub(super) fn has_caught_up(&self) -> bool {
        let mut state = self.lock();
        let caught_up = state.behind && state.open && state.frames.is_empty();
        state.behind &= !caught_up;
        caught_up
    }

    /// Waits until a frame was added. One waiter at a time.
    pub(super) async fn grown(&self) {
        self.grown.notified().await;
    }

    /// Notes whether the peer, which is there, has a use for this link.
    pub(super) fn set_closed(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Whether the peer, when it was last there, had no use for this link.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// How much it holds.
    pub(super) fn depth(&self) -> Depth {
        let state = self.lock();
        Depth { frames: state.frames.len(), bytes: state.bytes, lost: state.lost }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives up all frames. Their numbers are not used again.
    fn give_up(&mut self) {
        let given_up = u64::try_from(self.frames.len()).unwrap_or(u64::MAX);
        self.first += given_up;
        self.lost += given_up;
        self.bytes = 0;
        self.frames = VecDeque::new();
    }

    fn drop_first(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.len();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(queue: &Queue, from: u64) -> (u64, Vec<u8>) {
        let mut out = Vec::new();
        let next = queue.fill(from, 1 << 20, &mut out);
        // Each frame here is one byte long: 4 of length, 8 of number, 1 of payload.
        (next, out.chunks(13).map(|frame| frame[12]).collect())
    }

    #[test]
    fn frames_stay_until_acknowledged() {
        let queue = Queue::new(100);
        for byte in 0..5 {
            queue.push(vec![byte]);
        }
        assert_eq!(numbers(&queue, 0), (5, vec![0, 1, 2, 3, 4]));
        assert_eq!(numbers(&queue, 5), (5, vec![]));
        queue.acknowledged(3).unwrap();
        // A new stream that starts over gets what is not acknowledged.
        assert_eq!(numbers(&queue, 0), (5, vec![3, 4]));
        assert_eq!(queue.depth(), Depth { frames: 2, bytes: 2, lost: 0 });
        // An acknowledgement that comes late changes nothing.
        queue.acknowledged(1).unwrap();
        assert_eq!(queue.depth().frames, 2);
    }

    #[test]
    fn what_was_never_sent_cannot_be_acknowledged() {
        let queue = Queue::new(100);
        queue.push(vec![1]);
        assert_eq!(queue.acknowledged(1), Err(AcknowledgedTooMuch));
        numbers(&queue, 0);
        assert_eq!(queue.acknowledged(1), Ok(()));
        assert_eq!(queue.acknowledged(2), Err(AcknowledgedTooMuch));
        assert_eq!(queue.resume(0, 2), Err(AcknowledgedTooMuch));
        assert_eq!(queue.resume(1, 0), Err(AcknowledgedTooMuch));
        assert_eq!(queue.resume(1, 1), Ok(()));
    }

    #[test]
    fn beyond_the_limit_all_is_given_up_for_a_peer_that_is_away() {
        let queue = Queue::new(3);
        for byte in 0..5 {
            queue.push(vec![byte]);
            assert!(!queue.has_caught_up());
        }
        assert_eq!(queue.depth(), Depth { frames: 0, bytes: 0, lost: 5 });
        queue.set_open(true);
        assert!(queue.has_caught_up());
        assert!(!queue.has_caught_up(), "told once");
        // What is said then has the numbers after those that were given up.
        queue.push(vec![7]);
        assert_eq!(numbers(&queue, 0), (4, vec![7]));
        queue.acknowledged(4).unwrap();
        // A frame larger than the limit is sent if it is alone.
        queue.push(vec![9; 7]);
        assert_eq!(queue.depth(), Depth { frames: 1, bytes: 7, lost: 5 });
    }

    #[test]
    fn beyond_the_limit_a_peer_that_is_there_gets_what_it_was_to_get_before_it_is_told() {
        let queue = Queue::new(3);
        queue.set_open(true);
        for byte in 0..5 {
            queue.push(vec![byte]);
        }
        assert_eq!(queue.depth(), Depth { frames: 3, bytes: 3, lost: 2 });
        assert_eq!(numbers(&queue, 0), (3, vec![0, 1, 2]));
        queue.acknowledged(2).unwrap();
        queue.push(vec![5]);
        assert_eq!(queue.depth(), Depth { frames: 1, bytes: 1, lost: 3 });
        assert!(!queue.has_caught_up());
        queue.set_open(false);
        queue.acknowledged(3).unwrap();
        assert!(!queue.has_caught_up(), "it is away");
        queue.set_open(true);
        assert!(queue.has_caught_up());
        queue.push(vec![6]);
        assert_eq!(numbers(&queue, 3), (4, vec![6]));
    }

    #[test]
    fn a_batch_ends_at_its_size() {
        let queue = Queue::new(100);
        for byte in 0..5 {
            queue.push(vec![byte]);
        }
        let mut out = Vec::new();
        assert_eq!(queue.fill(0, 14, &mut out), 2);
        assert_eq!(out.len(), 26);
    }
}
