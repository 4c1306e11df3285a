//! The demo's processes: one for each organisation, in one temporary folder.
//!
//! Each goes through the ceremony and then is a node (`quorate ceremony --run`), and tells how it
//! goes in events, a line each. Those who never start are registered with the coordinator, so that
//! they are on the roster, and nothing more.
//!
//! Nothing survives the demo, however it ends. Each node's standard input is a pipe of the demo's:
//! when the demo is gone the pipe ends, the node stops, and removes its data directory and the
//! folder (`quorate run --ephemeral`).

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, future, stream};
use quorate_protocol::crypto::Digest;
use quorate_protocol::keys::GroupPublic;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::plan::Plan;
use crate::ceremony::folder::Folder;
use crate::ceremony::invite::Invite;
use crate::cli::exit::{Exit, Failure, reason};
use crate::cli::{self, Founding, Registered, slug};
use crate::client::Client;
use crate::files::{self, Access};
use crate::home::{Home, Passphrase, Unlocked};
use crate::roster::text;
use crate::roster::{self, Settings};

/// The file with the passphrase of all data directories, in their folder.
const PASSPHRASE: &str = "passphrase";

/// How long keys may take to be made and a node to say that it is ready.
const START: Duration = Duration::from_secs(180);

/// How long nodes may take to stop by themselves.
const FAREWELL: Duration = Duration::from_secs(2);

/// Lines of a node's talk that are kept, to be shown should it fail.
const KEPT_LINES: usize = 20;

/// Organisations and the processes of their nodes.
pub struct Cluster {
    folder: TempDir,
    homes: Vec<Unlocked>,
    invite: Invite,
    ports: HeldPorts,
    processes: Vec<Process>,
    nodes: Vec<Node>,
    made: Made,
}

/// What all members know once they have made their keys.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Made {
    /// The network's digest.
    pub digest: String,
    /// What certificates are verified with.
    pub certificate_key: String,
    /// How long key generation took at the slowest.
    pub took_ms: u64,
    /// Bytes that the most talkative sent in it.
    pub bytes_sent: u64,
}

/// One organisation's running node.
pub struct Node {
    /// The organisation.
    pub name: String,
    /// Its control interface.
    pub client: Client,
}

/// The process of a node.
struct Process {
    name: String,
    data_dir: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
    talk: Arc<Mutex<VecDeque<String>>>,
}

