use libp2p::identity::Keypair;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::secret::Secret;

use super::*;
use crate::ceremony::invite::Place;
use crate::roster::{Settings, TransportPublic};

pub struct Member {
    pub card: MemberCard,
    pub keys: Keypair,
    identity: IdentityKey,
}

impl Member {
    pub fn new(name: &str, port: u16) -> Self {
        let mut rng = rand::rng();
        let identity = IdentityKey::generate(&mut rng);
        let keys = Keypair::generate_ed25519();
        let transport = keys.clone().try_into_ed25519().unwrap().public().to_bytes();
        let card = MemberCard {
            name: name.to_owned(),
            identity: identity.public(),
            sealing: *SealingKey::generate(&mut rng).public(),
            transport: TransportPublic::from_bytes(&transport).unwrap(),
            addresses: roster::addresses(&format!("127.0.0.1:{port}")).unwrap(),
        };
        Self { card, keys, identity }
    }

    pub fn peer(&self) -> PeerId {
        self.card.transport.peer_id().unwrap()
    }

    pub fn registration(&self, invite: &Invite) -> Registration {
        Registration::new(invite, &self.card, &self.identity)
    }
}

pub fn invite(coordinator: &Member, port: u16) -> Invite {
    Invite {
        network: "Orion".to_owned(),
        members: 4,
        settings: Settings::default(),
        rendezvous: Place::parse(&format!("127.0.0.1:{port}")).unwrap(),
        coordinator: coordinator.card.transport,
        secret: Secret::new([7; 16]),
        expires_ms: 60_000 * 1_000,
    }
}

fn members() -> Vec<Member> {
    let names = ["Acme", "Borealis", "Cobalt", "Delta", "Emerald"];
    names.iter().zip(7000..).map(|(name, port)| Member::new(name, port)).collect()
}

fn gathering(members: &[Member]) -> Gathering {
    Gathering::new(invite(&members[0], 9), members[0].card.clone())
}

fn register(gathering: &mut Gathering, member: &Member) -> Result<bool, Refusal> {
    let registration = member.registration(gathering.invite());
    gathering.register(member.peer(), &registration, 0)
}

#[test]
fn members_register_once_and_the_roster_is_made_of_all() {
    let members = members();
    let mut list = gathering(&members);
    assert!(list.make_roster().is_err());
    for member in &members[1..4] {
        assert!(!list.is_complete());
        assert_eq!(register(&mut list, member), Ok(true));
        assert_eq!(register(&mut list, member), Ok(false), "nothing new");
    }
    assert!(list.is_complete());
    assert_eq!(register(&mut list, &members[4]), Err(Refusal::Full));
    let roster = list.make_roster().unwrap().clone();
    assert_eq!(roster.digest(), list.make_roster().unwrap().digest(), "once made it stays");
    for member in &members[..4] {
        assert_eq!(check_roster(&roster, list.invite(), &member.card), Ok(()));
        assert_eq!(list.standing(member.peer()), Ok(()));
    }
    // Later too, for those who come back, and for nobody else.
    let late = list.register(members[2].peer(), &members[2].registration(list.invite()), 1 << 60);
    assert_eq!(late, Ok(false));
    assert_eq!(register(&mut list, &members[4]), Err(Refusal::Full));
    assert!(!list.turn_away("Borealis"), "the roster is made");
}

#[test]
fn a_registration_is_its_senders_own_under_this_invite() {
    let members = members();
    let (one, two) = (&members[1], &members[2]);
    let mut list = gathering(&members);
    let good = one.registration(list.invite());
    let refused = |list: &mut Gathering, peer: &Member, registration: &Registration| {
        list.register(peer.peer(), registration, 0).expect_err("refused")
    };
    // Somebody else's, on another connection.
    let why = refused(&mut list, two, &good).to_string();
    assert!(why.contains("its transport key is another's"), "{why}");
    // An identity that is not the sender's.
    let mut copied = two.card.clone();
    copied.identity = one.card.identity;
    let copied = Registration::new(list.invite(), &copied, &two.identity);
    assert!(refused(&mut list, two, &copied).to_string().contains("not signed"));
    // Another invite's secret, or a signature under it.
    let mut other = list.invite().clone();
    other.secret = Secret::new([8; 16]);
    assert_eq!(refused(&mut list, one, &one.registration(&other)), Refusal::Secret);
    let mut moved = one.registration(&other);
    moved.secret = [7; 16];
    assert!(refused(&mut list, one, &moved).to_string().contains("not signed"));
    let mut later = good.clone();
    later.version = 2;
    assert_eq!(refused(&mut list, one, &later), Refusal::Version(1));
    let mut junk = good.clone();
    junk.card = "x".repeat(MAX_CARD + 1);
    assert!(refused(&mut list, one, &junk).to_string().contains("too long"));
    junk.card = "format = 1\n[member]\nname = 7".to_owned();
    assert!(refused(&mut list, one, &junk).to_string().len() < 400);
    let expired = list.register(one.peer(), &good, 60_000 * 1_000);
    assert_eq!(expired, Err(Refusal::Expired));
    assert_eq!(list.cards().len(), 1);
    assert_eq!(list.register(one.peer(), &good, 0), Ok(true));
}

