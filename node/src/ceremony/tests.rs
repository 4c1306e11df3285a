//! Ceremonies of four members over real links in one process.

use std::sync::Arc;
use std::time::Duration;

use quorate_protocol::PartyId;
use quorate_protocol::keys::KeySet;
use tempfile::TempDir;
use tokio::time::timeout;

use super::folder::{Folder, Next};
use super::preflight::Stage;
use super::room::{Room, State};
use super::serve::{self, Judge};
use crate::cli;
use crate::driver;
use crate::home::{Home, Unlocked};
use crate::net::{Lane, Links};
use crate::roster::{self, Network, Settings};

const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    _folder: TempDir,
    homes: Vec<Unlocked>,
    network: Arc<Network>,
}

/// A member that is up.
struct Up {
    links: Links,
    room: Room,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let make = |i: usize| {
            let (port, _held) = cli::hold_free_port().unwrap();
            let addresses = roster::addresses(&format!("127.0.0.1:{port}")).unwrap();
            let dir = folder.path().join(format!("org{i}"));
            Home::create_for_tests(&dir, &format!("Org {i}"), addresses)
        };
        let homes: Vec<_> = (0..4).map(make).collect();
        let cards = homes.iter().map(|home| home.home().card().clone()).collect();
        let network = Arc::new(Network::new("test", 1, cards, Settings::default()).unwrap());
        for home in &homes {
            Folder::of(home.home()).save_roster(&network).unwrap();
            home.join(&network, None).unwrap();
        }
        Self { _folder: folder, homes, network }
    }

    async fn start(&self, member: usize) -> Up {
        self.start_at(member, driver::listen_addresses(self.homes[member].home())).await
    }

    /// A node that was stopped in this process holds its port for a while: the next takes another.
    async fn start_again(&self, member: usize) -> Up {
        self.start_at(member, roster::addresses("127.0.0.1:0").unwrap()).await
    }

    async fn start_at(&self, member: usize, listen: Vec<libp2p::Multiaddr>) -> Up {
        let (home, me) = (&self.homes[member], party(member));
        let (network, judge) = (&self.network, Judge::default());
        let linked =
            driver::link(home, network, me, vec![Lane::Ceremony], (listen, Duration::ZERO), &judge)
                .await;
        let (links, mut incoming) = linked.unwrap();
        let ceremony = incoming.ceremony.take().unwrap();
        let room = serve::open(home, network, me, &links, ceremony, Stage::Words).await.unwrap();
        Up { links, room }
    }
}

impl Up {
    async fn until(&self, holds: impl Fn(&State) -> bool) -> State {
        let mut watch = self.room.watch();
        let state = timeout(PATIENCE, watch.wait_for(holds)).await;
        state.expect("in time").expect("the room stays").clone()
    }

    async fn keys(&self) -> Arc<KeySet> {
        self.until(|state| state.keys.is_some()).await.keys.unwrap()
    }

    async fn confirmed(&self, by: usize) {
        self.until(|state| state.confirmed.len() >= by).await;
    }

    async fn stop(self) {
        self.room.close().await;
        self.links.close().await;
    }
}

fn party(index: usize) -> PartyId {
    PartyId::new(u16::try_from(index).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_comes_late_makes_the_same_keys_also_after_everybodys_restart() {
    let world = World::new();
    let mut first = Vec::new();
    for member in 0..3 {
        first.push(world.start(member).await);
    }
    // All four are waited for, and one does not come: nobody begins.
    first.iter().for_each(|up| up.room.begin(4));
    for up in &first {
        let state = up.until(|state| state.board.reached(Stage::Ready).len() == 3).await;
        assert!(!state.begun && state.keys.is_none());
    }
    first.iter().for_each(|up| up.room.begin(3));
    let keys = first[0].keys().await;
    for up in &first {
        assert_eq!(up.keys().await.public(), keys.public());
        up.confirmed(3).await;
    }
    // They stop and come again, as their nodes would.
    for up in first {
        up.stop().await;
    }
    let mut again = Vec::new();
    for member in 0..3 {
        let up = world.start_again(member).await;
        assert_eq!(up.keys().await.public(), keys.public(), "what was begun goes on");
        again.push(up);
    }
    let late = world.start(3).await;
    late.room.begin(4);
    assert_eq!(late.keys().await.public(), keys.public());
    assert_eq!(late.keys().await.me(), party(3));
    for up in again.iter().chain([&late]) {
        up.confirmed(4).await;
    }
    late.stop().await;
    for up in again {
        up.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_have_begun_take_one_along_that_would_wait_but_not_one_that_asks_its_people() {
    let world = World::new();
    let mut ups = Vec::new();
    for member in 0..4 {
        ups.push(world.start(member).await);
    }
    // Two of them have to begin, so that one is honest; and three are needed for keys.
    ups[0].room.begin(1);
    ups[1].room.begin(4);
    ups[1].until(|state| state.board.reached(Stage::Ready).len() == 2).await;
    ups[1].keys_are_missing();
    ups[2].room.begin(1);
    let keys = ups[0].keys().await;
    assert_eq!(ups[1].keys().await.public(), keys.public());
    assert_eq!(ups[2].keys().await.public(), keys.public());
    // Its people have not confirmed the check-words.
    let asking = ups[3].room.watch().borrow().clone();
    assert!(!asking.begun && asking.keys.is_none());
    for up in ups {
        up.stop().await;
    }
}

impl Up {
    fn keys_are_missing(&self) {
        assert!(self.room.watch().borrow().keys.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_interrupted_for_long_by_stopping_again_and_again() {
    let world = World::new();
    let mut steady = Vec::new();
    for member in 0..3 {
        let up = world.start(member).await;
        up.room.begin(4);
        steady.push(up);
    }
    let mut restless = world.start(3).await;
    restless.room.begin(4);
    let mut pause = Duration::from_millis(30);
    let keys = loop {
        match timeout(pause, restless.keys()).await {
            Ok(keys) => break keys,
            Err(_) => {
                restless.stop().await;
                restless = world.start_again(3).await;
                restless.room.begin(4);
                pause = pause.mul_f32(1.5);
            }
        }
    };
    for up in &steady {
        assert_eq!(up.keys().await.public(), keys.public());
        up.confirmed(4).await;
    }
    restless.confirmed(4).await;
    let unneeded = |state: &State| state.confirmed.len() == 4 && state.unacknowledged == 0;
    restless.until(unneeded).await;
    restless.stop().await;
    for up in steady {
        up.stop().await;
    }
}

#[test]
fn what_is_next_follows_from_the_files() {
    let world = World::new();
    let home = world.homes[0].home();
    let folder = Folder::of(home);
    assert!(matches!(folder.next(home).unwrap(), Next::Keys(_)));
    assert!(!folder.has_store() && !folder.is_coordinator());
    std::fs::remove_file(home.dir().join("network.toml")).unwrap();
    assert!(matches!(folder.next(home).unwrap(), Next::Confirm(_)));
    folder.forget_roster().unwrap();
    folder.forget_roster().unwrap();
    assert!(matches!(folder.next(home).unwrap(), Next::Invite));
}
