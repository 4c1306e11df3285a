//! What one member that floods does to the others: `scripts/flood`.
//!
//! Four organisations with dealt keys. Three have real nodes, processes of `quorate run`. The fourth does
//! not take part in decisions; its process (`flooder`) says valid greetings on valid links, and then as
//! much as the others take: well-formed frames of mutants of real messages, of this epoch and later ones,
//! on all lanes, announcements, streams, connections, and handshakes of strangers.
//!
//! Decisions are proposed by the three in turn and voted on by all of them. A fourth vote never comes,
//! so that each is decided a second after its deadline. Measured is what the nodes are waited for: from
//! the proposal to its place in the ledger at all three, and from the end of that second to the
//! certificate at all three.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, SwarmBuilder, noise, ping, tcp, yamux};
use quorate::api::model::{NewDecision, NewVote, Phase};
use quorate::cli::exit::Exit;
use quorate::client::Client;
use quorate::home::{Home, Passphrase};
use quorate::net::{
    Config, Incoming, Lane, Links, Memory, PING, PeerInfo, SignedIncarnation, Topic,
};
use quorate_fuzz::corpus::{self, Campaign};
use quorate_fuzz::{Target, mutate};
use quorate_protocol::party::{MessageOf, RealSuite};
use quorate_protocol::{frame, limits, wire};
use rand::seq::IndexedRandom as _;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Message = MessageOf<RealSuite>;

const NAMES: [&str; 4] = ["Acme Bank", "Borealis Re", "Cobalt Energy", "Delta Freight"];
const HONEST: usize = 3;
/// How long votes are waited for, and how much longer those are that were under way.
const VOTING: Duration = Duration::from_millis(2500);
/// How often something is proposed.
const EVERY: Duration = Duration::from_millis(250);
/// How long anything may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the largest node may hold while it is flooded.
const MOST_RESIDENT: u64 = 256 << 20;

/// Measures what a member that floods does to the others
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Starts a network, decides without and under a flood, and compares
    Measure {
        /// The node's program
        #[arg(long)]
        quorate: PathBuf,
        /// How long the flood goes on
        #[arg(long, default_value_t = 1.0)]
        minutes: f64,
        /// How nice the flooding process is to the others on this machine
        #[arg(long, default_value_t = 0)]
        nice: i32,
    },
    /// Floods the other members of a network
    Flooder {
        /// The member's data directory
        data_dir: PathBuf,
        /// What it is sealed with
        passphrase: String,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        What::Measure { quorate, minutes, nice } => {
            let minutes = Duration::from_secs_f64(minutes * 60.0);
            if !measure(&quorate, minutes, nice).await? {
                std::process::exit(1);
            }
            Ok(())
        }
        What::Flooder { data_dir, passphrase } => flood(&data_dir, &passphrase).await,
    }
}

/// Processes of a network in a folder, ended with this.
struct World {
    folder: tempfile::TempDir,
    quorate: PathBuf,
    nodes: Vec<Child>,
}

