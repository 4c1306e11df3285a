//! A running node: one party, its network, its store, and one loop that joins them.
//!
//! # Model
//! The party is a deterministic state machine; the driver gives it events and executes its
//! effects, in order, and decides nothing itself. It runs on a thread of its own, so that the
//! party's arithmetic never keeps the network waiting.
//!
//! # A turn
//! - (D1) Wait for the first of: a frame for a decision, a call, a finished job, a timer, a frame
//!   of bulk; what is durable and a stop come before all.
//! - (D2) Let the party handle it, and the frames that came meanwhile.
//! - (D3) Records of the turn go to the journal, which writes in the background.
//! - (D4) Messages, answers and notices of a turn leave when its records and all before them are
//!   durable; then the frames that led to them are acknowledged.
//! - (D5) Heavy work runs on other threads, and comes back as an event.
//!
//! # End
//! On cancellation the loop stops after its turn; what the journal holds is written, connections
//! are closed, all within a second.

pub(crate) mod faults;
mod handle;
mod jobs;
mod tick;
mod timers;
mod turn;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use quorate_protocol::crypto::keyring::Keyring;
use quorate_protocol::decision::certificate::{Certificate, Verifier};
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::party::{Config, Party, RestoreError};
use quorate_protocol::{PartyId, wire};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use handle::{CallError, NodeHandle, NodeStatus, PeerStatus};

use crate::home::{Home, HomeError, HomeLock, Unlocked};
use crate::net::{self, Lane, Links, PeerInfo, Topic, Validator};
use crate::roster::Network;
use crate::store::{Journal, StoreError};
use turn::{Driver, Parts};

/// Calls that wait for the driver.
const CALLS: usize = 64;
/// Notices kept for a subscriber that lags.
const NOTICES: usize = 1024;

/// How to run a node.
#[derive(Clone, Default, Debug)]
pub struct NodeOptions {
    /// Where to listen for members; `None` for the addresses of the member's card.
    pub listen: Option<Vec<Multiaddr>>,
}

