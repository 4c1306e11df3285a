//! Who may knock: incoming connections, before and after they have said who they are.
//!
//! # Model
//! Anybody can connect to the port of a node and say nothing, or say it slowly, or show a key that is
//! no member's; each costs the node a place among the connections that are being made, and a
//! handshake some work. A member can connect again and again.
//!
//! # Rules
//! - (W1) Where members are, by their cards, or were before, has its own count of places and
//!   handshakes: strangers from elsewhere take nothing away from it.
//! - (W2) Elsewhere each source (an IPv4 address, or a network of 2^64 IPv6 addresses) has few, and all
//!   of them together have a bound.
//! - (W3) Who is not in the roster is turned away with the handshake, before any other protocol
//!   (`swarm.rs`); a member that connects too often, too.
//!
//! Nodes dial each other from both sides, so one that cannot come in is still reached.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;
use std::net::Ipv6Addr;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::bounds::circuits;
use super::circuit::path;
use super::rate::{Meter, Rate};

/// Connections of strangers that are being made at the same time: from one source, and from all.
pub(super) const KNOCKING: (usize, usize) = (4, 32);
/// Handshakes of strangers: from one source, and from all.
const KNOCKS: Rate = Rate { burst: 16, every: Duration::from_millis(500) };
const ALL_KNOCKS: Rate = Rate { burst: 64, every: Duration::from_millis(50) };
/// Handshakes for each member from where members are: each may try several addresses at once, and all
/// members may be in one place.
const MEMBER_KNOCKS: Rate = Rate { burst: 16, every: Duration::from_millis(250) };
/// Connections that a member makes.
pub(super) const ENTRIES: Rate = Rate { burst: 32, every: Duration::from_secs(1) };
/// Places that are remembered of a member.
const PLACES: usize = 4;

/// Where a connection comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Source {
    V4([u8; 4]),
    /// The first half of the address.
    V6([u8; 8]),
    /// Through a member.
    Relay(PeerId),
    Unknown,
}

/// Why a connection was turned away.
#[derive(Debug, thiserror::Error)]
#[error("too many connections from there")]
struct TooMany;

/// Counts connections.
pub(super) struct Door {
    members: usize,
    /// Where members are by their cards.
    listed: Vec<Source>,
    /// Where they came from, the last first.
    seen: BTreeMap<PeerId, VecDeque<Source>>,
    /// Those that are being made.
    pending: HashMap<ConnectionId, Source>,
    knocks: BTreeMap<Source, Meter>,
    all_knocks: Meter,
    entries: BTreeMap<PeerId, Meter>,
}

impl Door {
    /// For a node whose peers have these addresses.
    pub(super) fn new<'a>(members: usize, addresses: impl Iterator<Item = &'a Multiaddr>) -> Self {
        let mut listed: Vec<_> = addresses.map(|at| Source::of(at, at)).collect();
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|source| *source != Source::Unknown);
        Self {
            members,
            listed,
            seen: BTreeMap::new(),
            pending: HashMap::new(),
            knocks: BTreeMap::new(),
            all_knocks: Meter::new(ALL_KNOCKS),
            entries: BTreeMap::new(),
        }
    }

    /// Whether members are there, or were.
    fn is_known(&self, source: Source) -> bool {
        matches!(source, Source::Relay(_))
            || self.listed.binary_search(&source).is_ok()
            || self.seen.values().any(|places| places.contains(&source))
    }

    /// Whether one more connection may be made from there. W1, W2.
    fn may_knock(&mut self, source: Source, now: Instant) -> bool {
        let known = self.is_known(source);
        let members = u32::try_from(self.members).unwrap_or(u32::MAX);
        let (places, rate) = if known {
            let burst = MEMBER_KNOCKS.burst.saturating_mul(members);
            let every = MEMBER_KNOCKS.every / members.max(1);
            // Through a member come as many as there are circuits over it: those of one that says
            // nothing leave places to others.
            let passed = matches!(source, Source::Relay(_));
            let circuits = if passed { circuits(self.members) } else { 0 };
            (self.members.saturating_mul(2) + 16 + circuits, Rate { burst, every })
        } else {
            (KNOCKING.0, KNOCKS)
        };
        let from = |of: Source| self.pending.values().filter(|other| **other == of).count();
        if from(source) >= places {
            return false;
        }
        if !known {
            let strangers = self.pending.values().filter(|other| !self.is_known(**other)).count();
            if strangers >= KNOCKING.1 || !self.all_knocks.may(now) {
                return false;
            }
        }
        // As many are left as knock in the time that one needs to be forgotten: the rates bound it.
        self.knocks.retain(|_, meter| !meter.is_idle(now));
        let may = self.knocks.entry(source).or_insert_with(|| Meter::new(rate)).take(now);
        may && (known || self.all_knocks.take(now))
    }

    /// Whether a member may come in, from there. W3.
    fn may_enter(&mut self, peer: PeerId, source: Source, now: Instant) -> bool {
        if !self.entries.entry(peer).or_insert_with(|| Meter::new(ENTRIES)).take(now) {
            return false;
        }
        let places = self.seen.entry(peer).or_default();
        places.retain(|place| *place != source);
        places.push_front(source);
        places.truncate(PLACES);
        true
    }
}

