//! The ceremony beside a running node: for members that come late.
//!
//! A member that was away while the others made their keys makes its own with what they said then.
//! So every node goes on with its ceremony until all members have confirmed and know it of each
//! other, and the coordinator goes on handing out the roster. Then what was needed for it is
//! forgotten.

use std::sync::{Arc, OnceLock};

use quorate_protocol::PartyId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::preflight::Stage;
use super::rendezvous::{Hall, Rendezvous};
use super::room::{Room, Setting};
use crate::driver::{self, NodeError};
use crate::home::{HomeLock, Unlocked};
use crate::net::{Inbound, Incoming, Links, Validator};
use crate::roster::Network;
use crate::store::Store;

/// Opens the ceremony of a member on its links.
///
/// # Errors
/// The keys do not fit the network, or its store cannot be read.
pub async fn open(
    unlocked: &Unlocked,
    network: &Arc<Network>,
    me: PartyId,
    links: &Links,
    incoming: mpsc::UnboundedReceiver<Inbound>,
    stage: Stage,
) -> Result<Room, NodeError> {
    let keyring = driver::keyring(unlocked, network, me)?;
    let path = Folder::of(unlocked.home()).store_path();
    let tag = Folder::store_tag(network);
    let store = Store::open(&path, &tag, unlocked.store_key("ceremony"))?;
    let setting = Setting {
        network: Arc::clone(network),
        keyring: Arc::new(keyring),
        seed: unlocked.first()?.seed.clone(),
        store,
        post: links.post(),
        incoming,
        stage,
    };
    Ok(Room::open(setting).await?)
}

/// What a member's ceremony leaves to its node, so that neither links nor ports change hands.
#[derive(Debug)]
pub struct Handed {
    /// The links, with all lanes open.
    pub links: Links,
    /// What comes from them.
    pub incoming: Incoming,
    /// Says what announcements hold, once the node has set it.
    pub judge: Judge,
    /// The ceremony, if others may still need it.
    pub room: Option<Room>,
    /// The rendezvous, if this member is the coordinator.
    pub rendezvous: Option<Rendezvous>,
    /// Nobody else runs on the data directory while this is held.
    pub lock: Option<HomeLock>,
}

/// A judge of announcements that is not there from the start; until then none holds.
#[derive(Clone, Default)]
pub struct Judge(Arc<OnceLock<Validator>>);

impl Judge {
    /// What the network asks.
    pub fn validator(&self) -> Validator {
        let judge = self.clone();
        Arc::new(move |topic, data| judge.0.get().is_some_and(|validator| validator(topic, data)))
    }

    /// Lets `validator` judge from now on.
    pub fn set(&self, validator: Validator) {
        let _ = self.0.set(validator);
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

/// A ceremony that is gone on with beside a node.
#[derive(Debug)]
pub struct Serving {
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Serving {
    /// Goes on with the ceremony until nobody needs it any more.
    pub fn start(
        unlocked: &Unlocked,
        network: Arc<Network>,
        room: Room,
        rendezvous: Option<Rendezvous>,
    ) -> Self {
        let end = CancellationToken::new();
        let folder = Folder::of(unlocked.home());
        let task = tokio::spawn(serve(network, room, rendezvous, folder, end.clone()));
        Self { end, task }
    }

    /// Stops, so that the store is closed when this comes back.
    pub async fn close(self) {
        self.end.cancel();
        let _ = self.task.await;
    }
}

/// The rendezvous, if this member is the coordinator. Members that come late get the roster there;
/// without it they can get it from anybody, as a file.
pub async fn rendezvous(unlocked: &Unlocked) -> Option<Rendezvous> {
    let folder = Folder::of(unlocked.home());
    if !folder.is_coordinator() {
        return None;
    }
    let hall = Hall::open(&folder.gathering_path());
    let hall = hall.inspect_err(|error| tracing::warn!("no rendezvous: {error}")).ok()?;
    let opened = Rendezvous::open(unlocked.keys.transport.clone(), Arc::new(hall)).await;
    opened.inspect_err(|error| tracing::warn!("no rendezvous: {error}")).ok()
}

async fn serve(
    network: Arc<Network>,
    mut room: Room,
    rendezvous: Option<Rendezvous>,
    folder: Folder,
    end: CancellationToken,
) {
    let everyone = network.committee().everyone();
    let mut watch = room.watch();
    room.begin(0);
    let mut rendezvous = rendezvous;
    let mut needed = true;
    loop {
        let complete = {
            let state = watch.borrow_and_update();
            state.confirmed == everyone && state.unacknowledged == 0
        };
        if complete && needed {
            tracing::info!("all members have the same keys, and know it");
            needed = false;
            rendezvous = None;
            // The room stays, so that what others repeat is acknowledged; its file goes.
            if let Err(error) = folder.forget_store() {
                tracing::warn!("the ceremony's store is still there: {error}");
            }
        }
        tokio::select! {
            () = end.cancelled() => break,
            Ok(()) = watch.changed() => {}
            error = room.failed() => {
                tracing::error!("members that come late are not served: {error}");
                break;
            }
        }
    }
    drop(rendezvous);
    room.close().await;
}
