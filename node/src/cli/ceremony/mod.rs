//! `quorate ceremony`: from an invite to keys, in one command that can be stopped and started again.
//!
//! What is done is in [`crate::ceremony`]; here it is put in order, shown and asked about. Each step
//! looks first whether it was done before. Without a terminal nothing is asked: `--yes` stands for
//! the comparison of check-words by people who did it, and the backup's place and passphrase are
//! given. With `--json`, standard output is one event a line.

mod ask;
mod gather;
mod keys;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quorate_protocol::PartyId;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ending::Endings;
use super::exit::{Exit, Failure};
use super::screen::Screen;
use super::terminal::{Paint, clean};
use super::{Context, log, passphrase, run};
use crate::ceremony::folder::{Folder, Next};
use crate::ceremony::preflight::Stage;
use crate::ceremony::rendezvous::Rendezvous;
use crate::ceremony::room::{Room, State};
use crate::ceremony::serve::{self, Handed, Judge};
use crate::driver::{self, NodeError};
use crate::home::{Home, HomeLock, Origin, Unlocked};
use crate::net::{Incoming, Lane, Links};
use crate::roster::Network;

/// Make the network's keys, together with the other members
#[derive(clap::Args, Default, Debug)]
#[command(
    after_help = "Stop it with Ctrl-C and start it again whenever you like: it goes on where it \
                  was. It ends when every member has its keys and a backup that was tried."
)]
pub struct Arguments {
    /// People have compared the check-words, or nothing depends on it: do not ask
    #[arg(long)]
    yes: bool,

    /// Do not wait for all members, but for so many; at least as many as decide. The others can
    /// finish later, with `quorate ceremony`, as long as these run
    #[arg(long, value_name = "K")]
    at_least: Option<usize>,

    /// At the coordinator: take an organisation off the list of those who have come
    #[arg(long, value_name = "NAME")]
    turn_away: Vec<String>,

    /// Listen here instead of at the addresses of the member card: HOST:PORT or an address
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,

    /// Where to write the backup of this member's keys
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,

    /// File with the passphrase of the backup; asked for without it
    #[arg(long, value_name = "FILE")]
    backup_passphrase_file: Option<PathBuf>,

    /// When it is done, run the node, as `quorate run` does
    #[arg(long)]
    run: bool,

    #[command(flatten)]
    passphrase: passphrase::Source,

    #[command(flatten)]
    node: run::Control,
}

/// A ceremony under way.
struct Flow<'a> {
    context: &'a Context,
    arguments: &'a Arguments,
    folder: Folder,
    unlocked: &'a Unlocked,
    screen: Screen,
    /// Whether nothing is left to do but to wait for others.
    done_here: bool,
}

/// `quorate ceremony`
pub fn ceremony(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    log::start(context, "error")?;
    let home = Home::open(&context.global.data_dir())?;
    arguments.node.check(context, &home)?;
    let folder = Folder::of(&home);
    let next = folder.next(&home)?;
    check(context, arguments, &home, &next)?;
    let lock = home.lock()?;
    let unlocked = arguments.passphrase.unlock(&home)?;
    let runtime = run::runtime()?;
    let lifeline = arguments.node.lifeline();
    let ended = runtime.block_on(async {
        let mut endings = Endings::new()?;
        let screen = Screen::new(context.terminal);
        let done_here = false;
        let mut flow = Flow { context, arguments, folder, unlocked: &unlocked, screen, done_here };
        let ended = tokio::select! {
            ended = flow.run(next, lock) => Some(ended),
            () = endings.any() => None,
            () = lifeline.gone() => None,
        };
        flow.screen.settle();
        match ended {
            Some(ended) => ended,
            None if flow.done_here && !arguments.run => Ok(None),
            None => Err(interrupted(context)),
        }
    });
    match ended {
        Ok(handed) if arguments.run => {
            let control = (&arguments.node, &lifeline);
            run::go_on(context, runtime, unlocked, handed, &arguments.listen, control)
        }
        ended => {
            runtime.shutdown_background();
            arguments.node.clean_up(&home, &lifeline);
            ended.map(|_| Exit::Ok)
        }
    }
}

