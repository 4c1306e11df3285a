//! `quorate network new NAME --orgs N` and `quorate network invite`

use quorate_protocol::Committee;
use quorate_protocol::secret::Secret;
use serde_json::json;

use super::say_size;
use crate::ceremony::folder::Folder;
use crate::ceremony::gathering::Gathering;
use crate::ceremony::invite::{Invite, Place};
use crate::cli::exit::{Exit, Failure, reason};
use crate::cli::{Context, hold_free_port, time};
use crate::home::Home;
use crate::roster::{self, Settings};

/// A network that one member begins.
pub struct Founding<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many members it will have.
    pub members: usize,
    /// What else they agree on.
    pub settings: Settings,
    /// Where the coordinator waits for them, if not where it is by default.
    pub rendezvous: Option<&'a str>,
    /// How long the invite holds.
    pub valid: &'a str,
    /// Whether an earlier one is given up for it.
    pub anew: bool,
}

/// `quorate network new NAME --orgs N`
pub fn found(context: &Context, founding: &Founding<'_>) -> Result<Exit, Failure> {
    let home = Home::open(&context.global.data_dir())?;
    let invite = invite_members(&home, founding)?;
    if let Some(committee) = committee(&invite) {
        say_size(context, &invite.network, committee);
    }
    show(context, &invite);
    Ok(Exit::Ok)
}

/// `quorate network invite`
pub fn again(context: &Context) -> Result<Exit, Failure> {
    let home = Home::open(&context.global.data_dir())?;
    let folder = Folder::of(&home);
    match folder.invite()? {
        Some(invite) if folder.is_coordinator() => {
            show(context, &invite);
            Ok(Exit::Ok)
        }
        _ => Err(Failure::new(Exit::NotFound, "this organisation has invited nobody")
            .hint("quorate network new NAME --orgs N")),
    }
}

fn show(context: &Context, invite: &Invite) {
    let terminal = &context.terminal;
    let others = invite.members.saturating_sub(1);
    terminal.say(format_args!(
        "send this invite to the other {others}, the way you send secrets; it expires {}",
        invite.expiry()
    ));
    terminal.say(format_args!("they are waited for at {}", invite.rendezvous));
    let flag = context.global.data_dir_flag();
    terminal.say(format_args!("next: quorate ceremony{flag}"));
    if terminal.json {
        terminal.object(&json!({
            "network": invite.network,
            "members": invite.members,
            "tolerates": committee(invite).map(|committee| committee.t()),
            "rendezvous": invite.rendezvous.to_string(),
            "expires": time::moment(invite.expires_ms),
            "invite": invite.to_string(),
        }));
    } else {
        terminal.line(invite);
    }
}

/// Makes a member the coordinator of a new network, and the invite for the others.
///
/// # Errors
/// It is in a network or has begun one, the numbers or addresses are bad, or a file cannot be
/// written.
pub fn invite_members(home: &Home, founding: &Founding<'_>) -> Result<Invite, Failure> {
    let Founding { name, members, settings, rendezvous, valid, anew } = *founding;
    let folder = Folder::of(home);
    if let Some(network) = home.network()? {
        let what = format!("this organisation is in a network already: {:?}", network.name());
        return Err(Failure::new(Exit::Conflict, what)
            .hint("one data directory belongs to one network: use another --data-dir"));
    }
    if folder.is_coordinator() && !anew {
        let what = "this organisation has begun a network before";
        return Err(Failure::new(Exit::Conflict, what).hint(
            "quorate network invite prints its invite again; --anew gives it up for another",
        ));
    }
    roster::check_plan(name, members, settings)?;
    let valid = time::parse_length(valid).map_err(|error| Failure::new(Exit::Invalid, error));
    let valid = valid.map_err(|failure| failure.hint("for example: --valid 7d"))?;
    let invite = Invite {
        network: name.to_owned(),
        members,
        settings,
        rendezvous: rendezvous_of(home, rendezvous)?,
        coordinator: home.card().transport,
        secret: Secret::new(rand::random()),
        expires_ms: time::now_ms().saturating_add(time::millis(valid)),
    };
    // As others will read it: the expiry is to the minute.
    let invite = Invite::parse(&invite.to_string())
        .map_err(|error| Failure::new(Exit::Invalid, &error).hint(error.hint()))?;
    folder.begin(&Gathering::new(invite.clone(), home.card().clone()))?;
    Ok(invite)
}

/// The place that was asked for, or one beside the node's own.
fn rendezvous_of(home: &Home, asked: Option<&str>) -> Result<Place, Failure> {
    if let Some(asked) = asked {
        return Ok(Place::parse(asked)?);
    }
    let unknown = || {
        Failure::new(Exit::Invalid, "there is no address where the others could be waited for")
            .hint("say where: --rendezvous HOST:PORT")
    };
    let own = home.card().addresses.iter().find_map(Place::of).ok_or_else(unknown)?;
    if !own.is_loopback() {
        return Ok(own.with_port(own.port().checked_add(1).ok_or_else(unknown)?));
    }
    let (port, _held) = hold_free_port().map_err(|error| {
        Failure::new(Exit::Internal, format!("no free port was found: {}", reason(&error)))
    })?;
    Ok(own.with_port(port))
}

fn committee(invite: &Invite) -> Option<Committee> {
    match invite.settings.insecure_small {
        true => Committee::with_threshold(invite.members, 0).ok(),
        false => Committee::new(invite.members).ok(),
    }
}
