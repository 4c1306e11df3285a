//! The demo's processes: one node for each organisation, in one temporary folder.
//!
//! Nothing survives the demo, however it ends. Each node's standard input is a pipe of the demo's:
//! when the demo is gone the pipe ends, the node stops, and removes its data directory and the
//! folder (`quorate run --ephemeral`).

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future;
use quorate_protocol::crypto::Digest;
use quorate_protocol::keys::GroupPublic;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::plan::Plan;
use crate::cli::exit::{Exit, Failure, reason};
use crate::cli::{self, slug};
use crate::client::Client;
use crate::files::{self, Access};
use crate::home::{Passphrase, Unlocked};
use crate::roster::{self, Network, Settings};

/// The file with the passphrase of all data directories, in their folder.
const PASSPHRASE: &str = "passphrase";

/// How long a node may take to say that it is ready.
const START: Duration = Duration::from_secs(30);

/// How long nodes may take to stop by themselves.
const FAREWELL: Duration = Duration::from_secs(2);

/// Lines of a node's talk that are kept, to be shown should it fail.
const KEPT_LINES: usize = 20;

/// Organisations and the processes of their nodes.
pub struct Cluster {
    folder: TempDir,
    network: Network,
    key: GroupPublic,
    data_dirs: Vec<PathBuf>,
    ports: HeldPorts,
    processes: Vec<Process>,
    nodes: Vec<Node>,
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
    /// What the commands `init`, `network` and `join` would say.
    pub fn new(plan: &Plan) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("quorate-demo-").tempdir();
        let folder = folder.map_err(|e| Failure::unwritable(&std::env::temp_dir(), &e))?;
        cli::mark_ephemeral(folder.path()).map_err(|e| Failure::unwritable(folder.path(), &e))?;
        // One for all: a person would have to remember several.
        let passphrase = Passphrase::random();
        let file = folder.path().join(PASSPHRASE);
        files::write(&file, passphrase.expose().as_bytes(), Access::Private)
            .map_err(|e| Failure::unwritable(&file, &e))?;
        let (network, key, data_dirs, ports) = set_up(plan, folder.path(), &passphrase)?;
        let (processes, nodes) = (Vec::new(), Vec::new());
        Ok(Self { folder, network, key, data_dirs, ports, processes, nodes })
    }

    /// Starts the nodes of those who take part, and waits until they answer.
    ///
    /// # Errors
    /// What the command `run` would say.
    pub async fn start(&mut self, plan: &Plan) -> Result<(), Failure> {
        // Until here nobody else could take the ports.
        self.ports.clear();
        for (name, data_dir) in std::iter::zip(&plan.names, &self.data_dirs).take(plan.present()) {
            self.processes.push(Process::launch(name, data_dir, self.folder.path())?);
        }
        self.nodes = future::try_join_all(self.processes.iter_mut().map(Process::ready)).await?;
        Ok(())
    }

    /// The nodes that run, in roster order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The network's digest, by which certificates are verified.
    pub fn digest(&self) -> Digest {
        self.network.digest()
    }

    /// The network's key, by which certificates are verified.
    pub const fn key(&self) -> &GroupPublic {
        &self.key
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

/// `init` for each, `network new`, `network deal`, `join` for each.
fn set_up(
    plan: &Plan,
    folder: &Path,
    passphrase: &Passphrase,
) -> Result<(Network, GroupPublic, Vec<PathBuf>, HeldPorts), Failure> {
    let (mut homes, mut held, mut cards) = (Vec::new(), Vec::new(), Vec::new());
    for name in &plan.names {
        let (port, sockets) = cli::hold_free_port().map_err(|error| {
            Failure::new(Exit::Internal, format!("no free port: {}", reason(&error)))
        })?;
        let addresses = roster::addresses(&format!("127.0.0.1:{port}"))?;
        let dir = folder.join(slug(name));
        let (home, unlocked) = cli::create_member(&dir, name, addresses, passphrase)?;
        cards.push(home.card().clone());
        homes.push(unlocked);
        held.push(sockets);
    }
    let network = cli::found_network("Demo", cards, Settings::default())?;
    let dealt = network.deal_keys_insecurely();
    let dealt = dealt.map_err(|error| Failure::new(Exit::Internal, error))?;
    for (home, keys) in homes.iter().zip(&dealt) {
        cli::join_network(home, &network, Some(keys))?;
    }
    let Some(first) = homes.first() else {
        return Err(Failure::new(Exit::Internal, "a network without members"));
    };
    let (_, _, key_set) = first.joined()?;
    let key = (&key_set.public().certificate).into();
    let data_dirs = homes.iter().map(|home: &Unlocked| home.home().dir().to_owned()).collect();
    Ok((network, key, data_dirs, held))
}

impl Process {
    fn launch(name: &str, data_dir: &Path, folder: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Internal, format!("the node of {name} cannot be started: {error}"))
        };
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .args(["run", "--ephemeral", "--quiet", "--no-color", "--data-dir"])
            .arg(data_dir)
            .arg("--passphrase-file")
            .arg(folder.join(PASSPHRASE))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the demo, which then ends its nodes.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let lifeline = child.stdin.take();
        let (name, data_dir) = (name.to_owned(), data_dir.to_owned());
        Ok(Self { name, data_dir, child, lifeline, talk: Arc::default() })
    }

    async fn ready(&mut self) -> Result<Node, Failure> {
        if let Some(stderr) = self.child.stderr.take() {
            tokio::spawn(listen(stderr, self.talk.clone()));
        }
        let mut said = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            let _ = tokio::time::timeout(START, stdout.read_line(&mut said)).await;
            // Kept open: a node must not fail because nobody listens.
            tokio::spawn(listen(stdout, Arc::default()));
        }
        if !said.starts_with("ready") {
            // What it had to say comes before its end.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await;
            return Err(self.broken());
        }
        Ok(Node { name: self.name.clone(), client: Client::open(&self.data_dir)? })
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
