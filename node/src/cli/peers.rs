//! `quorate peers`

use std::time::Duration;

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{clean, table};
use super::time;
use crate::api::model::Peer;

/// Show how the connections to the other members are
#[derive(clap::Args, Debug)]
pub struct Arguments {}

/// `quorate peers`
pub fn peers(context: &Context, _: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let client = context.client()?;
    let status = context.block_on(client.status())?;
    if terminal.json {
        terminal.object(&json!({ "peers": status.peers }));
        return Ok(Exit::Ok);
    }
    for line in table(&rows(&status.peers)) {
        terminal.line(line);
    }
    for peer in &status.peers {
        if let Some(trouble) = &peer.trouble {
            terminal.say(format_args!("{}: {}", clean(&peer.name), clean(trouble)));
        }
    }
    Ok(Exit::Ok)
}

/// A line for each member, under a line that says what is in it.
fn rows(peers: &[Peer]) -> Vec<[String; 7]> {
    let head = ["MEMBER", "LINK", "SEEN", "ROUND TRIP", "WAITING", "LOST", "FAULTS"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(peers.iter().map(|peer| {
        [
            clean(&peer.name),
            link(peer),
            seen(peer),
            peer.round_trip_us.map_or_else(dash, round_trip),
            bytes(peer.waiting_bytes),
            count(peer.lost),
            count(peer.faults),
        ]
    }));
    rows
}

/// Over what a member is connected.
pub fn link(peer: &Peer) -> String {
    match (peer.through.as_slice(), &peer.transport, peer.connected) {
        (.., false) => "away".to_owned(),
        ([], Some(over), true) => clean(over),
        ([], None, true) => "connected".to_owned(),
        (through, _, true) => format!("through {}", clean(&through.join(", "))),
    }
}

/// When it was last heard.
pub fn seen(peer: &Peer) -> String {
    match peer.last_seen_ms_ago {
        Some(ms) => format!("{} ago", time::length(Duration::from_secs(ms / 1000))),
        None => "never".to_owned(),
    }
}

/// Microseconds as people read them.
pub fn round_trip(micros: u64) -> String {
    time::length(Duration::from_micros(micros))
}

/// `512 B`, `1.4 KiB`, `48 MiB`; a dash for nothing.
pub fn bytes(bytes: usize) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    match (bytes, unit) {
        (0, _) => dash(),
        (_, "B") => format!("{bytes} B"),
        _ if value < 10.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

fn count(number: u64) -> String {
    if number == 0 { dash() } else { number.to_string() }
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::peer;

    #[test]
    fn a_table_says_of_each_member_how_its_link_is() {
        let here = Peer { round_trip_us: Some(420), last_seen_ms_ago: Some(900), ..peer(0, true) };
        let away = Peer {
            last_seen_ms_ago: Some(41_500),
            waiting_bytes: 5_000,
            lost: 3,
            faults: 2,
            ..peer(1, false)
        };
        assert_eq!(
            table(&rows(&[here, away, peer(2, false)])),
            [
                "MEMBER  LINK  SEEN      ROUND TRIP  WAITING  LOST  FAULTS",
                "org 0   quic  0 s ago   0.4 ms      -        -     -",
                "org 1   away  41 s ago  -           4.9 KiB  3     2",
                "org 2   away  never     -           -        -     -",
            ]
        );
    }

    #[test]
    fn bytes_are_shown_in_the_unit_that_fits() {
        let shown = [0, 512, 1_434, 48 << 20, 3 << 30].map(bytes);
        assert_eq!(shown, ["-", "512 B", "1.4 KiB", "48 MiB", "3.0 GiB"]);
    }
}
