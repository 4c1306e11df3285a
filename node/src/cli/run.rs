//! `quorate run`

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ending::Endings;
use super::exit::{Exit, Failure, reason};
use super::terminal::{Paint, clean};
use super::{Context, ceremony, log, passphrase};
use crate::api::Server;
use crate::api::live::Live;
use crate::ceremony::serve::Handed;
use crate::home::{Home, Unlocked};
use crate::store::Durability;
use crate::{NodeError, NodeOptions, run_node};

/// A folder with a file of this name goes with the data directories in it.
const EPHEMERAL_MARK: &str = ".quorate-ephemeral";

/// How long the ports for members are waited for when the node is run again.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// How often a node comes back on an older copy of its data directory before it gives up: each time
/// somebody else was started on another one meanwhile.
const RETURNS: u32 = 4;

/// How often a port is tried that is not free, and how long after the last time.
const BIND_ATTEMPTS: usize = 10;
const BIND_PAUSE: Duration = Duration::from_millis(50);

/// How long the node may take to end; with a quarter of that again for requests that are being
/// answered. What is not written by then was never said, as after a crash.
const FAREWELL: Duration = Duration::from_millis(500);

/// Run this organisation's node
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Stop it with Ctrl-C. QUORATE_LOG=info or QUORATE_LOG=debug says more than \
                        the warnings it says by default. No log line holds a vote."
)]
pub struct Arguments {
    /// Listen here instead of at the addresses of the member card: HOST:PORT or an address
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,

    #[command(flatten)]
    passphrase: passphrase::Source,

    #[command(flatten)]
    control: Control,
}

/// What else a node is told.
#[derive(clap::Args, Clone, Default, Debug)]
pub struct Control {
    /// Port of the node's control interface on the loopback address [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    control_port: u16,

    /// What the node's memory outlives: the end of its process, or a loss of power, for which every step
    /// waits for the disk
    #[arg(long, value_enum, default_value_t)]
    durability: Durability,

    // For the demo: end with the end of standard input, and remove the data directory. Only in a
    // folder with the mark, so that no organisation's keys are ever lost by it.
    #[arg(long, hide = true)]
    ephemeral: bool,
}

/// What a process of the demo hangs on: its standard input.
#[derive(Clone)]
pub struct Lifeline {
    end: CancellationToken,
    orphaned: Arc<AtomicBool>,
}

/// `quorate run`
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    log::start(context, "warn")?;
    let home = Home::open(&context.global.data_dir())?;
    arguments.control.check(context, &home)?;
    let flag = context.global.data_dir_flag();
    if home.is_outside()? {
        let what = "this organisation has a seat, and is not in yet";
        return Err(Failure::new(Exit::Invalid, what)
            .hint(format!("quorate member enter FILE --network-key KEY{flag}")));
    }
    if home.network()?.is_none() {
        let what = format!("{} joined no network yet", home.dir().display());
        return Err(Failure::new(Exit::Invalid, what)
            .hint(format!("quorate join INVITE{flag}, then quorate ceremony{flag}")));
    }
    // Before the passphrase is asked for; the node takes the lock again.
    let lock = home.lock()?;
    let unlocked = arguments.passphrase.unlock(&home)?;
    let runtime = runtime()?;
    let lifeline = arguments.control.lifeline();
    let mut handed = None;
    if home.group_keys()?.is_some() {
        drop(lock);
    } else {
        let finished = runtime.block_on(async {
            let mut endings = Endings::new()?;
            tokio::select! {
                handed = ceremony::finish(context, &unlocked, &arguments.listen, lock) => handed,
                () = endings.any() => Err(ceremony::interrupted(context)),
                () = lifeline.gone() => Err(ceremony::interrupted(context)),
            }
        });
        match finished {
            Ok(finished) => handed = Some(finished),
            Err(failure) => {
                runtime.shutdown_background();
                arguments.control.clean_up(&home, &lifeline);
                return Err(failure);
            }
        }
    }
    go_on(context, runtime, unlocked, handed, &arguments.listen, (&arguments.control, &lifeline))
}

/// A runtime for a node.
///
/// # Errors
/// The machine has no threads left.
pub fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| {
        Failure::new(Exit::Internal, format!("the runtime cannot be started: {error}"))
    })
}

