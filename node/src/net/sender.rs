//! The sending half of a link: one task for each peer and lane.
//!
//! While the peer is connected the task keeps one stream open, greets, forgets what the peer
//! acknowledges and goes on where the peer says. When the stream breaks it opens another: after a
//! reconnect the peer knows what it has; after its restart it knows nothing, and gets everything
//! it has not acknowledged. When it is there and was behind, the owner of the links is told.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p_stream::{Control, OpenStreamError};
use tokio::time::timeout;

use crate::net::bounds::WRITE_BATCH;
use crate::net::clock::{Moment, Reading};
use crate::net::peer::Peer;
use crate::net::queue::AcknowledgedTooMuch;
use crate::net::wire::{Greeting, LinkError, read_u64};
use crate::net::{GREETING_TIMEOUT, Lane, backoff};

/// Shortest and longest wait before a stream is opened again.
const REOPEN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// How often a start that is not accepted yet asks again.
const ACCEPTING: Duration = Duration::from_millis(200);

/// Sends to `peer` for ever.
pub(super) async fn run(peer: Arc<Peer>, lane: Lane, ours: Greeting, mut control: Control) {
    let mut connection = peer.connection.subscribe();
    let mut failures = 0;
    loop {
        if connection.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let mut greeted = false;
        let why = match session(&peer, lane, &ours, &mut control, &mut greeted).await {
            Ok(never) => match never {},
            Err(why) => why,
        };
        peer.queue(lane).set_open(false);
        peer.ended(lane, &why);
        let not_yet = matches!(why, LinkError::OtherStart | LinkError::NotAccepted);
        let wait = if not_yet { ACCEPTING } else { backoff(failures, REOPEN) };
        failures = if greeted { 0 } else { failures + 1 };
        tokio::time::sleep(wait).await;
    }
}

async fn session(
    peer: &Peer,
    lane: Lane,
    ours: &Greeting,
    control: &mut Control,
    greeted: &mut bool,
) -> Result<Infallible, LinkError> {
    let queue = peer.queue(lane);
    let opening = control.open_stream(peer.info.peer_id, lane.stream_protocol());
    let mut stream = match timeout(GREETING_TIMEOUT, opening).await {
        Err(_) => return Err(LinkError::Timeout),
        Ok(Err(OpenStreamError::Io(error))) => return Err(error.into()),
        Ok(Err(OpenStreamError::UnsupportedProtocol(_))) => {
            queue.set_closed(true);
            return Err(LinkError::Closed);
        }
        Ok(Err(other)) => return Err(io::Error::other(other).into()),
        Ok(Ok(stream)) => stream,
    };
    let asked = Moment::now();
    let greeting = async {
        peer.greeting(ours).write(&mut stream).await?;
        Greeting::read(&mut stream).await
    };
    let theirs = timeout(GREETING_TIMEOUT, greeting).await.map_err(|_| LinkError::Timeout)??;
    let clock = Reading::new(theirs.clock_ms, asked);
    theirs.check(ours)?;
    let _present = peer.meet(&theirs)?;
    peer.set_clock(clock);
    if !peer.accepts_us(&theirs) {
        return Err(LinkError::NotAccepted);
    }
    queue.resume(theirs.acknowledged, theirs.resume).map_err(too_much)?;
    *greeted = true;
    queue.set_closed(false);
    queue.set_open(true);
    peer.report_if_caught_up(lane);
    tracing::debug!(peer = %peer.info.name, ?lane, resume = theirs.resume, "link open");

    let (reader, writer) = stream.split();
    tokio::select! {
        ended = read_acknowledgements(reader, peer, lane) => ended,
        ended = write_frames(writer, peer, lane, theirs.resume) => ended.map_err(LinkError::from),
    }
}

async fn read_acknowledgements(
    mut reader: impl AsyncRead + Unpin,
    peer: &Peer,
    lane: Lane,
) -> Result<Infallible, LinkError> {
    loop {
        let next = read_u64(&mut reader).await?;
        peer.seen();
        peer.queue(lane).acknowledged(next).map_err(too_much)?;
        peer.report_if_caught_up(lane);
    }
}

async fn write_frames(
    mut writer: impl AsyncWrite + Unpin,
    peer: &Peer,
    lane: Lane,
    from: u64,
) -> io::Result<Infallible> {
    let queue = peer.queue(lane);
    let mut next = from;
    let mut batch = Vec::new();
    loop {
        peer.may_speak(lane).await;
        next = queue.fill(next, WRITE_BATCH, &mut batch);
        if batch.is_empty() {
            queue.grown().await;
            continue;
        }
        writer.write_all(&batch).await?;
        writer.flush().await?;
        batch.clear();
        batch.shrink_to(WRITE_BATCH);
    }
}

fn too_much(_: AcknowledgedTooMuch) -> LinkError {
    LinkError::Misbehaved("an acknowledgement of what was never sent")
}