#[test]
fn names_keys_and_addresses_are_not_taken_twice_and_members_may_move() {
    let members = members();
    let mut list = gathering(&members);
    register(&mut list, &members[1]).unwrap();
    let mut named = Member::new("BOREALIS", 7100);
    assert!(register(&mut list, &named).unwrap_err().to_string().contains("two members"));
    named.card.name = "Other".to_owned();
    named.card.addresses = members[1].card.addresses.clone();
    assert!(register(&mut list, &named).unwrap_err().to_string().contains("same address"));
    named.card.addresses = roster::addresses("127.0.0.1:7100").unwrap();
    named.card.sealing = members[1].card.sealing;
    assert!(register(&mut list, &named).unwrap_err().to_string().contains("same key"));

    let mut moved = Member { card: members[1].card.clone(), ..Member::new("x", 1) };
    (moved.keys, moved.identity) = (members[1].keys.clone(), members[1].identity.clone());
    moved.card.addresses = roster::addresses("127.0.0.1:7200").unwrap();
    assert_eq!(register(&mut list, &moved), Ok(true));
    assert_eq!((list.cards().len(), &list.cards()[1]), (2, &moved.card));
}

#[test]
fn who_is_turned_away_stays_away_and_the_list_survives() {
    let members = members();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gathering.toml");
    let mut list = gathering(&members);
    members[1..4].iter().for_each(|member| assert_eq!(register(&mut list, member), Ok(true)));
    assert!(!list.turn_away("acme"), "the coordinator itself");
    assert!(list.turn_away("borealis") && !list.turn_away("borealis"));
    list.write(&path).unwrap();
    let mut list = Gathering::read(&path).unwrap();
    assert_eq!(register(&mut list, &members[1]), Err(Refusal::TurnedAway));
    assert_eq!(list.standing(members[1].peer()), Err(Refusal::TurnedAway));
    assert_eq!(register(&mut list, &members[4]), Ok(true));
    let digest = list.make_roster().unwrap().digest();
    list.write(&path).unwrap();
    let list = Gathering::read(&path).unwrap();
    assert_eq!(list.roster().unwrap().digest(), digest);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_roster_that_is_not_the_invites_is_refused_by_members() {
    let members = members();
    let cards: Vec<_> = members[..4].iter().map(|member| member.card.clone()).collect();
    let invite = invite(&members[0], 9);
    let check = |name: &str, epoch, cards: &[MemberCard], settings| {
        let roster = Network::new(name, epoch, cards.to_vec(), settings).unwrap();
        check_roster(&roster, &invite, &members[1].card).expect_err("refused")
    };
    let plain = Settings::default();
    let accountable = Settings { accountable: true, ..plain };
    assert!(check("Other", 1, &cards, plain).contains("called"));
    assert!(check("Orion", 2, &cards, plain).contains("settings"));
    assert!(check("Orion", 1, &cards, accountable).contains("settings"));
    let five: Vec<_> = members.iter().map(|member| member.card.clone()).collect();
    assert!(check("Orion", 1, &five, plain).contains("5 members"));
    assert!(check("Orion", 1, &five[1..], plain).contains("whoever sent the invite"));
    let mut renamed = cards.clone();
    renamed[1].name = "Impostor".to_owned();
    assert!(check("Orion", 1, &renamed, plain).contains("this organisation"));
    let mut replaced = cards.clone();
    replaced[1].sealing = members[4].card.sealing;
    assert!(check("Orion", 1, &replaced, plain).contains("this organisation"));
}