impl Source {
    /// Where a connection comes from that arrives at `local`.
    fn of(local: &Multiaddr, remote: &Multiaddr) -> Self {
        // Over a circuit: from the last member on the way, which is a neighbour.
        if let Some(last) = path::members(local).and_then(|between| between.last().copied()) {
            return Self::Relay(last);
        }
        let mut relay = None;
        for part in local {
            match part {
                Protocol::P2p(peer) => relay = Some(peer),
                Protocol::P2pCircuit => return relay.map_or(Self::Unknown, Self::Relay),
                _ => {}
            }
        }
        let half = |ip: Ipv6Addr| {
            let [a, b, c, d, e, f, g, h, ..] = ip.octets();
            Self::V6([a, b, c, d, e, f, g, h])
        };
        match remote.iter().next() {
            Some(Protocol::Ip4(ip)) => Self::V4(ip.octets()),
            Some(Protocol::Ip6(ip)) => match ip.to_ipv4_mapped() {
                Some(ip) => Self::V4(ip.octets()),
                None => half(ip),
            },
            _ => Self::Unknown,
        }
    }
}

impl NetworkBehaviour for Door {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let source = Source::of(local, remote);
        if !self.may_knock(source, Instant::now()) {
            return Err(ConnectionDenied::new(TooMany));
        }
        self.pending.insert(id, source);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&id);
        if !self.may_enter(peer, Source::of(local, remote), Instant::now()) {
            return Err(ConnectionDenied::new(TooMany));
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ListenFailure(failure) = event {
            self.pending.remove(&failure.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: usize = 4;

    fn source(address: &str) -> Source {
        let address = address.parse().unwrap();
        Source::of(&"/ip4/10.0.0.1/tcp/1".parse().unwrap(), &address)
    }

    fn door() -> Door {
        Door::new(MEMBERS, [&"/ip4/192.0.2.7/tcp/9000".parse().unwrap()].into_iter())
    }

    fn knock(door: &mut Door, from: Source, times: usize) -> usize {
        let now = Instant::now();
        let mut knock = || {
            let may = door.may_knock(from, now);
            if may {
                door.pending.insert(ConnectionId::new_unchecked(door.pending.len()), from);
            }
            may
        };
        (0..times).filter(|_| knock()).count()
    }

    #[test]
    fn strangers_take_no_places_of_members() {
        let mut door = door();
        let stranger = |i: u8| Source::V4([198, 51, 100, i]);
        assert_eq!(knock(&mut door, stranger(0), 99), KNOCKING.0, "each has few");
        let all: usize = (1..200).map(|i| knock(&mut door, stranger(i), 99)).sum();
        assert_eq!(all, KNOCKING.1 - KNOCKING.0, "and all together too");
        let member = source("/ip4/192.0.2.7/tcp/40000");
        assert_eq!(knock(&mut door, member, 99), 2 * MEMBERS + 16);
        let relay = Source::Relay(PeerId::random());
        assert_eq!(knock(&mut door, relay, 99), 2 * MEMBERS + 16 + circuits(MEMBERS));
    }

    #[test]
    fn handshakes_of_strangers_are_few_also_when_each_ends_at_once() {
        let mut door = door();
        let now = Instant::now();
        let mut made = 0;
        for i in 0..=255 {
            for _ in 0..20 {
                made += u32::from(door.may_knock(Source::V4([198, 51, 100, i]), now));
            }
        }
        assert_eq!(made, ALL_KNOCKS.burst);
        assert!(door.knocks.len() <= ALL_KNOCKS.burst as usize, "what is remembered is bounded");
        let one = (0..99).filter(|_| door.may_knock(source("/ip4/192.0.2.7/tcp/1"), now)).count();
        assert_eq!(one, MEMBER_KNOCKS.burst as usize * MEMBERS);
    }

    #[test]
    fn a_member_that_came_in_is_known_where_it_came_from() {
        let mut door = door();
        let (member, now) = (PeerId::random(), Instant::now());
        let at = |i: u8| Source::V4([203, 0, 113, i]);
        assert!(!door.is_known(at(0)));
        for i in 0..10 {
            assert!(door.may_enter(member, at(i), now));
        }
        assert!(door.is_known(at(9)) && !door.is_known(at(0)), "the last few");
        let more = (0..99).filter(|_| door.may_enter(member, at(9), now)).count();
        assert_eq!(more + 10, ENTRIES.burst as usize);
        assert!(door.may_enter(PeerId::random(), at(9), now), "each has its own count");
    }

    #[test]
    fn a_source_is_an_address_or_a_network_of_them() {
        assert_eq!(source("/ip4/192.0.2.7/udp/1/quic-v1"), source("/ip4/192.0.2.7/tcp/2"));
        assert_eq!(source("/ip6/2001:db8::1/tcp/1"), source("/ip6/2001:db8::ffff/tcp/1"));
        assert_ne!(source("/ip6/2001:db8::1/tcp/1"), source("/ip6/2001:db8:0:1::1/tcp/1"));
        assert_eq!(source("/ip6/::ffff:192.0.2.7/tcp/1"), source("/ip4/192.0.2.7/tcp/1"));
        let relay = PeerId::random();
        let local = format!("/ip4/10.0.0.1/tcp/1/p2p/{relay}/p2p-circuit").parse().unwrap();
        let remote = format!("/p2p/{}", PeerId::random()).parse().unwrap();
        assert_eq!(Source::of(&local, &remote), Source::Relay(relay));
        let local = format!("/p2p/{}/p2p/{relay}", PeerId::random()).parse().unwrap();
        assert_eq!(Source::of(&local, &remote), Source::Relay(relay));
    }
}