/// Runs the node of a member that has its keys, to its end.
///
/// # Errors
/// It cannot be started, or stopped for another reason than being told to.
pub fn go_on(
    context: &Context,
    runtime: Runtime,
    unlocked: Unlocked,
    handed: Option<Handed>,
    listen: &[String],
    (control, lifeline): (&Control, &Lifeline),
) -> Result<Exit, Failure> {
    let home = unlocked.home().clone();
    let result = runtime.block_on(node(context, unlocked, handed, listen, (control, lifeline)));
    runtime.shutdown_background();
    control.clean_up(&home, lifeline);
    result
}

impl Control {
    /// Refuses to remove what the demo has not made.
    ///
    /// # Errors
    /// It would.
    pub fn check(&self, context: &Context, home: &Home) -> Result<(), Failure> {
        if !self.ephemeral || is_ephemeral(home.dir()) {
            return Ok(());
        }
        let what = format!(
            "--ephemeral removes the keys in {} at its end, and is for what `quorate demo` has made",
            home.dir().display()
        );
        let flag = context.global.data_dir_flag();
        Err(Failure::new(Exit::Usage, what).hint(format!("quorate run{flag}")))
    }

    /// What this process hangs on, if on anything.
    pub fn lifeline(&self) -> Lifeline {
        let lifeline = Lifeline { end: CancellationToken::new(), orphaned: Arc::default() };
        if self.ephemeral {
            stop_with_stdin(lifeline.end.clone(), lifeline.orphaned.clone());
        }
        lifeline
    }

    /// Removes the data directory of a process of the demo.
    pub fn clean_up(&self, home: &Home, lifeline: &Lifeline) {
        if self.ephemeral && is_ephemeral(home.dir()) {
            remove(home.dir(), lifeline.orphaned.load(Ordering::Relaxed));
        }
    }
}

impl Lifeline {
    /// Waits until whoever started this process is gone; for ever in all processes but a demo's.
    pub async fn gone(&self) {
        self.end.cancelled().await;
    }
}

async fn node(
    context: &Context,
    unlocked: Unlocked,
    handed: Option<Handed>,
    listen: &[String],
    (control, lifeline): (&Control, &Lifeline),
) -> Result<Exit, Failure> {
    let cancel = lifeline.end.child_token();
    stop_on_signals(&cancel)?;
    let (mut handed, mut port, mut again) = (handed, control.control_port, false);
    let mut returns = 0;
    loop {
        let how = (control.durability, &mut port, again);
        match once(context, unlocked.clone(), handed.take(), listen, how, &cancel).await {
            Err(Ended::NewMember) => {
                context.terminal.say("a member has been replaced: links to the new one are made");
            }
            Err(Ended::Older) if returns < RETURNS => {
                returns += 1;
                context.terminal.say(
                    "this data directory is an older copy of the one that the node ran on last: it \
                     comes back, and stays out of what may have been open",
                );
            }
            Err(Ended::Older) => return Err(NodeError::OldCopy.into()),
            Err(Ended::Failed(failure)) => return Err(*failure),
            Ok(()) => break,
        }
        again = true;
    }
    context.terminal.say("stopped");
    Ok(Exit::Ok)
}

