//! The receiving half of a link: one task for each peer and lane.
//!
//! The task owns what is known about the peer's numbering and reads from the peer's newest stream
//! only, so that a frame is delivered once and in order over any number of streams. A frame is
//! acknowledged by [`Taken::done`], which the driver calls after everything the frame caused is
//! durable: a frame lost in a crash is sent again.
//!
//! What a peer can make a node hold is bounded: each link has a budget of bytes that are delivered
//! and not yet taken care of, and reads no further when it is used up. A peer that floods slows
//! nobody down but itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::io::BufReader;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use quorate_protocol::PartyId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::net::bounds::{MAX_UNTAKEN, READ_BUFFER};
use crate::net::incarnation::Incarnation;
use crate::net::peer::Peer;
use crate::net::wire::{Greeting, LinkError, read_frame};
use crate::net::{GREETING_TIMEOUT, Lane};

/// How long an acknowledgement may wait for others to join it.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_millis(20);

/// Bytes of budget that one permit stands for; every frame costs at least one.
const PERMIT_BYTES: usize = 1 << 10;

/// A frame from a peer.
#[derive(Debug)]
pub struct Inbound {
    /// Who certainly sent it.
    pub from: PartyId,
    /// The payload.
    pub frame: Vec<u8>,
    /// To be called done when everything it caused is durable.
    pub taken: Taken,
}

/// Acknowledges its frame, and all before it, when the driver is done with it.
#[derive(Debug)]
pub struct Taken {
    number: u64,
    progress: Arc<Progress>,
    _budget: OwnedSemaphorePermit,
}

impl Taken {
    /// Everything the frame caused is durable: the peer may forget it. Dropped without this, the
    /// frame is sent again after the next restart of this node.
    pub fn done(self) {
        self.progress.acknowledged.fetch_max(self.number + 1, Ordering::Release);
        self.progress.changed.notify_one();
    }
}

#[cfg(test)]
impl Taken {
    /// Of a frame that nobody waits for.
    pub(crate) fn for_tests() -> Self {
        let budget = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("it is free");
        Self { number: 0, progress: Arc::default(), _budget: budget }
    }
}

/// How far the frames of one incarnation of the peer are taken care of.
#[derive(Debug, Default)]
struct Progress {
    acknowledged: AtomicU64,
    changed: Notify,
}

/// What is known about the numbering of the peer's frames.
struct Numbering {
    start: Option<Incarnation>,
    /// The next number to deliver.
    next: u64,
    progress: Arc<Progress>,
}

/// Receives from `peer` until the network stops.
pub(super) async fn run(
    peer: Arc<Peer>,
    lane: Lane,
    ours: Greeting,
    mut streams: mpsc::Receiver<Stream>,
    deliver: mpsc::UnboundedSender<Inbound>,
) {
    let budget = Arc::new(Semaphore::new(MAX_UNTAKEN / PERMIT_BYTES));
    let mut numbering = Numbering { start: None, next: 0, progress: Arc::default() };
    let mut current = streams.recv().await;
    while let Some(stream) = current {
        let receiving = Receiving { peer: &peer, budget: &budget, deliver: &deliver };
        let newer = tokio::select! {
            ended = receiving.session(stream, &ours, &mut numbering) => {
                let Err(why) = ended;
                peer.ended(lane, &why);
                None
            }
            newer = streams.recv() => newer,
        };
        current = match newer {
            Some(stream) => Some(stream),
            None => streams.recv().await,
        };
    }
}

struct Receiving<'a> {
    peer: &'a Peer,
    budget: &'a Arc<Semaphore>,
    deliver: &'a mpsc::UnboundedSender<Inbound>,
}

impl Receiving<'_> {
    async fn session(
        &self,
        mut stream: Stream,
        ours: &Greeting,
        numbering: &mut Numbering,
    ) -> Result<Infallible, LinkError> {
        let greeting = async {
            let theirs = Greeting::read(&mut stream).await?;
            let met = theirs.check(ours).and_then(|()| self.peer.meet(&theirs));
            if let Ok(present) = &met
                && numbering.start != Some(present.start)
            {
                let start = Some(present.start);
                *numbering = Numbering { start, next: 0, progress: Arc::default() };
            }
            let answer = Greeting {
                acknowledged: numbering.progress.acknowledged.load(Ordering::Acquire),
                resume: numbering.next,
                ..self.peer.greeting(ours)
            };
            answer.write(&mut stream).await?;
            met
        };
        let greeted = timeout(GREETING_TIMEOUT, greeting).await;
        let _present = greeted.map_err(|_| LinkError::Timeout)??;

        let progress = Arc::clone(&numbering.progress);
        let (reader, writer) = stream.split();
        tokio::select! {
            ended = self.read(reader, numbering) => ended,
            ended = acknowledge(writer, &progress) => ended,
        }
    }

    async fn read(
        &self,
        reader: impl AsyncRead + Unpin,
        numbering: &mut Numbering,
    ) -> Result<Infallible, LinkError> {
        let mut reader = BufReader::with_capacity(READ_BUFFER, reader);
        loop {
            let (number, frame) = read_frame(&mut reader).await?;
            self.peer.seen();
            // Numbers may jump, when the peer's queue overflowed, but never back.
            if number < numbering.next || number == u64::MAX {
                return Err(LinkError::Misbehaved("a frame out of order"));
            }
            let permits = u32::try_from(frame.len() / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
            let Ok(budget) = Arc::clone(self.budget).acquire_many_owned(permits).await else {
                return Err(LinkError::Timeout);
            };
            let progress = Arc::clone(&numbering.progress);
            let taken = Taken { number, progress, _budget: budget };
            // From here to the end of the turn nothing waits: delivered and counted, or neither.
            numbering.next = number + 1;
            let inbound = Inbound { from: self.peer.info.party, frame, taken };
            if self.deliver.send(inbound).is_err() {
                return Err(LinkError::Timeout);
            }
        }
    }
}

async fn acknowledge(
    mut writer: impl AsyncWrite + Unpin,
    progress: &Progress,
) -> Result<Infallible, LinkError> {
    let mut written = 0;
    loop {
        let acknowledged = progress.acknowledged.load(Ordering::Acquire);
        if acknowledged == written {
            progress.changed.notified().await;
            tokio::time::sleep(ACKNOWLEDGE_AFTER).await;
            continue;
        }
        writer.write_all(&acknowledged.to_le_bytes()).await?;
        writer.flush().await?;
        written = acknowledged;
    }
}