impl Cluster {
    /// Sets up all organisations of a plan.
    ///
    /// # Errors
    /// What the commands `init` and `network new` would say.
    pub async fn new(plan: &Plan) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("quorate-demo-").tempdir();
        let folder = folder.map_err(|e| Failure::unwritable(&std::env::temp_dir(), &e))?;
        cli::mark_ephemeral(folder.path()).map_err(|e| Failure::unwritable(folder.path(), &e))?;
        // One for all: a person would have to remember several.
        let passphrase = Passphrase::random();
        let file = folder.path().join(PASSPHRASE);
        files::write(&file, passphrase.expose().as_bytes(), Access::Private)
            .map_err(|e| Failure::unwritable(&file, &e))?;
        let (homes, ports) = set_up(plan, folder.path(), &passphrase).await?;
        let first = homes.first().ok_or_else(|| Failure::new(Exit::Internal, "nobody"))?;
        let founding = Founding {
            name: "Demo",
            members: homes.len(),
            settings: Settings::default(),
            rendezvous: None,
            valid: "1h",
            anew: false,
        };
        let invite = cli::invite_members(first.home(), &founding)?;
        for home in homes.iter().skip(1) {
            Folder::of(home.home()).save_invite(&invite)?;
        }
        let (processes, nodes, made) = (Vec::new(), Vec::new(), Made::default());
        Ok(Self { folder, homes, invite, ports, processes, nodes, made })
    }

    /// Starts the processes of those who take part, and waits until they have made their keys and
    /// their nodes answer.
    ///
    /// # Errors
    /// What the command `ceremony` would say, or members that made different keys.
    pub async fn start(&mut self, plan: &Plan) -> Result<Made, Failure> {
        // Until here nobody else could take the ports.
        self.ports.clear();
        let present = plan.present();
        for (name, home) in std::iter::zip(&plan.names, &self.homes).take(present) {
            self.processes.push(Process::launch(name, home.home(), &self.folder, plan)?);
        }
        let absent = self.homes.get(present..).unwrap_or_default();
        let registering = absent.iter().map(|home| registered(home, &self.invite));
        let ready = self.processes.iter_mut().map(Process::ready);
        let (ready, _) =
            future::try_join(future::try_join_all(ready), future::try_join_all(registering))
                .await?;
        let mut made: Option<Made> = None;
        for (node, its) in ready {
            self.nodes.push(node);
            made = Some(match made {
                None => its,
                Some(made)
                    if (&made.digest, &made.certificate_key)
                        == (&its.digest, &its.certificate_key) =>
                {
                    Made {
                        took_ms: made.took_ms.max(its.took_ms),
                        bytes_sent: made.bytes_sent.max(its.bytes_sent),
                        ..made
                    }
                }
                Some(_) => {
                    return Err(Failure::new(Exit::Internal, "the members made different keys")
                        .hint("this must never happen: please report it"));
                }
            });
        }
        self.made = made.ok_or_else(|| Failure::new(Exit::Internal, "nobody takes part"))?;
        Ok(self.made.clone())
    }

    /// The network's digest, by which certificates are verified.
    pub fn digest(&self) -> Digest {
        Digest::from(text::unhex(&self.made.digest).unwrap_or_default())
    }

    /// The network's key, by which certificates are verified.
    ///
    /// # Errors
    /// The members made none.
    pub fn key(&self) -> Result<GroupPublic, Failure> {
        let key = self.made.certificate_key.parse();
        key.map_err(|error| Failure::new(Exit::Internal, format!("no network key: {error}")))
    }

    /// The nodes that run, in roster order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Ends the last `count` nodes as a power cut would.
    ///
    /// # Errors
    /// They cannot be ended.
    pub async fn kill(&mut self, count: usize) -> Result<Vec<String>, Failure> {
        let left = self.processes.len().saturating_sub(count);
        self.nodes.truncate(left);
        for victim in self.processes.get_mut(left..).unwrap_or_default() {
            victim.child.start_kill().map_err(|error| {
                Failure::new(Exit::Internal, format!("{} cannot be killed: {error}", victim.name))
            })?;
        }
        let mut names = Vec::new();
        for mut victim in self.processes.split_off(left) {
            let _ = victim.child.wait().await;
            let _ = std::fs::remove_dir_all(&victim.data_dir);
            names.push(victim.name);
        }
        Ok(names)
    }

    /// A node that has stopped though nobody wanted that, as a failure.
    pub fn fallen(&mut self) -> Option<Failure> {
        self.processes.iter_mut().find_map(|process| match process.child.try_wait() {
            Ok(Some(_)) => Some(process.broken()),
            _ => None,
        })
    }

    /// Stops all nodes and removes the folder.
    pub async fn end(mut self) {
        for process in &mut self.processes {
            drop(process.lifeline.take());
        }
        let processes = &mut self.processes;
        let stopped = future::join_all(processes.iter_mut().map(|process| process.child.wait()));
        if tokio::time::timeout(FAREWELL, stopped).await.is_err() {
            future::join_all(processes.iter_mut().map(|process| process.child.kill())).await;
        }
        // A node may have removed it already.
        let _ = self.folder.close();
    }
}

/// What keeps the ports of a network from others until its nodes start.
type HeldPorts = Vec<(std::net::TcpListener, std::net::UdpSocket)>;

