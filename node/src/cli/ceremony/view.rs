//! What the ceremony shows: pure functions from what is known to lines, for wide and narrow terminals.

use quorate_protocol::keys::ceremony::Stage as Making;
use quorate_protocol::{PartyId, PartySet};

use crate::ceremony::invite::Invite;
use crate::ceremony::preflight::{Board, Finding, Stage};
use crate::ceremony::room::State;
use crate::cli::terminal::{clean, names, table};
use crate::roster::Network;

/// Columns below which the table says less.
const WIDE: usize = 76;

/// Who has come, before there is a roster.
pub fn gathering(
    invite: &Invite,
    listed: &[String],
    own: &str,
    trouble: Option<&str>,
) -> Vec<String> {
    let missing = invite.members.saturating_sub(listed.len());
    let mut lines = vec![format!("  gathering  {} of {}", listed.len(), invite.members)];
    for (place, name) in listed.iter().enumerate() {
        let mut notes = Vec::new();
        if place == 0 {
            notes.push("coordinator");
        }
        if name == own {
            notes.push("this organisation");
        }
        let notes =
            if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
        lines.push(format!("    {}{notes}", clean(name)));
    }
    if missing > 0 {
        lines.push(format!("    waiting for {missing} more to come with the invite"));
    } else {
        lines.push("    all are here; the coordinator makes the roster".to_owned());
    }
    if let Some(trouble) = trouble {
        lines.push(format!("    the coordinator is not reached: {}", clean(trouble)));
    }
    lines
}

/// The table of members.
pub fn members(network: &Network, me: PartyId, board: &Board, width: usize) -> Vec<String> {
    let others = network.committee().n() - 1;
    let rows: Vec<[String; 5]> = network
        .committee()
        .parties()
        .map(|party| {
            let row = board.row(party);
            let status = match (&row.trouble, row.connected) {
                (Some(_), _) => "refused",
                (None, false) => "away",
                (None, true) => row.stage.map_or("here", Stage::words),
            };
            let own = if party == me { " (you)" } else { "" };
            // Everybody reaches itself, which says nothing.
            let reaches = row.reaches.len().saturating_sub(1);
            let known = row.stage.is_some();
            let reaches =
                if known { format!("reaches {reaches} of {others}") } else { String::new() };
            let version = row.version.as_deref().map(|v| format!("version {}", clean(v)));
            let version = version.unwrap_or_default();
            let clock = row.clock_ahead_ms.filter(|_| party != me);
            let clock = clock.map(|ms| format!("clock {}", seconds(ms))).unwrap_or_default();
            [format!("{}{own}", name(network, party)), status.to_owned(), reaches, version, clock]
        })
        .collect();
    let lines = if width >= WIDE {
        table(&rows)
    } else {
        let narrow = rows.into_iter().map(|[name, status, ..]| [name, status]);
        table(&narrow.collect::<Vec<_>>())
    };
    lines.into_iter().map(|line| format!("    {line}")).collect()
}

/// What people should look at, each with what to do.
pub fn findings(network: &Network, board: &Board) -> Vec<String> {
    let name = |party| name(network, party);
    let away: PartySet = board
        .findings()
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::Away(party) => Some(party),
            _ => None,
        })
        .collect();
    let mut lines = Vec::new();
    if !away.is_empty() {
        lines.push(format!("  waiting for  {}", list(network, away)));
    }
    for finding in board.findings() {
        lines.push(match finding {
            Finding::Away(_) => continue,
            Finding::Trouble(party, why) => {
                format!("  look         {}: {}", name(party), clean(&why))
            }
            Finding::Apart(one, two) => format!(
                "  look         {} and {} do not reach each other: firewalls?",
                name(one),
                name(two)
            ),
            Finding::Version(party, version) => {
                format!("  look         {} runs version {}", name(party), clean(&version))
            }
            Finding::Clock(party, ahead) => format!(
                "  look         the clock of {} is {} {} ours",
                name(party),
                seconds(ahead).trim_start_matches(['+', '-']),
                if ahead > 0 { "ahead of" } else { "behind" }
            ),
        });
    }
    lines
}

/// Where key generation is, and whom it waits for.
pub fn making(network: &Network, state: &State) -> Vec<String> {
    let progress = &state.progress;
    if !state.begun {
        let ready = state.board.reached(Stage::Ready);
        let missing = network.committee().everyone().difference(ready);
        return vec![
            format!("  ready        {} of {}", ready.len(), network.committee().n()),
            format!("  waiting for  {}, to compare the words", list(network, missing)),
        ];
    }
    let step = match progress.stage {
        Making::Gathering => "members come together",
        Making::Dealing => "every member deals",
        Making::Proposing => "whose deals are complete",
        Making::Agreeing => "agreeing on whose deals count",
        Making::Confirming => "made; every member confirms",
        Making::Done => "made, and confirmed by all",
    };
    let mut lines = vec![format!("  keys         {step}")];
    if !progress.waiting_for.is_empty() && progress.stage != Making::Done {
        let waiting = list(network, progress.waiting_for);
        let needed = match progress.needed {
            0 => String::new(),
            needed => format!("; {needed} of them needed"),
        };
        lines.push(format!("  waiting for  {waiting}{needed}"));
    }
    if progress.forgot {
        let what = "this data directory is an old copy: nothing more is said with it";
        lines.push(format!("  look         {what}; quorate key restore makes a new one"));
    }
    if !state.faulty.is_empty() {
        lines.push(format!("  faulty       {}", list(network, state.faulty)));
    }
    lines
}

/// Names of members.
pub fn list(network: &Network, members: PartySet) -> String {
    names(&plain(network, members))
}

/// Names of members, as they are.
pub fn plain(network: &Network, members: PartySet) -> Vec<String> {
    let members = members.iter().filter_map(|party| network.member(party));
    members.map(|member| member.name.clone()).collect()
}

fn name(network: &Network, party: PartyId) -> String {
    network.member(party).map(|member| clean(&member.name)).unwrap_or_default()
}

fn seconds(ms: i64) -> String {
    let tenths = ms.unsigned_abs() / 100;
    let sign = match tenths {
        0 => "",
        _ if ms < 0 => "-",
        _ => "+",
    };
    format!("{sign}{}.{} s", tenths / 10, tenths % 10)
}