/// Makes the keys of a member that has joined, before its node runs. Goes on as soon as a quorum of
/// members does.
///
/// # Errors
/// The keys cannot be kept, or nothing can be listened on.
pub async fn finish(
    context: &Context,
    unlocked: &Unlocked,
    listen: &[String],
    lock: HomeLock,
) -> Result<Handed, Failure> {
    let folder = Folder::of(unlocked.home());
    let arguments = &Arguments { listen: listen.to_vec(), run: true, ..Arguments::default() };
    let (screen, done_here) = (Screen::new(context.terminal), false);
    let mut flow = Flow { context, arguments, folder, unlocked, screen, done_here };
    let network = Arc::new(unlocked.home().joined_network()?);
    let me = unlocked.home().place_in(&network)?;
    flow.say("  its keys are not made yet: the ceremony goes on first");
    let rendezvous = serve::rendezvous(unlocked).await;
    let mut hall = flow.enter(&network, me).await?;
    hall.room.begin(network.committee().quorum());
    keys::make(&mut flow, &network, me, &mut hall.room).await?;
    let flag = context.global.data_dir_flag();
    flow.say(&format!("  there is no backup of them yet: quorate key backup{flag}"));
    Ok(hall.hand_over(rendezvous, lock))
}

/// The links of a member, and the ceremony on them.
struct Entered {
    links: Links,
    incoming: Incoming,
    judge: Judge,
    room: Room,
}

impl Entered {
    fn hand_over(self, rendezvous: Option<Rendezvous>, lock: HomeLock) -> Handed {
        let Self { links, incoming, judge, room } = self;
        Handed { links, incoming, judge, room: Some(room), rendezvous, lock: Some(lock) }
    }
}

/// How a ceremony ends that was stopped.
pub fn interrupted(context: &Context) -> Failure {
    let flag = context.global.data_dir_flag();
    Failure::new(Exit::Interrupted, "interrupted; nothing is lost")
        .hint(format!("quorate ceremony{flag} goes on where it was"))
}

/// What can be said before anything is unlocked.
fn check(
    context: &Context,
    arguments: &Arguments,
    home: &Home,
    next: &Next,
) -> Result<(), Failure> {
    let flag = context.global.data_dir_flag();
    if matches!(next, Next::Invite) {
        let what = "this organisation is in no network yet, and was not invited to one";
        return Err(Failure::new(Exit::Invalid, what).hint(format!(
            "quorate join INVITE{flag}, or begin a network: quorate network new NAME --orgs N{flag}"
        )));
    }
    if home.group_keys()?.is_some_and(|keys| keys.origin == Origin::Dealer) {
        let what = "this organisation's keys were dealt: there is nothing to make";
        return Err(Failure::new(Exit::Conflict, what).hint(format!("quorate run{flag}")));
    }
    if ask::somebody() && !context.terminal.json {
        return Ok(());
    }
    let unasked = |what: &str, hint: &str| {
        let what = format!("there is nobody to ask: {what}");
        Err(Failure::new(Exit::Usage, what).hint(hint))
    };
    if !matches!(next, Next::Keys(_)) && !arguments.yes {
        return unasked(
            "people compare check-words in a ceremony",
            "use a terminal, or --yes if nothing depends on the comparison",
        );
    }
    let given = arguments.backup.is_some() && arguments.backup_passphrase_file.is_some();
    if !keys::is_backed_up(home)? && !given {
        return unasked(
            "a ceremony ends with a backup that was tried",
            "--backup FILE --backup-passphrase-file FILE",
        );
    }
    Ok(())
}