impl Drop for World {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

const PASSPHRASE: &str = "a passphrase for the flood";

impl World {
    fn new(quorate: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let world = Self { folder, quorate: quorate.to_owned(), nodes: Vec::new() };
        std::fs::write(world.path("passphrase"), PASSPHRASE)?;
        let mut mode = std::fs::metadata(world.path("passphrase"))?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
        std::fs::set_permissions(world.path("passphrase"), mode)?;
        let mut new = vec!["network".to_owned(), "new".into(), "Flood".into()];
        for name in NAMES {
            let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
            let dir = world.file(name);
            let card = world.run(&["init", "--org", name, "--data-dir", &dir, "--port", &port])?;
            new.extend(["--member".to_owned(), card.trim().to_owned()]);
        }
        let (file, deal) = (world.file("network.toml"), world.file("deal"));
        new.extend(["-o".to_owned(), file.clone()]);
        world.run(&new.iter().map(String::as_str).collect::<Vec<_>>())?;
        let dealing = ["network", "deal", &file, "--insecure-dealer", "--out-dir", &deal, "--json"];
        let dealt: serde_json::Value = serde_json::from_str(&world.run(&dealing)?)?;
        let keys = dealt.get("dealt_keys").and_then(|keys| keys.as_array()).ok_or("no keys")?;
        for (name, key) in NAMES.iter().zip(keys) {
            let key = key.as_str().ok_or("no key")?;
            world.run(&["join", &file, "--dealt-keys", key, "--data-dir", &world.file(name)])?;
        }
        Ok(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.quorate);
        command.args(arguments).env("QUORATE_PASSPHRASE_FILE", self.path("passphrase"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{arguments:?}: {said}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts the honest nodes and waits until they can decide.
    async fn start(&mut self) -> Result<Vec<Client>> {
        for name in NAMES.iter().take(HONEST) {
            let dir = self.file(name);
            let mut command = self.command(&["run", "--data-dir", &dir]);
            let log = std::fs::File::create(self.path(&format!("{name}.log")))?;
            command.stdout(Stdio::null()).stderr(log);
            self.nodes.push(command.spawn()?);
        }
        let mut clients = Vec::new();
        for name in NAMES.iter().take(HONEST) {
            let dir = self.path(name);
            let client = in_time(async {
                loop {
                    if let Ok(client) = Client::open(&dir)
                        && let Ok(status) = client.status().await
                        && status.stock.runs > 0
                    {
                        return client;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
            clients.push(client.await?);
        }
        Ok(clients)
    }

    /// Processor seconds that the nodes have used, and the bytes that the largest of them holds.
    fn usage(&self) -> (f64, u64) {
        let pids = self.nodes.iter().map(Child::id);
        pids.fold((0.0, 0), |(cpu, most), pid| (cpu + seconds(pid), most.max(resident(pid))))
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::time::timeout(PATIENCE, what).await.map_err(|_| "nothing for a minute")?)
}

/// Processor time of a process, in seconds.
fn seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    // A tick is a hundredth of a second on every Linux machine.
    ticks.sum::<f64>() / 100.0
}

/// Resident bytes of a process.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib = line.split_whitespace().next().and_then(|kib| kib.parse().ok());
    kib.unwrap_or(0u64) << 10
}

/// What was measured for a while.
#[derive(Default)]
struct Measured {
    latencies: Vec<Duration>,
    failed: usize,
    resident: u64,
    cpu: f64,
    wall: Duration,
}

impl Measured {
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    fn say(&self, name: &str) {
        println!(
            "{name:<8} {:>4} decisions  p50 {:>5} ms  p99 {:>5} ms  largest node {:>3} MiB  \
             processor of the three {:.2} cores",
            self.latencies.len(),
            self.percentile(50).as_millis(),
            self.percentile(99).as_millis(),
            self.resident >> 20,
            self.cpu / self.wall.as_secs_f64(),
        );
    }
}

/// Whether the bounds hold.
async fn measure(quorate: &Path, minutes: Duration, nice: i32) -> Result<bool> {
    let mut world = World::new(quorate)?;
    let clients: Arc<[Client]> = world.start().await?.into();
    // Settle, and then as long as it takes to have as many decisions as a median needs.
    decide_for(&world, &clients, Duration::from_secs(10)).await;
    let before =
        decide_for(&world, &clients, minutes.clamp(Duration::from_secs(30), PATIENCE)).await;
    before.say("before");
    let mut flooder = Command::new("nice")
        .args(["-n", &nice.to_string()])
        .arg(std::env::current_exe()?)
        .args(["flooder", &world.file(NAMES[HONEST]), PASSPHRASE])
        .stdin(Stdio::null())
        .spawn()?;
    // It makes its frames first.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (used, begun) = (seconds(flooder.id()), Instant::now());
    let flooded = decide_for(&world, &clients, minutes).await;
    let used = (seconds(flooder.id()) - used) / begun.elapsed().as_secs_f64();
    let ended = flooder.try_wait()?;
    flooder.kill()?;
    flooder.wait()?;
    flooded.say("flooded");
    println!("the flooding process: nice {nice}, {used:.2} cores");
    for name in NAMES.iter().take(HONEST) {
        let log = std::fs::read_to_string(world.path(&format!("{name}.log")))?;
        if log.contains("panicked") || log.contains("ERROR") {
            return Err(format!("{name} says:\n{log}").into());
        }
    }
    if let Some(status) = ended {
        return Err(format!("the flooding process has ended: {status}").into());
    }
    let failed = before.failed + flooded.failed;
    let holds = failed == 0
        && flooded.resident < MOST_RESIDENT
        && flooded.percentile(50) < 2 * before.percentile(50);
    println!("{}", if holds { "the bounds hold" } else { "the bounds do NOT hold" });
    if failed > 0 {
        println!("{failed} decisions did not end in time");
    }
    Ok(holds)
}

/// Decides again and again for so long.
async fn decide_for(world: &World, clients: &Arc<[Client]>, long: Duration) -> Measured {
    let mut measured = Measured::default();
    let (begun, (cpu, _)) = (Instant::now(), world.usage());
    let mut deciding = tokio::task::JoinSet::new();
    let mut tick = tokio::time::interval(EVERY);
    let mut number = 0;
    while begun.elapsed() < long || !deciding.is_empty() {
        tokio::select! {
            _ = tick.tick() => {
                measured.resident = measured.resident.max(world.usage().1);
                if begun.elapsed() < long {
                    deciding.spawn(decide(Arc::clone(clients), number));
                    number += 1;
                }
            }
            Some(decided) = deciding.join_next() => match decided {
                Ok(Ok(latency)) => measured.latencies.push(latency),
                Ok(Err(error)) => {
                    println!("{error}");
                    measured.failed += 1;
                }
                Err(_) => measured.failed += 1,
            },
        }
    }
    measured.wall = begun.elapsed();
    measured.cpu = world.usage().0 - cpu;
    measured
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One decision; returns how long the nodes were waited for.
async fn decide(clients: Arc<[Client]>, number: usize) -> Result<Duration> {
    let proposer = clients.get(number % HONEST).ok_or("no node")?;
    let begun = (Instant::now(), now_ms());
    let deadline_ms = begun.1 + u64::try_from(VOTING.as_millis())?;
    let proposed = proposer
        .propose(&NewDecision {
            title: format!("Number {number}"),
            body: String::new(),
            rule: "mean(confidence) > 75".to_owned(),
            deadline_ms,
            document: None,
            refresh: false,
            replaces: None,
        })
        .await;
    let digest = proposed.map_err(|failure| format!("{failure:?}"))?.digest;
    everywhere(&clients, &digest, Phase::Open).await?;
    let ordered = begun.0.elapsed();
    for client in clients.iter() {
        let vote = NewVote { vote: "80".to_owned() };
        match client.vote(&digest, &vote).await {
            // The first time was heard, and its answer late.
            Err(failure) if failure.exit == Exit::Conflict => {}
            voted => drop(voted.map_err(|failure| format!("{failure:?}"))?),
        }
    }
    everywhere(&clients, &digest, Phase::Certified).await?;
    let end = VOTING + limits::GRACE;
    let decided = begun.0.elapsed().checked_sub(end).ok_or("decided before the end of voting")?;
    Ok(ordered + decided)
}

async fn everywhere(clients: &[Client], digest: &str, phase: Phase) -> Result<()> {
    let reached = clients.iter().map(|client| async move {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let seen = client.reached(digest, phase, Duration::from_secs(20)).await;
            if seen.map_err(|failure| format!("{failure:?}"))?.decision.phase >= phase {
                return Ok(());
            }
        }
        Err(format!("{digest} did not come to `{}`", phase.word()))
    });
    futures::future::try_join_all(reached).await?;
    Ok(())
}

/// Floods for ever.
async fn flood(data_dir: &Path, passphrase: &str) -> Result<()> {
    let home = Home::open(data_dir)?.unlock(&Passphrase::new(passphrase)?)?;
    let (network, me, _) = home.joined()?;
    let mut peers = PeerInfo::others(&network, me);
    peers.retain(|peer| peer.party.index() < HONEST);
    let digest = *network.digest().as_bytes();
    let number = now_ms();
    let config = Config {
        keys: home.keys.transport.clone(),
        me,
        peers: peers.clone(),
        network: digest,
        epoch: network.epoch(),
        identity: home.keys.identity.public(),
        start: SignedIncarnation::begin(&home.keys.identity, &digest, number),
        memory: Memory::open(data_dir.join("flood.seen"), &digest, |_| None)?,
        committee: network.committee(),
        lanes: Lane::DECIDING.to_vec(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
        port_patience: Duration::ZERO,
        ping: PING,
        validator: Arc::new(|_, _| false),
    };
    let (links, incoming) = Links::start(config).await?;
    // What comes is never taken, and so never acknowledged.
    let _untaken = tokio::spawn(hold(incoming));
    for peer in &peers {
        tokio::spawn(strangers(peer.addresses.clone()));
        // And again as a member, with connections that come and go.
        tokio::spawn(knock(home.keys.transport.clone(), peer.addresses.clone()));
    }
    let frames = frames()?;
    loop {
        for link in links.status() {
            if link.unacknowledged_bytes < 4 << 20 {
                for _ in 0..64 {
                    let lane = if rand::random_ratio(3, 4) { Lane::Decision } else { Lane::Bulk };
                    let frame = frames.choose(&mut rand::rng()).ok_or("no frames")?;
                    links.send(link.party, lane, frame.clone());
                }
            }
        }
        links.announce(Topic::Proposals, rand::random::<[u8; 32]>().to_vec());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn hold(mut incoming: Incoming) {
    let mut held = Vec::new();
    loop {
        tokio::select! {
            Some(inbound) = incoming.decision.recv() => held.push(inbound.taken),
            Some(inbound) = incoming.bulk.recv() => held.push(inbound.taken),
            Some(_) = incoming.events.recv() => {}
            else => return,
        }
    }
}

/// Frames of all sizes: mutants of real messages that are messages still, of this epoch and others.
fn frames() -> Result<Vec<Vec<u8>>> {
    let target = Target::find("message").ok_or("no such target")?;
    let samples: Vec<_> = corpus::inputs(target)?.into_iter().map(|(_, input)| input).collect();
    let campaign = Campaign::new(samples.clone(), 1).chain(std::iter::from_fn(|| {
        Some(mutate::mutate(&samples, corpus::LONGEST, &mut rand::rng()))
    }));
    let read = |bytes: Vec<u8>| wire::decode::<Message>(&bytes, limits::MAX_ENVELOPE).ok();
    let messages: Vec<Message> = campaign.take(100_000).filter_map(read).collect();
    let mut frames = Vec::new();
    let sizes = [1, 10, 100, 1000].into_iter().cycle();
    for (many, epoch) in sizes.zip([1, 1, 1, 2, 4].into_iter().cycle()).take(400) {
        let some = (0..many).filter_map(|_| messages.choose(&mut rand::rng()));
        frames.extend(frame::encode(epoch, some));
    }
    Ok(frames)
}

/// Handshakes of strangers, each with a key of its own, as fast as they go.
async fn strangers(addresses: Vec<Multiaddr>) {
    loop {
        knock_once(Keypair::generate_ed25519(), &addresses).await;
    }
}

/// Connections of a member that come and go.
async fn knock(keys: Keypair, addresses: Vec<Multiaddr>) {
    loop {
        knock_once(keys.clone(), &addresses).await;
    }
}

async fn knock_once(keys: Keypair, addresses: &[Multiaddr]) {
    let built = SwarmBuilder::with_existing_identity(keys)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .map(|builder| builder.with_quic().with_behaviour(|_| ping::Behaviour::default()));
    let Ok(Ok(builder)) = built else { return };
    let mut swarm = builder.build();
    for address in addresses {
        let dial = DialOpts::unknown_peer_id().address(address.clone()).build();
        let _ = swarm.dial(dial);
    }
    let until = tokio::time::Instant::now() + Duration::from_millis(20);
    while tokio::time::timeout_at(until, swarm.next()).await.is_ok() {}
}
