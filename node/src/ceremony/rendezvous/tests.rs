//! The rendezvous over real connections on loopback, with members, strangers and liars.

use std::sync::Arc;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::ceremony::gathering::tests::{Member, invite};
use crate::ceremony::gathering::{Gathering, Refusal, check_roster};
use crate::ceremony::invite::Invite;
use crate::cli;
use crate::net::swarm;

const PATIENT: Duration = Duration::from_secs(30);

struct World {
    members: Vec<Member>,
    hall: Arc<Hall>,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let (port, _held) = cli::hold_free_port().unwrap();
    let names = ["Acme", "Borealis", "Cobalt", "Delta", "Emerald"];
    let members: Vec<_> = names.iter().zip(7000..).map(|(n, p)| Member::new(n, p)).collect();
    let mut invite = invite(&members[0], port);
    invite.expires_ms = u64::from(u32::MAX) * 60_000;
    let path = folder.path().join("gathering.toml");
    Gathering::new(invite, members[0].card.clone()).write(&path).unwrap();
    World { members, hall: Arc::new(Hall::open(&path).unwrap()), _folder: folder }
}

impl World {
    fn invite(&self) -> Invite {
        self.hall.now().invite().clone()
    }

    async fn open(&self) -> Rendezvous {
        let keys = self.members[0].keys.clone();
        Rendezvous::open(keys, Arc::clone(&self.hall)).await.unwrap()
    }

    fn visitor(&self, who: usize) -> Visitor {
        self.visitor_with(who, self.invite())
    }

    fn visitor_with(&self, who: usize, invite: Invite) -> Visitor {
        let (heard, hearing) = mpsc::channel(16);
        let member = &self.members[who];
        let (keys, registration) = (member.keys.clone(), member.registration(&invite));
        let task = tokio::spawn(async move { visit(keys, &invite, registration, heard).await });
        Visitor { hearing, task }
    }
}

struct Visitor {
    hearing: mpsc::Receiver<Heard>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Visitor {
    async fn hear(&mut self) -> Heard {
        timeout(PATIENT, self.hearing.recv()).await.expect("in time").expect("something")
    }

    /// The next news that is not about the connection.
    async fn news(&mut self) -> Heard {
        loop {
            match self.hear().await {
                Heard::Unreachable(_) => {}
                news => return news,
            }
        }
    }

    async fn until_listed(&mut self, count: usize) {
        loop {
            if let Heard::Listed(names) = self.news().await
                && names.len() == count
            {
                return;
            }
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_see_each_other_come_and_get_the_roster_also_after_restarts() {
    let world = world();
    // Before the coordinator is there: it is waited for.
    let mut first = world.visitor(1);
    assert!(matches!(first.hear().await, Heard::Unreachable(_)));
    let rendezvous = world.open().await;
    first.until_listed(2).await;
    let mut second = world.visitor(2);
    second.until_listed(3).await;
    first.until_listed(3).await;
    // The coordinator is killed, and comes again.
    drop(rendezvous);
    let _rendezvous = loop {
        match Rendezvous::open(world.members[0].keys.clone(), Arc::clone(&world.hall)).await {
            Ok(rendezvous) => break rendezvous,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let mut third = world.visitor(3);
    for visitor in [&mut first, &mut second, &mut third] {
        visitor.until_listed(4).await;
    }
    // Nobody else gets in; the roster goes to those who were on the list, whenever they ask.
    let news = world.visitor(4).news().await;
    assert!(matches!(news, Heard::Refused(Refusal::Full)), "{news:?}");
    world.hall.make_roster().unwrap();
    let mut again = world.visitor(2);
    for visitor in [&mut first, &mut second, &mut third, &mut again] {
        let Heard::Roster(roster) = visitor.news().await else { panic!("no roster") };
        assert_eq!(check_roster(&roster, &world.invite(), &world.members[2].card), Ok(()));
    }
    let news = world.visitor(4).news().await;
    assert!(matches!(news, Heard::Refused(Refusal::Full)), "{news:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_hears_it_at_once() {
    let world = world();
    let _rendezvous = world.open().await;
    let mut visitor = world.visitor(1);
    visitor.until_listed(2).await;
    assert!(world.hall.turn_away("Borealis").unwrap());
    assert!(matches!(visitor.news().await, Heard::Refused(Refusal::TurnedAway)));
    let mut invite = world.invite();
    invite.secret = [1; 16].into();
    let news = world.visitor_with(2, invite).news().await;
    assert!(matches!(news, Heard::Refused(Refusal::Secret)), "{news:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_another_key_at_the_coordinators_address_is_told_nothing() {
    let world = world();
    let keys = Keypair::generate_ed25519();
    let _rendezvous = Rendezvous::open(keys, Arc::clone(&world.hall)).await.unwrap();
    let mut visitor = world.visitor(1);
    loop {
        match visitor.hear().await {
            Heard::Unreachable(why) if why.contains("another node") => break,
            Heard::Unreachable(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.hall.now().cards().len(), 1);
}

/// A new connection of somebody who is no member.
async fn stranger(world: &World) -> (libp2p_stream::Control, JoinHandle<()>) {
    let streams = libp2p_stream::Behaviour::new();
    let control = streams.new_control();
    let mut swarm = swarm::build_swarm(Keypair::generate_ed25519(), streams).unwrap();
    swarm.dial(world.invite().rendezvous.addresses().unwrap()[1].clone()).unwrap();
    loop {
        let event = timeout(PATIENT, swarm.select_next_some()).await.unwrap();
        if matches!(event, SwarmEvent::ConnectionEstablished { .. }) {
            break;
        }
    }
    let driving = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    (control, driving)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_huge_and_silent_streams_harm_nobody() {
    let world = world();
    let _rendezvous = world.open().await;
    let coordinator = world.members[0].peer();
    let mut silent = Vec::new();
    for bytes in [vec![0xff; 64], u32::MAX.to_le_bytes().to_vec(), vec![4, 0, 0, 0, 9, 9, 9, 9]] {
        // A connection of its own for each: one that has not registered is closed some time.
        let (mut control, driving) = stranger(&world).await;
        silent.push((control.open_stream(coordinator, PROTOCOL).await.unwrap(), driving));
        let mut stream = control.open_stream(coordinator, PROTOCOL).await.unwrap();
        // It may be closed before all of it is written.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.flush().await;
        let mut answer = Vec::new();
        let read = timeout(PATIENT, stream.read_to_end(&mut answer)).await.expect("it is closed");
        assert!(read.is_err() || answer.is_empty(), "junk is not answered");
    }
    // A member comes through all the same, while the others say nothing.
    world.visitor(1).until_listed(2).await;
    silent.into_iter().for_each(|(_, driving)| driving.abort());
}