/// `init` for each, as many at a time as there are cores.
async fn set_up(
    plan: &Plan,
    folder: &Path,
    passphrase: &Passphrase,
) -> Result<(Vec<Unlocked>, HeldPorts), Failure> {
    let (mut making, mut held) = (Vec::new(), Vec::new());
    for name in &plan.names {
        let (port, sockets) = cli::hold_free_port().map_err(|error| {
            Failure::new(Exit::Internal, format!("no free port: {}", reason(&error)))
        })?;
        held.push(sockets);
        let addresses = roster::addresses(&format!("127.0.0.1:{port}"))?;
        let (dir, name, passphrase) = (folder.join(slug(name)), name.clone(), passphrase.clone());
        making.push(move || cli::create_member(&dir, &name, addresses, &passphrase));
    }
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let made = stream::iter(making).map(tokio::task::spawn_blocking).buffered(at_once);
    let mut homes = Vec::new();
    for made in made.collect::<Vec<_>>().await {
        let made = made.map_err(|error| Failure::new(Exit::Internal, error))?;
        homes.push(made?.1);
    }
    Ok((homes, held))
}

/// Registers a member that does nothing else, as soon as the coordinator is there.
async fn registered(home: &Unlocked, invite: &Invite) -> Result<(), Failure> {
    loop {
        if let Registered::Listed(_) = cli::register(home, invite).await? {
            return Ok(());
        }
    }
}

impl Process {
    fn launch(name: &str, home: &Home, folder: &TempDir, plan: &Plan) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Internal, format!("the node of {name} cannot be started: {error}"))
        };
        let program = std::env::current_exe().map_err(failed)?;
        let passphrase = folder.path().join(PASSPHRASE);
        let mut child = Command::new(program)
            .args(["ceremony", "--yes", "--run", "--ephemeral", "--quiet", "--json", "--no-color"])
            .args(["--at-least", &plan.present().to_string()])
            .args(["--durability", &plan.durability.to_string()])
            .arg("--data-dir")
            .arg(home.dir())
            .arg("--passphrase-file")
            .arg(&passphrase)
            .arg("--backup")
            .arg(folder.path().join(format!("{}.backup", slug(name))))
            .arg("--backup-passphrase-file")
            .arg(&passphrase)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the demo, which then ends its nodes.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let lifeline = child.stdin.take();
        let (name, data_dir) = (name.to_owned(), home.dir().to_owned());
        Ok(Self { name, data_dir, child, lifeline, talk: Arc::default() })
    }

    async fn ready(&mut self) -> Result<(Node, Made), Failure> {
        if let Some(stderr) = self.child.stderr.take() {
            tokio::spawn(listen(stderr, self.talk.clone()));
        }
        let mut made = Made::default();
        let mut ready = false;
        if let Some(stdout) = self.child.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            let started = timeout(START, events(&mut stdout, &mut made)).await;
            ready = started.unwrap_or(false);
            // Kept open: a node must not fail because nobody listens.
            tokio::spawn(listen(stdout, Arc::default()));
        }
        if !ready {
            // What it had to say comes before its end.
            let _ = timeout(Duration::from_secs(1), self.child.wait()).await;
            return Err(self.broken());
        }
        let node = Node { name: self.name.clone(), client: Client::open(&self.data_dir)? };
        Ok((node, made))
    }

    /// Its end as a failure, with what it said last.
    fn broken(&self) -> Failure {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let last = talk.make_contiguous().join("\n  ");
        let mut what = format!("the node of {} has stopped", self.name);
        if !last.is_empty() {
            what.push_str(", and said:\n  ");
            what.push_str(&last);
        }
        Failure::new(Exit::Internal, what).hint("run the demo again; if it stays so, report it")
    }
}

/// Reads what a process tells of its ceremony; true once its node is ready.
async fn events(source: &mut (impl AsyncBufRead + Unpin), made: &mut Made) -> bool {
    let mut lines = source.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        let field = |name: &str| event.get(name);
        let word = |name| field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name| field(name).and_then(Value::as_u64).unwrap_or_default();
        match field("event").and_then(Value::as_str) {
            Some("roster") => made.digest = word("digest"),
            Some("keys") => {
                (made.took_ms, made.bytes_sent) = (number("took_ms"), number("bytes_sent"));
            }
            Some("done") => made.certificate_key = word("certificate_key"),
            Some("ready") => return true,
            _ => {}
        }
    }
    false
}

async fn listen(source: impl AsyncRead + Unpin, kept: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}
