//! A running node: one member through the epochs of its network, its links, its store, and one loop
//! that joins them.
//!
//! # Model
//! The member is a deterministic state machine ([`Epochs`]); the driver gives it events and executes
//! its effects, in order, and decides nothing itself. It runs on a thread of its own, so that the
//! member's arithmetic never keeps the network waiting.
//!
//! # A turn
//! - (D1) Wait for the first of: a stop, what is durable, a call, a finished job, a timer, an event of
//!   a link, a frame.
//! - (D2) Let the party handle it, and the frames that came meanwhile: those for decisions first, of the
//!   members in turn, so that none keeps the others waiting (`inbox.rs`).
//! - (D3) Records of the turn go to the journal, which writes in the background.
//! - (D4) Messages, answers and notices of a turn leave when its records and all before them are
//!   durable; then the frames that led to them are acknowledged.
//! - (D5) Heavy work runs on other threads, and comes back as an event.
//! - (D6) When an epoch begins, our part of its keys is kept in the data directory; when one is erased,
//!   what is there of it goes, once the store is durably without it.
//!
//! # End
//! On cancellation the loop stops after its turn; what the journal holds is written, connections
//! are closed, all within a second. It ends by itself where it is to be made anew: with links to a new
//! member, or on a data directory that was found to be an old copy ([`incarnation`](crate::net)).

mod entering;
pub(crate) mod faults;
mod handle;
mod inbox;
mod jobs;
mod keeper;
mod repeats;
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
use quorate_protocol::crypto::{Identities, Keyring};
use quorate_protocol::decision::certificate::Certificate;
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::keys::GroupPublic;
use quorate_protocol::party::RestoreError;
use quorate_protocol::party::epochs::{self, EpochKeys, Epochs, EpochsConfig};
use quorate_protocol::{Error, PartyId, wire};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use entering::{Approach, enter_network};
pub use handle::{CallError, DecisionStanding, NodeHandle, NodeStatus, PeerStatus};

use crate::ceremony::folder::Folder;
use crate::ceremony::preflight::Stage;
use crate::ceremony::room::RoomError;
use crate::ceremony::serve::{self, Handed, Judge, Serving};
use crate::home::{Home, HomeError, HomeLock, KeyPart, Origin, Unlocked};
use crate::net::{self, Incoming, Lane, Links, PeerInfo, SignedIncarnation, Topic, Validator};
use crate::roster::Network;
use crate::store::{Durability, Ending, Journal, Restored, StoreError};
use keeper::Keeper;
use turn::{Driver, Parts};

/// Calls that wait for the driver.
const CALLS: usize = 64;
/// Notices kept for a subscriber that lags.
const NOTICES: usize = 1024;

