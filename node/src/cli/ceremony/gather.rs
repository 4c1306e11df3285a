//! (C1): until there is a roster.

use std::sync::Arc;

use quorate_protocol::limits;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Flow, ask, view};
use crate::ceremony::gathering::{Registration, check_roster};
use crate::ceremony::invite::Invite;
use crate::ceremony::rendezvous::{self, Hall, Heard, Rendezvous};
use crate::cli::exit::{Exit, Failure};
use crate::cli::join::refused;
use crate::cli::terminal::clean;
use crate::roster::Network;

/// Opens the rendezvous, if this member coordinates the ceremony.
///
/// # Errors
/// Its list cannot be read, or its address cannot be listened on.
pub async fn open(flow: &Flow<'_>) -> Result<Option<(Arc<Hall>, Rendezvous)>, Failure> {
    if !flow.folder.is_coordinator() {
        return Ok(None);
    }
    let hall = Arc::new(Hall::open(&flow.folder.gathering_path())?);
    for name in &flow.arguments.turn_away {
        if !hall.turn_away(name)? {
            let what = format!("{name} is not on the list of members, or the roster is made");
            return Err(Failure::new(Exit::NotFound, what).hint("quorate ceremony shows the list"));
        }
    }
    let keys = flow.unlocked.keys.transport.clone();
    let rendezvous = Rendezvous::open(keys, Arc::clone(&hall)).await.map_err(|error| {
        let what = format!("the others cannot be waited for: {error}");
        Failure::new(Exit::Conflict, what).hint(
            "stop what uses the port, or invite to another: quorate network new NAME --orgs N \
             --rendezvous HOST:PORT --anew",
        )
    })?;
    Ok(Some((hall, rendezvous)))
}

/// The coordinator's gathering.
///
/// # Errors
/// The list cannot be written, or the terminal has gone.
pub async fn coordinate(flow: &mut Flow<'_>, hall: &Hall) -> Result<Network, Failure> {
    let mut changes = hall.watch();
    loop {
        changes.mark_unchanged();
        let now = hall.now();
        if let Some(roster) = now.roster() {
            return Ok(roster.clone());
        }
        let listed: Vec<_> = now.cards().iter().map(|card| card.name.clone()).collect();
        flow.event("gathering", json!({ "members": listed, "of": now.invite().members }));
        let own = flow.name().to_owned();
        flow.screen.show(view::gathering(now.invite(), &listed, &own, None));
        if !now.is_complete() {
            let _ = changes.changed().await;
            continue;
        }
        if flow.asks_words() {
            flow.screen.settle();
            let question =
                "  Are these the organisations you invited? yes, or a name to turn away:";
            let answer = ask::line(question).await?;
            match answer.to_lowercase().as_str() {
                "yes" => {}
                _ if hall.turn_away(&answer)? => continue,
                _ => {
                    flow.say(&format!("  nobody of the others is called {:?}", clean(&answer)));
                    continue;
                }
            }
        }
        hall.make_roster()?;
    }
}

/// The gathering of those who were invited.
///
/// # Errors
/// The coordinator refuses, or sends another roster than it should.
pub async fn attend(flow: &mut Flow<'_>, invite: &Invite) -> Result<Network, Failure> {
    let keys = flow.unlocked.keys.transport.clone();
    let own = flow.unlocked.home().card().clone();
    let registration = Registration::new(invite, &own, &flow.unlocked.keys.identity);
    let (heard, mut hearing) = mpsc::channel(16);
    let visit = rendezvous::visit(keys, invite, registration, heard);
    let listening = async {
        let mut listed: Vec<String> = Vec::new();
        let mut trouble = None;
        loop {
            flow.screen.show(view::gathering(invite, &listed, &own.name, trouble.as_deref()));
            match hearing.recv().await {
                Some(Heard::Unreachable(why)) => {
                    if trouble.is_none() {
                        flow.event("coordinator_away", json!({ "reason": why }));
                    }
                    trouble = Some(why);
                }
                Some(Heard::Listed(mut names)) => {
                    names.truncate(limits::MAX_PARTIES);
                    trouble = None;
                    flow.event("gathering", json!({ "members": names, "of": invite.members }));
                    listed = names;
                }
                Some(Heard::Roster(roster)) => {
                    return check_roster(&roster, invite, &own).map(|()| *roster).map_err(|why| {
                        let what = format!(
                            "the coordinator sent a roster that is not the invite's: {why}"
                        );
                        Failure::new(Exit::SafetyStop, clean(&what)).hint(
                            "ask the coordinator; a new network is made with `quorate network new`",
                        )
                    });
                }
                Some(Heard::Refused(refusal)) => return Err(refused(&refusal)),
                Some(Heard::NoRoster(why)) => {
                    let what = format!("the coordinator sent a roster that is none: {why}");
                    return Err(Failure::new(Exit::Invalid, clean(&what))
                        .hint("is the coordinator's version of quorate the same as this one?"));
                }
                None => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        roster = listening => roster,
        Err(error) = visit => {
            let what = format!("the coordinator cannot be visited: {error}");
            Err(Failure::new(Exit::Unreachable, what).hint("quorate ceremony tries again"))
        }
    }
}
