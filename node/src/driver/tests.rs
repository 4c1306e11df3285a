//! Whole nodes in one process, over real connections on loopback.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::proposal::Renewal;
use quorate_protocol::party::Refusal;
use quorate_protocol::rule::Rule;
use quorate_protocol::secret::Secret;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::roster::{self, Settings};

const PATIENCE: Duration = Duration::from_secs(120);

/// Members of one network.
struct World {
    _folder: TempDir,
    homes: Vec<Unlocked>,
}

/// Ports that nobody listens on, below those that the system gives to outgoing connections.
fn free_ports(n: usize) -> Vec<u16> {
    let free = |port: &u16| {
        std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()
            && std::net::UdpSocket::bind(("127.0.0.1", *port)).is_ok()
    };
    let mut ports = std::collections::BTreeSet::new();
    let random = std::iter::repeat_with(|| rand::random_range(12_000..32_000));
    for port in random.filter(free) {
        ports.insert(port);
        if ports.len() == n {
            break;
        }
    }
    ports.into_iter().collect()
}

impl World {
    fn new(n: usize) -> Self {
        Self::apart(n, &[])
    }

    /// Members of whom some pairs cannot connect directly: each knows the other at a port where nobody
    /// answers.
    fn apart(n: usize, pairs: &[(usize, usize)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let make = |(i, port): (usize, u16)| {
            let addresses = roster::addresses(&format!("127.0.0.1:{port}")).unwrap();
            let dir = folder.path().join(format!("org{i}"));
            Home::create_for_tests(&dir, &format!("Org {i}"), addresses)
        };
        let homes: Vec<_> = free_ports(n).into_iter().enumerate().map(make).collect();
        let cards: Vec<_> = homes.iter().map(|home| home.home().card().clone()).collect();
        let network = |cards| Network::new("test", 1, cards, Settings::default()).unwrap();
        let dealt = network(cards.clone()).deal_keys_insecurely().unwrap();
        for (me, (home, keys)) in homes.iter().zip(&dealt).enumerate() {
            let mut known = cards.clone();
            for (a, b) in pairs {
                let others = [(a, b), (b, a)].into_iter().filter(|(one, _)| **one == me);
                for (_, other) in others {
                    let nowhere = format!("127.0.0.1:{}", other + 1);
                    known[*other].addresses = roster::addresses(&nowhere).unwrap();
                }
            }
            home.join(&network(known), Some(keys)).unwrap();
        }
        Self { _folder: folder, homes }
    }

    async fn run(&self, member: usize) -> (Node, CancellationToken) {
        self.run_with(member, NodeOptions::default()).await
    }

    /// Runs a member's node again. One that was stopped in this process holds its port for some
    /// seconds more, so the node takes another; it dials the others.
    async fn run_again(&self, member: usize) -> (Node, CancellationToken) {
        let listen = Some(roster::addresses("127.0.0.1:0").unwrap());
        self.run_with(member, NodeOptions { listen, ..NodeOptions::default() }).await
    }

    async fn run_with(&self, member: usize, options: NodeOptions) -> (Node, CancellationToken) {
        let cancel = CancellationToken::new();
        let node = run_node(self.homes[member].again(), options, cancel.clone()).await.unwrap();
        (node, cancel)
    }
}

fn proposal(rule: &str, nonce: u8) -> Proposal {
    proposal_for(rule, nonce, PATIENCE)
}

fn proposal_for(rule: &str, nonce: u8, lasts: Duration) -> Proposal {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Proposal {
        title: "Extend the credit line".into(),
        text: String::new(),
        rule: Rule::parse(rule).unwrap(),
        deadline_ms: u64::try_from((now + lasts).as_millis()).unwrap(),
        minimum: 3,
        nonce: [nonce; 16],
        document: None,
        renewal: Renewal::None,
    }
}

/// Waits until `handle` has the certificate of a decision.
async fn certificate(handle: &NodeHandle, decision: &Digest) -> Certificate {
    let mut notices = handle.subscribe();
    let waiting = async {
        loop {
            if let Some(certificate) = handle.certificate(decision).await.unwrap() {
                return certificate;
            }
            // Lagging or not: something has changed.
            let _ = notices.recv().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("certified in time")
}

/// Waits until `handle` knows a decision well enough to vote on it, and votes.
async fn vote(handle: &NodeHandle, decision: &Digest, value: u64) {
    let mut notices = handle.subscribe();
    let voting = async {
        loop {
            match handle.vote(*decision, Secret::new(value)).await {
                Ok(receipt) => return assert_eq!(receipt.decision, *decision),
                Err(CallError::Refused(Refusal::UnknownDecision)) => {
                    let _ = notices.recv().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(PATIENCE, voting).await.expect("voted in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_decide_and_stop_within_a_second() {
    let world = World::new(4);
    let mut nodes = Vec::new();
    for member in 0..4 {
        nodes.push(world.run(member).await);
    }
    let handles: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
    let question = proposal("mean(confidence) > 75", 1);
    let decision = handles[0].propose(question, None).await.unwrap();
    for (handle, value) in handles.iter().zip([80, 70, 90, 61]) {
        vote(handle, &decision, value).await;
    }
    let again = handles[1].vote(decision, Secret::new(3)).await;
    assert!(
        matches!(again, Err(CallError::Refused(Refusal::AlreadyVoted | Refusal::Sealed))),
        "{again:?}"
    );
    for handle in &handles {
        let certificate = certificate(handle, &decision).await;
        assert_eq!(certificate.statement.outcome, Outcome::Accepted);
        assert_eq!(handle.status().await.unwrap().peers.len(), 3);
    }
    for (node, cancel) in nodes {
        cancel.cancel();
        timeout(Duration::from_secs(1), node.finished()).await.expect("in time").unwrap();
    }
    assert_eq!(handles[0].status().await.expect_err("stopped"), CallError::Stopped);
}

/// So many nodes decide, of whom some pairs cannot connect directly; and all of those are connected in
/// the end.
async fn decide_apart(n: usize, pairs: &[(usize, usize)]) {
    let world = World::apart(n, pairs);
    let mut nodes = Vec::new();
    for member in 0..n {
        nodes.push(world.run(member).await);
    }
    let handles: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
    let minimum = u16::try_from(n / 2 + 1).unwrap();
    let question = Proposal { minimum, ..proposal("count(approve) >= 3", 1) };
    let decision = handles[0].propose(question, None).await.unwrap();
    for (member, handle) in handles.iter().enumerate() {
        vote(handle, &decision, u64::from(member != 1)).await;
    }
    for handle in &handles {
        let certificate = certificate(handle, &decision).await;
        assert_eq!(certificate.statement.outcome, Outcome::Accepted);
        assert_eq!(certificate.statement.counted.len(), n);
    }
    for (me, other) in pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]) {
        // The decision may be quicker: it does not need all links.
        let connected = async {
            loop {
                let status = handles[me].status().await.unwrap();
                let link = status.peers.into_iter().find(|peer| peer.party.index() == other);
                match link.unwrap().transport {
                    Some(transport) => return transport,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let transport = timeout(PATIENCE, connected).await.expect("connected in time");
        assert!(!transport.is_direct(), "{transport:?}");
    }
}

/// Pairs of members in a row that are not neighbours.
fn not_next(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|a| (a + 2..n).map(move |b| (a, b))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_decide_though_two_pairs_cannot_connect() {
    decide_apart(4, &[(0, 1), (2, 3)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_on_a_line_decide() {
    decide_apart(4, &not_next(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seven_nodes_on_a_line_decide() {
    decide_apart(7, &not_next(7)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_node_takes_part_in_the_next_decision() {
    let world = World::new(4);
    let mut nodes = Vec::new();
    for member in 0..4 {
        nodes.push(world.run(member).await);
    }
    for round in 1..=2 {
        let handles: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
        let question = proposal("count(approve) >= 3", round);
        let decision = handles[usize::from(round)].propose(question, None).await.unwrap();
        for (handle, value) in handles.iter().zip([1, 0, 1, 1]) {
            vote(handle, &decision, value).await;
        }
        for handle in &handles {
            let certificate = certificate(handle, &decision).await;
            assert_eq!(certificate.statement.outcome, Outcome::Accepted);
            assert_eq!(certificate.statement.counted.len(), 4);
        }
        let (node, cancel) = nodes.remove(3);
        cancel.cancel();
        node.finished().await.unwrap();
        nodes.push(world.run_again(3).await);
        let restarted = nodes[3].0.handle();
        let known = restarted.certificate(&decision).await.unwrap().expect("it was stored");
        assert_eq!(known.statement.outcome, Outcome::Accepted);
    }
}

/// Copies a data directory, without what nodes leave that run.
fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_data_directory_does_not_run() {
    let mut world = World::new(4);
    let mut nodes = Vec::new();
    for member in 0..4 {
        nodes.push(world.run(member).await);
    }
    let (node, cancel) = nodes.remove(0);
    cancel.cancel();
    node.finished().await.unwrap();
    let copies = ["one", "two"].map(|copy| world.homes[0].home().dir().with_extension(copy));
    for copy in &copies {
        copy_directory(world.homes[0].home().dir(), copy);
        let copy = world.homes[0].at(copy);
        world.homes.push(copy);
    }
    nodes.insert(0, world.run_again(0).await);
    let decide = async |nodes: &[(Node, CancellationToken)], nonce| {
        let handles: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
        let decision = handles[0].propose(proposal("count(approve) >= 3", nonce), None).await;
        let decision = decision.unwrap();
        for handle in &handles {
            vote(handle, &decision, 1).await;
        }
        for handle in &handles {
            assert_eq!(certificate(handle, &decision).await.statement.counted.len(), 4);
        }
    };
    decide(&nodes, 1).await;

    let (copy, _running) = world.run_again(4).await;
    let error = timeout(PATIENCE, copy.finished()).await.unwrap().expect_err("the first runs");
    assert!(matches!(error, NodeError::OtherLives), "{error}");
    decide(&nodes, 2).await;

    // However often it is started: what was found once holds.
    let options = NodeOptions::default();
    let again = run_node(world.homes[4].again(), options, CancellationToken::new()).await;
    let error = again.expect_err("it is a copy");
    assert!(matches!(error, NodeError::Home(HomeError::IsCopy { .. })), "{error}");
}

/// A node on an older copy of its data directory, run again each time that it is to come back.
struct Copy {
    ended: tokio::task::JoinHandle<NodeError>,
    handle: tokio::sync::watch::Receiver<Option<NodeHandle>>,
    returns: Arc<std::sync::atomic::AtomicUsize>,
}

impl Copy {
    fn run(world: &Arc<World>, member: usize) -> Self {
        let (world, (tell, handle)) = (Arc::clone(world), tokio::sync::watch::channel(None));
        let returns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&returns);
        let ended = tokio::spawn(async move {
            loop {
                let (node, _running) = world.run_again(member).await;
                tell.send_replace(Some(node.handle()));
                match node.finished().await.expect_err("nobody tells it to stop") {
                    NodeError::Older => count.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
                    error => return error,
                };
            }
        });
        Self { ended, handle, returns }
    }

    fn returns(&self) -> usize {
        self.returns.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Votes as soon as it can; what it is told if it cannot.
    async fn vote(&self, decision: &Digest) -> Result<(), CallError> {
        loop {
            let handle = self.handle.borrow().clone();
            match handle.expect("it has run").vote(*decision, Secret::new(1)).await {
                Ok(_) => return Ok(()),
                Err(
                    CallError::Stopped
                    | CallError::Refused(Refusal::UnknownDecision | Refusal::Returning),
                ) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Decides with the others until a vote of this one counts.
    async fn counts_with(&self, others: &[NodeHandle]) {
        for nonce in 100..120 {
            let question = proposal_for("count(approve) >= 3", nonce, Duration::from_secs(8));
            let decision = others[0].propose(question, None).await.unwrap();
            for handle in others {
                vote(handle, &decision, 1).await;
            }
            let decided = certificate(&others[0], &decision);
            let (decided, _) = tokio::join!(decided, timeout(PATIENCE, self.vote(&decision)));
            if decided.statement.counted.len() == 4 {
                return;
            }
        }
        panic!("its votes do not count");
    }
}

impl World {
    /// Four nodes; a copy of the first one's directory, and the first has decided more with the others
    /// since, and is gone. The other nodes.
    async fn left_behind<const COPIES: usize>(
        &mut self,
    ) -> (Vec<(Node, CancellationToken)>, [usize; COPIES]) {
        let mut nodes = Vec::new();
        for member in 0..4 {
            nodes.push(self.run(member).await);
        }
        let mut copies = [0; COPIES];
        for round in 0..2 {
            let handles: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
            let question = proposal("count(approve) >= 3", round);
            let decision = handles[1].propose(question, None).await.unwrap();
            for handle in &handles {
                vote(handle, &decision, 1).await;
            }
            for handle in &handles {
                certificate(handle, &decision).await;
            }
            let (node, cancel) = nodes.remove(0);
            cancel.cancel();
            node.finished().await.unwrap();
            if round == 0 {
                for (number, copy) in copies.iter_mut().enumerate() {
                    let dir = self.homes[0].home().dir().with_extension(number.to_string());
                    copy_directory(self.homes[0].home().dir(), &dir);
                    *copy = self.homes.len();
                    self.homes.push(self.homes[0].at(&dir));
                }
                nodes.insert(0, self.run_again(0).await);
            }
        }
        (nodes, copies)
    }
}

/// Nobody has seen anything wrong.
async fn nobody_is_blamed(handles: &[NodeHandle]) {
    for handle in handles {
        assert!(handle.status().await.unwrap().party.faults.is_empty());
        assert!(handle.evidence().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_a_data_directory_comes_back_and_abstains_from_what_was_open() {
    let mut world = World::new(4);
    let (nodes, [copy]) = world.left_behind().await;
    let others: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
    let open = proposal_for("count(approve) >= 3", 9, Duration::from_secs(60));
    let open = others[0].propose(open, None).await.unwrap();
    for handle in &others[..2] {
        vote(handle, &open, 1).await;
    }
    let world = Arc::new(world);
    let copy = Copy::run(&world, copy);
    copy.handle.clone().wait_for(Option::is_some).await.unwrap();
    let refused = timeout(PATIENCE, copy.vote(&open)).await.unwrap();
    // Before it heard of its later start it may have said yes, and said nothing.
    let refused = match refused {
        Ok(()) => {
            let came_back = async {
                while copy.returns() == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(PATIENCE, came_back).await.unwrap();
            timeout(PATIENCE, copy.vote(&open)).await.unwrap()
        }
        refused => refused,
    };
    assert!(
        matches!(refused, Err(CallError::Refused(Refusal::FollowingOnly | Refusal::AlreadyVoted))),
        "{refused:?}"
    );
    vote(&others[2], &open, 1).await;
    let decided = certificate(&others[0], &open).await;
    assert!(!decided.statement.counted.contains(PartyId::new(0)), "{:?}", decided.statement);
    let copied = copy.handle.borrow().clone().unwrap();
    assert_eq!(certificate(&copied, &open).await.statement, decided.statement);

    copy.counts_with(&others).await;
    assert_eq!(copy.returns(), 1);
    nobody_is_blamed(&others).await;
    nobody_is_blamed(&[copied]).await;
    assert!(!copy.ended.is_finished());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_older_copies_that_are_started_together_one_comes_back() {
    let mut world = World::new(4);
    let (nodes, copies) = world.left_behind::<2>().await;
    let others: Vec<_> = nodes.iter().map(|(node, _)| node.handle()).collect();
    let world = Arc::new(world);
    let [mut one, mut two] = copies.map(|copy| Copy::run(&world, copy));
    let ended = async {
        tokio::select! {
            error = &mut one.ended => (error.unwrap(), two),
            error = &mut two.ended => (error.unwrap(), one),
        }
    };
    let (error, left) = timeout(PATIENCE, ended).await.expect("one has to stop");
    assert!(matches!(error, NodeError::OtherLives), "{error}");
    left.counts_with(&others).await;
    assert!(left.returns() > 0 && !left.ended.is_finished());
    nobody_is_blamed(&others).await;
}

#[tokio::test]
async fn what_a_node_cannot_run_on_is_named() {
    let world = World::new(4);
    let (_node, _cancel) = world.run(0).await;
    let second =
        run_node(world.homes[0].again(), NodeOptions::default(), CancellationToken::new()).await;
    let error = second.expect_err("one node for each directory");
    assert!(matches!(error, NodeError::Home(HomeError::InUse { .. })), "{error}");

    let taken = world.homes[0].home().card().addresses.clone();
    let options = NodeOptions { listen: Some(taken), ..NodeOptions::default() };
    let error = run_node(world.homes[1].again(), options, CancellationToken::new()).await;
    let error = error.expect_err("the port is taken");
    assert!(matches!(error, NodeError::Listen { .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("another program")));

    let alone = tempfile::tempdir().unwrap();
    let home = Home::create_for_tests(&alone.path().join("alone"), "Alone", vec![]);
    let error = run_node(home, NodeOptions::default(), CancellationToken::new()).await;
    let error = error.expect_err("no network");
    assert!(matches!(error, NodeError::Home(HomeError::NotJoined { .. })), "{error}");

    let empty: &Path = alone.path();
    assert!(matches!(Home::open(empty), Err(HomeError::NotAMember { .. })));
}