/// How to run a node.
#[derive(Default, Debug)]
pub struct NodeOptions {
    /// Where to listen for members; `None` for the addresses of the member's card.
    pub listen: Option<Vec<Multiaddr>>,
    /// When what is written counts as durable.
    pub durability: Durability,
    /// What the ceremony has left, if it was in this process.
    pub handed: Option<Handed>,
    /// How long a port is waited for that this process has just closed.
    pub port_patience: Duration,
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
    Keys(#[from] Error),
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
    /// The ceremony, which the node goes on with for others.
    #[error(transparent)]
    Ceremony(#[from] RoomError),
    /// Another node with our keys runs.
    #[error("another node with the keys of this organisation is running")]
    OtherLives,
    /// The data directory is an older copy, and no node can go on with that.
    #[error("this node has run since this data directory was copied: it would contradict itself")]
    OldCopy,
    /// The data directory is an older copy, and no other node with our keys runs: it is to be run again,
    /// as one that may have forgotten what it said.
    #[error("this node has run since this data directory was copied: it is to come back")]
    Older,
    /// The members gave our seat to another, by this decision.
    #[error(
        "the members have replaced this organisation, by decision {0}: its keys are worth nothing here"
    )]
    Replaced(String),
    /// A member came in for another: the node is to be run again, with links to the new one.
    #[error("a member has been replaced: links to the new one have to be made")]
    NewMember,
    /// No thread can be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A bug.
    #[error("internal error: {0}")]
    Driver(&'static str),
}

impl From<net::ListenError> for NodeError {
    fn from(error: net::ListenError) -> Self {
        Self::Listen { address: error.address, reason: error.reason }
    }
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
            Self::OtherLives => Some(
                "this data directory is a copy and does not run any more: go on with the one that \
                 runs"
                    .to_owned(),
            ),
            Self::Replaced(_) => Some(
                "go on with the data directory of the new keys; if nobody here made any, ask the \
                 other members why"
                    .to_owned(),
            ),
            // As of a directory that was found before to be one.
            Self::OldCopy | Self::Older => Some(
                "run it on the data directory that it ran on last; if that is lost, restore from a \
                 backup: quorate key restore FILE --data-dir NEW"
                    .to_owned(),
            ),
            Self::Store(error) | Self::Ceremony(RoomError::Store(error)) => error.hint(),
            Self::Restore(_) | Self::Ceremony(RoomError::Restore(_)) => Some(
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
    let lock = match &options.handed {
        Some(_) => None,
        None => Some(home.home().lock()?),
    };
    let (network, me, part) = home.joined()?;
    let newest = part.keys().epoch();
    let (store, restored) = home.open_store(&network, options.durability, newest)?;
    let Restored { records, ending } = restored;
    let digest = network.digest();
    tracing::info!(network = network.name(), %digest, records = records.len(), "starting");
    match ending {
        Ending::Whole => {}
        Ending::Uncertain => tracing::warn!(
            "the machine stopped, or another version ran: what was written last may be missing; this \
             node stays out of what was open then, and takes part in what is new"
        ),
        Ending::Older => {
            tracing::warn!(
                "the data directory is an older copy of the one that this node ran on last: it stays \
                 out of what may have been open then, and takes part in what is new"
            );
            // What it says to members that come late may be another's words than it said.
            Folder::of(home.home()).forget_store().map_err(HomeError::from)?;
            home.home().begin_after_older()?;
        }
    }
    let known = epochs::first_known(&records).unwrap_or_else(|| network.epoch());
    let identities = Arc::new(identities(&home, &network, me, known)?);
    let key = (&part.keys().public().certificate).into();
    let accountable = network.settings().accountable;
    let policy = Policy::for_members(network.committee().n());
    let first = first_keys(&home, &network, &identities, part)?;
    let party = Epochs::new(
        EpochsConfig { network: digest, policy, accountable, identities, first },
        records,
    )?;
    if party.is_replaced() {
        return Err(NodeError::Replaced(keeper::replaced_by(&party)));
    }
    let origin = home.home().group_keys()?.map_or(Origin::Members, |keys| keys.origin);
    // A node that was stopped knows who was replaced before its network file does.
    let network = Arc::new(keeper::follow_replaced(home.home(), &network, &party)?);
    let validator = validator(&network, key);
    let entered = match options.handed {
        Some(handed) => handed,
        None => {
            let at = (options.listen, options.port_patience);
            enter(&home, &network, me, at, lock).await?
        }
    };
    let Handed { links, incoming, judge, room, rendezvous, lock } = entered;
    judge.set(validator);
    let start = |room| Serving::start(&home, Arc::clone(&network), room, rendezvous);
    let serving = room.map(start);
    let keeper = Keeper::new(home, origin, &party)?;

    let (calls, call_queue) = mpsc::channel(CALLS);
    let (notices, _) = broadcast::channel(NOTICES);
    let (heard, listening) = (notices.clone(), links.listening().into());
    let journal = Journal::start(store).map_err(NodeError::Thread)?;
    let cancel = cancel.child_token();
    let stop = cancel.clone().drop_guard();
    let driver = Driver::new(Parts {
        party,
        keeper,
        network: Arc::clone(&network),
        links,
        serving,
        incoming,
        journal,
        calls: call_queue,
        notices,
        cancel,
        older: ending == Ending::Older,
    });
    let handle =
        NodeHandle { calls, notices: heard, network, me, listening, counted: driver.counted() };
    let ended = spawn(driver, lock)?;
    Ok(Node { handle, ended, stop })
}

/// Our keys in the network's first epoch, as long as it is not erased here.
fn first_keys(
    home: &Unlocked,
    network: &Network,
    identities: &Arc<Identities>,
    newest: KeyPart,
) -> Result<Option<EpochKeys>, NodeError> {
    let part = match newest {
        KeyPart::First(keys) => Some(keys),
        KeyPart::Later(..) => home.first_key_set(network)?,
    };
    let Some(keys) = part else { return Ok(None) };
    let first = home.first()?;
    let (sealing, publics) = (first.sealing.clone(), network.first().sealing_keys());
    let keyring = Keyring::with(Arc::clone(identities), sealing, publics)?;
    let seed = first.seed.clone();
    Ok(Some(EpochKeys { keyring: Arc::new(keyring), keys: Arc::new(keys), seed }))
}

/// Listens and connects; with the ceremony, if others may need it.
async fn enter(
    home: &Unlocked,
    network: &Arc<Network>,
    me: PartyId,
    (listen, patience): (Option<Vec<Multiaddr>>, Duration),
    lock: Option<HomeLock>,
) -> Result<Handed, NodeError> {
    let listen = listen.unwrap_or_else(|| listen_addresses(home.home()));
    let late = Folder::of(home.home()).has_store() && home.first.is_some();
    let lanes = Lane::DECIDING.into_iter().chain(late.then_some(Lane::Ceremony)).collect();
    let judge = Judge::default();
    let (links, mut incoming) = link(home, network, me, lanes, (listen, patience), &judge).await?;
    let (mut room, mut rendezvous) = (None, None);
    if let Some(incoming) = incoming.ceremony.take().filter(|_| late) {
        room = Some(serve::open(home, network, me, &links, incoming, Stage::Keys).await?);
        rendezvous = serve::rendezvous(home).await;
    }
    Ok(Handed { links, incoming, judge, room, rendezvous, lock })
}

/// Opens the links to the other members.
///
/// # Errors
/// An address cannot be listened on.
pub(crate) async fn link(
    home: &Unlocked,
    network: &Network,
    me: PartyId,
    lanes: Vec<Lane>,
    (listen, port_patience): (Vec<Multiaddr>, Duration),
    judge: &Judge,
) -> Result<(Links, Incoming), NodeError> {
    if listen.is_empty() {
        return Err(NodeError::NoAddress);
    }
    let digest = *network.digest().as_bytes();
    let number = home.home().next_start()?;
    let path = home.home().starts_seen();
    let known = |party| network.member(party).map(|member| member.identity);
    let memory = net::Memory::open(path.clone(), &digest, known);
    let memory = memory.map_err(|source| HomeError::File { path, source })?;
    let config = net::Config {
        keys: home.keys.transport.clone(),
        me,
        peers: PeerInfo::others(network, me),
        network: digest,
        epoch: network.epoch(),
        identity: home.keys.identity.public(),
        start: SignedIncarnation::begin(&home.keys.identity, &digest, number),
        memory,
        committee: network.committee(),
        lanes,
        listen,
        port_patience,
        ping: net::PING,
        validator: judge.validator(),
    };
    Ok(Links::start(config).await?)
}

/// Runs the driver on a thread of its own, which holds the directory's lock.
fn spawn(
    driver: Driver,
    lock: Option<HomeLock>,
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

/// Who is who in an epoch.
///
/// # Errors
/// The keys do not fit the network.
pub(crate) fn identities(
    home: &Unlocked,
    network: &Network,
    me: PartyId,
    epoch: u64,
) -> Result<Identities, Error> {
    let identity = home.keys.identity.clone();
    Identities::new(network.committee(), me, identity, network.identities_in(epoch))
}

/// Our own keys in the first epoch, and the others' public ones.
///
/// # Errors
/// They do not fit, or are erased.
pub(crate) fn keyring(
    home: &Unlocked,
    network: &Network,
    me: PartyId,
) -> Result<Keyring, NodeError> {
    let identities = Arc::new(identities(home, network, me, network.epoch())?);
    let sealing = home.first()?.sealing.clone();
    Ok(Keyring::with(identities, sealing, network.first().sealing_keys())?)
}

/// The card's addresses; where it gives a host name, every address of this machine.
pub(crate) fn listen_addresses(home: &Home) -> Vec<Multiaddr> {
    let any = |part| match part {
        Protocol::Dns(_) | Protocol::Dns4(_) => Protocol::Ip4(std::net::Ipv4Addr::UNSPECIFIED),
        Protocol::Dns6(_) => Protocol::Ip6(std::net::Ipv6Addr::UNSPECIFIED),
        other => other,
    };
    home.card().addresses.iter().map(|address| address.iter().map(any).collect()).collect()
}

/// Announcements that are passed on: proposals that are well formed, certificates that hold.
fn validator(network: &Arc<Network>, key: GroupPublic) -> Validator {
    let (committee, network) = (network.committee(), Arc::clone(network));
    Arc::new(move |topic, data| match topic {
        Topic::Proposals => wire::decode::<Proposal>(data, data.len())
            .is_ok_and(|proposal| proposal.validate(committee).is_ok()),
        Topic::Certificates => Certificate::from_bytes(data).is_ok_and(|certificate| {
            let epoch = certificate.statement.epoch.max(network.epoch());
            network.verifier(epoch, key).is_ok_and(|it| certificate.verify(&it).is_ok())
        }),
    })
}
