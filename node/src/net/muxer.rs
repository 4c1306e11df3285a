//! Streams over one connection where the transport has none: TCP, and circuits through members (Yamux).
//!
//! What the peer may send unasked is bounded: [`WINDOW`] bytes on each stream, and [`GROWTH`] more on
//! all of them for streams that need it over long distances.
//!
//! A connection that is closed here is dropped, with what was left to say: then whoever reads or writes
//! on it is told at once. Yamux' own way to close tells the other end alone
//! (<https://github.com/libp2p/rust-yamux/issues/216>), and waits for one that does not answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use yamux::{Connection, ConnectionError, Mode};

/// Bytes that a peer may send on a stream before they are read.
pub(super) const WINDOW: usize = yamux::DEFAULT_CREDIT as usize;
/// Bytes more on all streams of a connection together.
pub(super) const GROWTH: usize = 4 << 20;
/// Streams that wait to be looked at.
const WAITING: usize = 16;

/// Makes connections with at most so many streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Muxing {
    pub streams: usize,
}

/// A connection.
pub(super) struct Muxer<C> {
    /// Until it is closed.
    connection: Option<Connection<C>>,
    waiting: VecDeque<yamux::Stream>,
    wanted: Option<Waker>,
}

impl Muxing {
    fn start<C: AsyncRead + AsyncWrite + Unpin>(self, socket: C, mode: Mode) -> Muxer<C> {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(self.streams);
        config.set_max_connection_receive_window(Some(self.streams * WINDOW + GROWTH));
        Muxer {
            connection: Some(Connection::new(socket, config, mode)),
            waiting: VecDeque::new(),
            wanted: None,
        }
    }
}

impl UpgradeInfo for Muxing {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> InboundConnectionUpgrade<C> for Muxing {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(self.start(socket, Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> OutboundConnectionUpgrade<C> for Muxing {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(self.start(socket, Mode::Client)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    fn connection(&mut self) -> Result<&mut Connection<C>, ConnectionError> {
        self.connection.as_mut().ok_or(ConnectionError::Closed)
    }

    /// The next stream that the peer opens. Everything else on the connection moves on meanwhile.
    fn opened(&mut self, cx: &mut Context<'_>) -> Poll<Result<yamux::Stream, ConnectionError>> {
        let next = self.connection()?.poll_next_inbound(cx);
        next.map(|stream| stream.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = yamux::Stream;
    type Error = ConnectionError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        if let Some(stream) = self.waiting.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let opened = self.opened(cx);
        if opened.is_pending() {
            self.wanted = Some(cx.waker().clone());
        }
        opened
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        self.connection()?.poll_new_outbound(cx)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        match self.opened(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            // Nobody looks at streams because there are too many of them: dropped, it is reset.
            Poll::Ready(Ok(_)) if self.waiting.len() >= WAITING => {}
            Poll::Ready(Ok(stream)) => {
                self.waiting.push_back(stream);
                if let Some(waker) = self.wanted.take() {
                    waker.wake();
                }
            }
        }
        // There may be more; others have their turn first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connection = None;
        self.waiting.clear();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::AsyncReadExt;
    use futures::future::poll_fn;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    #[tokio::test]
    async fn who_reads_is_told_when_this_end_closes_the_connection() {
        let (one, _other) = tokio::io::duplex(1 << 10);
        let mut muxer = Muxing { streams: 8 }.start(one.compat(), Mode::Client);
        let opened = poll_fn(|cx| Pin::new(&mut muxer).poll_outbound(cx)).await;
        let mut stream = opened.unwrap();
        let reading = tokio::spawn(async move { stream.read(&mut [0]).await });
        // Until it waits.
        tokio::task::yield_now().await;
        let _ = poll_fn(|cx| Pin::new(&mut muxer).poll_close(cx)).await;
        let told = tokio::time::timeout(Duration::from_secs(30), reading).await;
        assert_eq!(told.expect("in time").unwrap().ok(), Some(0));
    }
}
