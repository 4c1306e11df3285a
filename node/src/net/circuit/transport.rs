//! Circuits as a transport of libp2p. Its addresses name members, one after the other, and nothing
//! else; no other transport knows such addresses.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Stream};
use libp2p_stream::{Control, OpenStreamError};
use tokio::sync::mpsc;

use super::path::Path;
use super::{Arrival, PROTOCOL};

/// Dials and takes circuits.
pub(in crate::net) struct Circuits {
    me: PeerId,
    control: Control,
    arrivals: mpsc::Receiver<Arrival>,
    listener: Option<ListenerId>,
    /// What the swarm has not been told yet.
    event: Option<Event>,
}

type Event = TransportEvent<Ready<io::Result<Stream>>, io::Error>;

/// Where circuits that end at a member are listened for.
pub(in crate::net) fn here(me: PeerId) -> Multiaddr {
    Multiaddr::empty().with(Protocol::P2p(me))
}

impl Circuits {
    pub(in crate::net) const fn new(
        me: PeerId,
        control: Control,
        arrivals: mpsc::Receiver<Arrival>,
    ) -> Self {
        Self { me, control, arrivals, listener: None, event: None }
    }
}

impl libp2p::Transport for Circuits {
    type Output = Stream;
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<Stream>>;
    type Dial = BoxFuture<'static, io::Result<Stream>>;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        if address != here(self.me) || self.listener.is_some() {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        self.listener = Some(id);
        self.event = Some(TransportEvent::NewAddress { listener_id: id, listen_addr: address });
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let ours = self.listener == Some(id);
        if ours {
            self.listener = None;
            self.event = Some(TransportEvent::ListenerClosed { listener_id: id, reason: Ok(()) });
        }
        ours
    }

    // K2
    fn dial(
        &mut self,
        address: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some(path) = Path::dialled(self.me, &address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        Ok(open(self.control.clone(), path).boxed())
    }

    // K4
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some(event) = self.event.take() {
            return Poll::Ready(event);
        }
        while let Poll::Ready(Some(Arrival { path, stream })) = self.arrivals.poll_recv(cx) {
            let Some(listener_id) = self.listener else { continue };
            let (local_addr, send_back_addr) = (path.local(), path.remote());
            let upgrade = ready(Ok(stream));
            let come =
                TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr };
            return Poll::Ready(come);
        }
        Poll::Pending
    }
}

async fn open(control: Control, path: Path) -> io::Result<Stream> {
    let first = path.members().get(1).copied().ok_or(io::ErrorKind::InvalidInput)?;
    stream(control, first, &path).await
}

/// A stream to a neighbour, which is to take the path on.
pub(super) async fn stream(mut control: Control, to: PeerId, path: &Path) -> io::Result<Stream> {
    let opened = control.open_stream(to, PROTOCOL).await;
    let mut stream = opened.map_err(|error| match error {
        OpenStreamError::Io(error) => error,
        other => io::Error::other(other),
    })?;
    path.write(&mut stream).await?;
    Ok(stream)
}