/// Why a node does not start, or stopped. One line; [`hint`](Self::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The data directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds.
    #[error("the party cannot be restored: {0}")]
    Restore(#[from] RestoreError),
    /// The keys and the network do not fit.
    #[error("the keys do not fit the network: {0}")]
    Keys(#[from] quorate_protocol::Error),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// Why.
        reason: io::Error,
    },
    /// The member's card names no address.
    #[error("there is no address to listen on")]
    NoAddress,
    /// No thread can be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A bug.
    #[error("internal error: {0}")]
    Driver(&'static str),
}

impl NodeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Home(error) => error.hint(),
            Self::Listen { reason, .. } if reason.kind() == io::ErrorKind::AddrInUse => {
                Some("another program uses the port: stop it, or listen on another".to_owned())
            }
            Self::Listen { .. } | Self::NoAddress => {
                Some("with an address of this machine: quorate run --listen HOST:PORT".to_owned())
            }
            Self::Store(error) => error.hint(),
            Self::Restore(_) => Some(
                "keep the data directory as it is; restore from a backup into another: quorate key \
                 restore FILE --data-dir NEW"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// A running node. It stops when this is dropped.
#[derive(Debug)]
pub struct Node {
    handle: NodeHandle,
    ended: oneshot::Receiver<Result<(), NodeError>>,
    stop: DropGuard,
}

impl Node {
    /// Access to it.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Where it listens.
    pub fn listening(&self) -> &[Multiaddr] {
        self.handle.listening()
    }

    /// Waits until it has stopped.
    ///
    /// # Errors
    /// It stopped for another reason than being told to.
    pub async fn finished(self) -> Result<(), NodeError> {
        let Self { handle, ended, stop } = self;
        drop(handle);
        let result = ended.await.unwrap_or(Err(NodeError::Driver("the party has panicked")));
        drop(stop);
        result
    }
}

/// Runs the node of a member until `cancel`: takes the directory's lock, restores the party,
/// listens and connects. Returns once it listens.
///
/// # Errors
/// The directory is in use or has joined no network, the store is damaged, or an address cannot be
/// listened on.
pub async fn run_node(
    home: Unlocked,
    options: NodeOptions,
    cancel: CancellationToken,
) -> Result<Node, NodeError> {
    let lock = home.home().lock()?;
    let (network, me, key_set) = home.joined()?;
    let listen = options.listen.unwrap_or_else(|| listen_addresses(home.home()));
    let store = home.open_store(&network)?;
    let keys = home.keys;
    let keyring = Arc::new(Keyring::new(
        network.committee(),
        me,
        keys.identity,
        network.identities(),
        keys.sealing,
        network.sealing_keys(),
    )?);
    let digest = network.digest();
    let records = store.load_all()?;
    tracing::info!(network = network.name(), %digest, records = records.len(), "starting");
    let key = (&key_set.public().certificate).into();
    let accountable = network.settings().accountable;
    let verifier = Verifier::of(digest, network.epoch(), &keyring, key, accountable);
    let config = Config {
        network: digest,
        epoch: network.epoch(),
        keyring,
        coin: Arc::new(key_set.coin()?),
        keys: Arc::new(key_set),
        accountable,
        seed: keys.seed,
        policy: Policy::for_members(network.committee().n()),
    };
    let party = Party::new(config, records)?;
    if listen.is_empty() {
        return Err(NodeError::NoAddress);
    }
    let (links, incoming) = Links::start(net::Config {
        keys: keys.transport,
        me,
        peers: peers(&network, me),
        network: *digest.as_bytes(),
        epoch: network.epoch(),
        lanes: Lane::DECIDING.to_vec(),
        listen,
        port_patience: Duration::ZERO,
        validator: validator(&network, verifier),
    })
    .await
    .map_err(|error| NodeError::Listen { address: error.address, reason: error.reason })?;

    let (calls, call_queue) = mpsc::channel(CALLS);
    let (notices, _) = broadcast::channel(NOTICES);
    let network = Arc::new(network);
    let handle = NodeHandle {
        calls,
        notices: notices.clone(),
        network: Arc::clone(&network),
        me,
        listening: links.listening().into(),
    };
    let journal = Journal::start(store).map_err(NodeError::Thread)?;
    let cancel = cancel.child_token();
    let stop = cancel.clone().drop_guard();
    let driver = Driver::new(Parts {
        party,
        network,
        links,
        incoming,
        journal,
        calls: call_queue,
        notices,
        cancel,
    });
    let ended = spawn(driver, lock)?;
    Ok(Node { handle, ended, stop })
}

/// Runs the driver on a thread of its own, which holds the directory's lock.
fn spawn(
    driver: Driver,
    lock: HomeLock,
) -> Result<oneshot::Receiver<Result<(), NodeError>>, NodeError> {
    let (end, ended) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("party".to_owned())
        .spawn(move || {
            let result = runtime.block_on(driver.run());
            drop(lock);
            let _ = end.send(result);
        })
        .map_err(NodeError::Thread)?;
    Ok(ended)
}

/// The other members, as the network knows them.
fn peers(network: &Network, me: PartyId) -> Vec<PeerInfo> {
    let members = network.committee().parties().zip(network.members());
    let others = members.filter(|(party, _)| *party != me);
    others
        .filter_map(|(party, member)| {
            Some(PeerInfo {
                party,
                name: member.name.clone(),
                peer_id: member.transport.peer_id()?,
                addresses: member.addresses.clone(),
            })
        })
        .collect()
}

/// The card's addresses; where it gives a host name, every address of this machine.
fn listen_addresses(home: &Home) -> Vec<Multiaddr> {
    let any = |part| match part {
        Protocol::Dns(_) | Protocol::Dns4(_) => Protocol::Ip4(std::net::Ipv4Addr::UNSPECIFIED),
        Protocol::Dns6(_) => Protocol::Ip6(std::net::Ipv6Addr::UNSPECIFIED),
        other => other,
    };
    home.card().addresses.iter().map(|address| address.iter().map(any).collect()).collect()
}

/// Announcements that are passed on: proposals that are well formed, certificates that hold.
fn validator(network: &Network, verifier: Verifier) -> Validator {
    let committee = network.committee();
    Arc::new(move |topic, data| match topic {
        Topic::Proposals => wire::decode::<Proposal>(data, data.len())
            .is_ok_and(|proposal| proposal.validate(committee).is_ok()),
        Topic::Certificates => Certificate::from_bytes(data)
            .is_ok_and(|certificate| certificate.verify(&verifier).is_ok()),
    })
}
