//! `quorate run`

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::exit::{Exit, Failure, reason};
use super::terminal::{Paint, clean};
use super::{Context, passphrase};
use crate::api::Server;
use crate::api::live::Live;
use crate::home::{Home, Unlocked};
use crate::{NodeOptions, run_node};

/// A folder with a file of this name goes with the data directories in it.
const EPHEMERAL_MARK: &str = ".quorate-ephemeral";

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

    /// Port of the control interface on the loopback address [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    control_port: u16,

    #[command(flatten)]
    passphrase: passphrase::Source,

    // For the demo: end with the end of standard input, and remove the data directory. Only in a
    // folder with the mark, so that no organisation's keys are ever lost by it.
    #[arg(long, hide = true)]
    ephemeral: bool,
}

/// `quorate run`
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    start_log(context);
    let dir = context.global.data_dir();
    let home = Home::open(&dir)?;
    if arguments.ephemeral && !is_ephemeral(&dir) {
        let what = format!(
            "--ephemeral removes the keys in {} at its end, and is for what `quorate demo` has made",
            dir.display()
        );
        let flag = context.global.data_dir_flag();
        return Err(Failure::new(Exit::Usage, what).hint(format!("quorate run{flag}")));
    }
    if home.network()?.is_none() {
        let flag = context.global.data_dir_flag();
        return Err(Failure::new(
            Exit::Invalid,
            format!("{} joined no network yet", dir.display()),
        )
        .hint(format!("quorate join network.toml --dealt-keys FILE{flag}")));
    }
    // Before the passphrase is asked for; the node takes the lock again.
    drop(home.lock()?);
    let unlocked = arguments.passphrase.unlock(&home)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(Exit::Internal, format!("the runtime cannot be started: {error}"))
    })?;
    let orphaned = Arc::new(AtomicBool::new(false));
    let result = runtime.block_on(node(context, arguments, unlocked, &orphaned));
    runtime.shutdown_background();
    if arguments.ephemeral && is_ephemeral(&dir) {
        remove(&dir, orphaned.load(Ordering::Relaxed));
    }
    result
}

fn start_log(context: &Context) {
    let filter = EnvFilter::try_from_env("QUORATE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("quorate=warn,quorate_protocol=warn,error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(context.terminal.redraws())
        .with_writer(std::io::stderr)
        .init();
}

async fn node(
    context: &Context,
    arguments: &Arguments,
    unlocked: Unlocked,
    orphaned: &Arc<AtomicBool>,
) -> Result<Exit, Failure> {
    let cancel = CancellationToken::new();
    stop_on_signals(&cancel)?;
    if arguments.ephemeral {
        stop_with_stdin(cancel.clone(), orphaned.clone());
    }
    let server = Server::bind(arguments.control_port).await.map_err(|error| {
        let port = arguments.control_port;
        let what = format!("the control interface cannot have port {port}: {}", reason(&error));
        Failure::new(Exit::Conflict, what).hint("choose another --control-port, or leave it out")
    })?;
    let listen = match arguments.listen.as_slice() {
        [] => None,
        texts => Some(super::init::addresses(texts)?),
    };
    let home = &unlocked.home().clone();
    let node = run_node(unlocked, NodeOptions { listen }, cancel.clone()).await?;
    let token = home.api_token()?.expose().clone();
    let address = server.address();
    let answering = server.serve(Live::new(node.handle()), token, cancel.clone());
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
    ended?;
    context.terminal.say("stopped");
    Ok(Exit::Ok)
}

/// One line that says the node is there.
fn ready(context: &Context, home: &Home, node: &crate::Node, control: std::net::SocketAddr) {
    let terminal = &context.terminal;
    let listening: Vec<_> = node.listening().iter().map(ToString::to_string).collect();
    let handle = node.handle();
    if terminal.json {
        terminal.object(&json!({
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
