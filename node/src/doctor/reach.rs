//! Whether members can be reached, and whether they could reach us.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::PATIENCE;
use crate::api::model::Status;
use crate::cli::exit::reason;
use crate::driver;
use crate::home::Home;

/// How long a name or a connection may take.
const STEP: Duration = Duration::from_millis(900);

/// How a member can be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Something answers at this address.
    Answers(SocketAddr),
    /// Its name has no address.
    NoAddress(String),
    /// Nothing answers at this address, and why.
    Silent(SocketAddr, String),
    /// It cannot be told without being its peer.
    Unknown,
}

/// Where a member listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    host: String,
    port: u16,
    tcp: bool,
}

/// Tries all members that the node is not connected to.
pub async fn look(home: Option<&Home>, told: Option<&Status>) -> Vec<(String, Reach)> {
    let Some(home) = home else { return Vec::new() };
    let Ok(Some(network)) = home.network() else { return Vec::new() };
    let me = &home.card().name;
    let connected = |name: &str| {
        told.is_some_and(|s| s.peers.iter().any(|peer| peer.name == name && peer.connected))
    };
    let others = network.members().iter().filter(|member| member.name != *me);
    let away: Vec<_> = others.filter(|member| !connected(&member.name)).collect();
    let tries = away.iter().map(|member| async {
        timeout(PATIENCE, reach(&member.addresses)).await.unwrap_or(Reach::Unknown)
    });
    let reached = futures::future::join_all(tries).await;
    away.iter().map(|member| member.name.clone()).zip(reached).collect()
}

/// Tries all addresses of a member that can be tried.
async fn reach(addresses: &[Multiaddr]) -> Reach {
    let mut found = Reach::Unknown;
    for place in addresses.iter().filter_map(place).filter(|place| place.tcp) {
        found = try_place(&place).await;
        if matches!(found, Reach::Answers(_)) {
            break;
        }
    }
    found
}

async fn try_place(Place { host, port, .. }: &Place) -> Reach {
    let looked_up = timeout(STEP, lookup_host((host.as_str(), *port))).await;
    let addresses: Vec<_> = looked_up.ok().and_then(Result::ok).into_iter().flatten().collect();
    let Some(address) = addresses.first().copied() else {
        return Reach::NoAddress(host.clone());
    };
    match timeout(STEP, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Reach::Answers(address),
        Ok(Err(error)) => Reach::Silent(address, reason(&error)),
        Err(_) => Reach::Silent(address, "no answer".to_owned()),
    }
}

/// Whether the ports that our node would listen at are free.
pub fn ports(home: &Home) -> Vec<(String, io::Result<()>)> {
    let places = driver::listen_addresses(home);
    let places = places.iter().filter_map(place);
    places
        .map(|Place { host, port, tcp }| {
            let kind = if tcp { "tcp" } else { "udp" };
            let free = match tcp {
                true => TcpListener::bind((host.as_str(), port)).map(drop),
                false => UdpSocket::bind((host.as_str(), port)).map(drop),
            };
            (format!("{host}:{port}/{kind}"), free)
        })
        .collect()
}

fn place(address: &Multiaddr) -> Option<Place> {
    let mut parts = address.iter();
    let host = match parts.next()? {
        Protocol::Ip4(ip) => ip.to_string(),
        Protocol::Ip6(ip) => ip.to_string(),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => name.into_owned(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(Place { host, port, tcp: true }),
        Protocol::Udp(port) => Some(Place { host, port, tcp: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::addresses;

    #[tokio::test]
    async fn what_answers_is_told_from_what_does_not_and_from_a_name_that_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let of = |place: &str| addresses(place).unwrap();
        assert_eq!(reach(&of(&address.to_string())).await, Reach::Answers(address));
        drop(listener);
        let silent = reach(&of(&address.to_string())).await;
        assert!(matches!(silent, Reach::Silent(at, _) if at == address), "{silent:?}");
        let none = reach(&of("no-such-name.invalid:7000")).await;
        assert_eq!(none, Reach::NoAddress("no-such-name.invalid".into()));
        assert_eq!(reach(&[]).await, Reach::Unknown);
    }
}