/// Why a node ended that was not told to.
enum Ended {
    /// It is to be run again, with links to a new member.
    NewMember,
    /// It is to be run again, as one that may have forgotten what it said.
    Older,
    Failed(Box<Failure>),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// Runs the node once. The control interface keeps its port.
async fn once(
    context: &Context,
    unlocked: Unlocked,
    handed: Option<Handed>,
    listen: &[String],
    (durability, port, again): (Durability, &mut u16, bool),
    cancel: &CancellationToken,
) -> Result<(), Ended> {
    let cancel = cancel.child_token();
    let server = bind(*port).await.map_err(|error| {
        let what = format!("the control interface cannot have port {port}: {}", reason(&error));
        Failure::new(Exit::Conflict, what).hint("choose another --control-port, or leave it out")
    })?;
    let listen = match listen {
        [] => None,
        texts => Some(super::init::addresses(texts)?),
    };
    let home = &unlocked.home().clone();
    let port_patience = if again { PORT_PATIENCE } else { Duration::ZERO };
    let options = NodeOptions { listen, durability, handed, port_patience };
    let node = run_node(unlocked, options, cancel.clone()).await?;
    let token = home.api_token()?.expose().clone();
    let address = server.address();
    *port = address.port();
    let answering = server.serve(Live::new(node.handle(), home.clone()), token, cancel.clone());
    let answering = tokio::spawn(answering);
    let published = home.publish_api(address)?;
    ready(context, home, &node, address);
    let ended = tokio::select! {
        ended = node.finished() => ended,
        () = async { cancel.cancelled().await; tokio::time::sleep(FAREWELL).await } => Ok(()),
    };
    drop(published);
    cancel.cancel();
    let _ = tokio::time::timeout(FAREWELL / 4, answering).await;
    match ended {
        Err(NodeError::NewMember) => Err(Ended::NewMember),
        Err(NodeError::Older) => Err(Ended::Older),
        ended => Ok(ended.map_err(Failure::from)?),
    }
}

/// A port that this process has just closed takes a moment to be free.
async fn bind(port: u16) -> std::io::Result<Server> {
    let mut bound = Server::bind(port).await;
    for _ in 0..BIND_ATTEMPTS {
        if port == 0 || bound.is_ok() {
            break;
        }
        tokio::time::sleep(BIND_PAUSE).await;
        bound = Server::bind(port).await;
    }
    bound
}

/// One line that says the node is there.
fn ready(context: &Context, home: &Home, node: &crate::Node, control: std::net::SocketAddr) {
    let terminal = &context.terminal;
    let listening: Vec<_> = node.listening().iter().map(ToString::to_string).collect();
    let handle = node.handle();
    if terminal.json {
        terminal.event(&json!({
            "event": "ready",
            "ready": true,
            "organisation": home.card().name,
            "network": handle.network().name(),
            "listening": listening,
            "control": control.to_string(),
        }));
        return;
    }
    terminal.line(format_args!(
        "ready: {} in {}, listening at {}",
        terminal.painted(Paint::Strong, clean(&home.card().name)),
        clean(handle.network().name()),
        listening.join(" and "),
    ));
    terminal.say("Ctrl-C stops it");
}

/// Ctrl-C, `kill`, and the end of the terminal stop the node; a second one of them at once.
fn stop_on_signals(cancel: &CancellationToken) -> Result<(), Failure> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(|error| {
            Failure::new(Exit::Internal, format!("signals cannot be received: {error}"))
        })?;
        let cancel = cancel.clone();
        tokio::spawn(async move {
            signals.recv().await;
            if cancel.is_cancelled() {
                std::process::exit(Exit::Interrupted.code().into());
            }
            cancel.cancel();
            signals.recv().await;
            std::process::exit(Exit::Interrupted.code().into());
        });
    }
    Ok(())
}

/// Cancels at the end of standard input: when whoever started this process is gone, however that
/// came about. A thread of its own, since a read of standard input cannot be given up.
fn stop_with_stdin(cancel: CancellationToken, orphaned: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        orphaned.store(true, Ordering::Relaxed);
        cancel.cancel();
    });
}

/// Whether a data directory is in a folder that goes with it.
fn is_ephemeral(dir: &Path) -> bool {
    let real = dir.canonicalize().ok();
    let around = real.as_deref().and_then(Path::parent);
    around.is_some_and(|around| around.join(EPHEMERAL_MARK).is_file())
}

/// Removes a data directory and, if whoever started the node is gone, the folder around it, when
/// that is marked as one that goes with its data directories.
fn remove(dir: &Path, orphaned: bool) {
    let _ = std::fs::remove_dir_all(dir);
    if !orphaned {
        return;
    }
    if let Some(around) = dir.parent().filter(|around| around.join(EPHEMERAL_MARK).exists()) {
        let _ = std::fs::remove_dir_all(around);
    }
}

/// Marks a folder of data directories as one that goes with the last of them.
///
/// # Errors
/// It cannot be written to.
pub fn mark_ephemeral(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join(EPHEMERAL_MARK), "")
}