impl Flow<'_> {
    /// Everything that is not done yet; then what the node goes on with, if it is to run.
    async fn run(&mut self, next: Next, lock: HomeLock) -> Result<Option<Handed>, Failure> {
        // Open until the end: members that come late get the roster here.
        let (hall, rendezvous) = match &next {
            Next::Keys(_) if !self.folder.has_store() && self.has_keys()? => (None, None),
            _ => gather::open(self).await?.unzip(),
        };
        let network = match next {
            Next::Invite => return Ok(None),
            Next::Gather(invite) => {
                let roster = match &hall {
                    Some(hall) => gather::coordinate(self, hall).await?,
                    None => gather::attend(self, &invite).await?,
                };
                self.folder.save_roster(&roster)?;
                roster
            }
            Next::Confirm(network) | Next::Keys(network) => *network,
        };
        let network = Arc::new(network);
        let me = self.unlocked.home().place_in(&network)?;
        let at_least = self.at_least(&network)?;
        self.members_are(&network);
        if self.has_keys()? && !self.folder.has_store() {
            // Everybody is done, but for the backup perhaps.
            keys::back_up(self).await?;
            keys::summary(self, &network, None)?;
            return Ok(None);
        }
        let mut entered = self.enter(&network, me).await?;
        let complete = self.together(&network, me, at_least, &mut entered.room).await?;
        if self.arguments.run {
            // The node goes on with it, and forgets it in time.
            return Ok(Some(entered.hand_over(rendezvous, lock)));
        }
        let Entered { links, room, .. } = entered;
        room.close().await;
        if complete {
            self.folder.forget_store()?;
        }
        links.close().await;
        Ok(None)
    }

    /// Words, keys, backup and confirmation; true if nobody needs this member's ceremony any more.
    async fn together(
        &mut self,
        network: &Network,
        me: PartyId,
        at_least: usize,
        room: &mut Room,
    ) -> Result<bool, Failure> {
        if self.unlocked.home().network()?.is_none() {
            words::confirm(self, network, me, at_least, room).await?;
        }
        room.begin(at_least);
        keys::make(self, network, me, room).await?;
        keys::back_up(self).await?;
        room.reached(Stage::Done);
        keys::confirmed(self, network, at_least, room).await
    }

    /// Opens the links to the other members, and the ceremony on them.
    async fn enter(&self, network: &Arc<Network>, me: PartyId) -> Result<Entered, Failure> {
        let home = self.unlocked.home();
        let listen = match self.arguments.listen.as_slice() {
            [] => driver::listen_addresses(home),
            texts => super::init::addresses(texts)?,
        };
        let mut lanes = vec![Lane::Ceremony];
        if self.arguments.run {
            lanes.extend(Lane::DECIDING);
        }
        let judge = Judge::default();
        let (links, mut incoming) =
            driver::link(self.unlocked, network, me, lanes, (listen, Duration::ZERO), &judge)
                .await?;
        let stage = match home.network()? {
            None => Stage::Words,
            Some(_) if !self.has_keys()? => Stage::Ready,
            Some(_) if keys::is_backed_up(home)? => Stage::Done,
            Some(_) => Stage::Keys,
        };
        let ceremony = incoming.ceremony.take().unwrap_or_else(|| mpsc::unbounded_channel().1);
        let room = serve::open(self.unlocked, network, me, &links, ceremony, stage).await?;
        Ok(Entered { links, incoming, judge, room })
    }

    fn has_keys(&self) -> Result<bool, Failure> {
        Ok(self.unlocked.home().group_keys()?.is_some())
    }

    fn at_least(&self, network: &Network) -> Result<usize, Failure> {
        let committee = network.committee();
        let at_least = self.arguments.at_least.unwrap_or(committee.n());
        if (committee.quorum()..=committee.n()).contains(&at_least) {
            return Ok(at_least);
        }
        let (least, most) = (committee.quorum(), committee.n());
        let what = format!("{at_least} of {most} members cannot make keys: at least {least} can");
        Err(Failure::new(Exit::Invalid, what).hint(format!("--at-least {least}, up to {most}")))
    }

    fn members_are(&mut self, network: &Network) {
        let digest = network.digest().to_string();
        let members: Vec<_> = network.members().iter().map(|m| m.name.clone()).collect();
        let what = json!({ "network": network.name(), "digest": digest, "members": members });
        self.event("roster", what);
        self.screen.settle();
        let strong = self.context.terminal.painted_talk(Paint::Strong, clean(network.name()));
        let committee = network.committee();
        self.say(&format!(
            "  roster     {strong}: {} organisations, tolerates {} faulty",
            committee.n(),
            committee.t()
        ));
    }

    /// Waits until `done` gives something, and shows meanwhile what `lines` makes of the state.
    async fn until<T>(
        &mut self,
        room: &mut Room,
        mut lines: impl FnMut(&State, usize) -> Vec<String>,
        mut done: impl FnMut(&State) -> Option<T>,
    ) -> Result<T, Failure> {
        let mut watch = room.watch();
        loop {
            let state = watch.borrow_and_update().clone();
            if let Some(done) = done(&state) {
                self.screen.settle();
                return Ok(done);
            }
            let mut shown = lines(&state, self.screen.width());
            if !self.context.terminal.redraws() {
                // A log wants what happened, not tables again and again.
                shown.retain(|line| !line.starts_with("    "));
            }
            self.screen.show(shown);
            tokio::select! {
                Ok(()) = watch.changed() => {}
                error = room.failed() => return Err(NodeError::from(error).into()),
            }
        }
    }

    /// Whether people are asked about what they see.
    fn asks_words(&self) -> bool {
        !self.arguments.yes && self.asks()
    }

    /// Whether there is somebody to ask.
    fn asks(&self) -> bool {
        ask::somebody() && !self.context.terminal.json
    }

    fn name(&self) -> &str {
        &self.unlocked.home().card().name
    }

    fn say(&mut self, line: &str) {
        if !self.context.terminal.json {
            self.screen.say(line);
        }
    }

    fn event(&self, what: &str, mut about: Value) {
        if let Some(about) = about.as_object_mut() {
            about.insert("event".to_owned(), what.into());
        }
        self.context.terminal.event(&about);
    }
}
