//! `quorate init`

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use libp2p::Multiaddr;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::terminal::Paint;
use super::{Context, passphrase};
use crate::home::{Home, Passphrase, Unlocked};
use crate::roster;

/// Make this organisation's keys and its public member card
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The organisation's name, as others see it
    #[arg(long, value_name = "NAME")]
    org: String,

    /// Where others reach this node: HOST:PORT, or an address such as
    /// /ip4/192.0.2.1/udp/9001/quic-v1; may be given several times
    #[arg(long, value_name = "ADDRESS", conflicts_with = "port")]
    listen: Vec<String>,

    /// Listen on this machine only, at this port
    #[arg(long)]
    port: Option<u16>,

    #[command(flatten)]
    passphrase: passphrase::Source,
}

/// `quorate init`
pub fn init(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let dir = context.global.data_dir();
    let (addresses, chosen) = match (&arguments.listen, arguments.port) {
        (listen, _) if !listen.is_empty() => (addresses(listen)?, false),
        (_, Some(port)) => (loopback(port)?, false),
        _ => (loopback(free_port()?)?, true),
    };
    Home::check_free(&dir)?;
    let passphrase = arguments.passphrase.choose()?;
    let (home, _) = create_member(&dir, &arguments.org, addresses, &passphrase)?;
    let card = dir.join("member.toml");
    let shown: Vec<_> = home.card().addresses.iter().map(ToString::to_string).collect();
    terminal.say(format_args!(
        "made the keys of {} in {}, sealed with the passphrase; without it they are lost",
        terminal.painted_talk(Paint::Strong, &arguments.org),
        dir.display()
    ));
    if chosen {
        terminal.say(format_args!(
            "listens on this machine only, at a free port: {} (others: --listen HOST:PORT)",
            shown.first().map_or("", String::as_str)
        ));
    }
    terminal.say("the member card is public: give it to whoever writes the network file");
    if terminal.json {
        terminal.object(&json!({
            "organisation": arguments.org,
            "member_card": card,
            "addresses": shown,
        }));
    } else {
        terminal.line(card.display());
    }
    Ok(Exit::Ok)
}

/// Makes a member's data directory, sealed keys and card.
///
/// # Errors
/// There is a member already, or the directory cannot be written.
pub fn create_member(
    dir: &Path,
    name: &str,
    addresses: Vec<Multiaddr>,
    passphrase: &Passphrase,
) -> Result<(Home, Unlocked), Failure> {
    Ok(Home::create(dir, name, addresses, passphrase)?)
}

/// Addresses as people write them: HOST:PORT stands for both transports.
pub fn addresses(texts: &[String]) -> Result<Vec<Multiaddr>, Failure> {
    let mut all = Vec::new();
    for text in texts {
        if text.starts_with('/') {
            all.push(text.parse().map_err(|error| {
                Failure::new(Exit::Invalid, format!("{text} is not an address: {error}"))
                    .hint("write HOST:PORT, or for example /ip4/192.0.2.1/udp/9001/quic-v1")
            })?);
        } else {
            all.extend(roster::addresses(text)?);
        }
    }
    Ok(all)
}

fn loopback(port: u16) -> Result<Vec<Multiaddr>, Failure> {
    Ok(roster::addresses(&format!("127.0.0.1:{port}"))?)
}

/// A port that is free on the loopback address, for UDP and TCP.
fn free_port() -> Result<u16, Failure> {
    let found = hold_free_port().map(|(port, _held)| port);
    found.map_err(|e| Failure::new(Exit::Internal, format!("no free port was found: {e}")))
}

/// A free port and what keeps it from others.
pub fn hold_free_port() -> std::io::Result<(u16, (TcpListener, UdpSocket))> {
    // Below the ports that systems hand out to connections, so that none of them takes it later.
    const PORTS: std::ops::Range<u16> = 15_000..32_000;
    let mut last = std::io::Error::other("none");
    for _ in 0..200 {
        let port = rand::random_range(PORTS);
        let Ok(tcp) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(udp) => return Ok((port, (tcp, udp))),
            Err(error) => last = error,
        }
    }
    Err(last)
}
