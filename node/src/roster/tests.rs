use quorate_protocol::crypto::identity::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;

use super::*;

const SMALL: Settings = Settings { insecure_small: true, accountable: false };

fn card(name: &str, port: u16) -> MemberCard {
    let mut rng = rand::rng();
    let transport = IdentityKey::generate(&mut rng).public().to_bytes();
    MemberCard {
        name: name.to_owned(),
        identity: IdentityKey::generate(&mut rng).public(),
        sealing: *SealingKey::generate(&mut rng).public(),
        transport: TransportPublic::from_bytes(&transport).unwrap(),
        addresses: addresses(&format!("127.0.0.1:{port}")).unwrap(),
    }
}

fn cards(n: u16) -> Vec<MemberCard> {
    (0..n).map(|i| card(&format!("Org {i}"), 7000 + i)).collect()
}

fn network() -> Network {
    Network::new("test", 1, cards(4), Settings::default()).unwrap()
}

fn refused(change: impl FnOnce(&mut Vec<MemberCard>)) -> String {
    let mut members = cards(4);
    change(&mut members);
    Network::new("test", 1, members, Settings::default()).expect_err("refused").to_string()
}

#[test]
fn rosters_that_cannot_work_are_refused_with_the_reason() {
    let has = |text: String, wanted: &str| assert!(text.contains(wanted), "{text}");
    for n in 0..4 {
        has(refused(|m| m.truncate(n)), "at least 4 are needed");
    }
    has(refused(|m| m[2].name = "ORG 1".into()), "two members called \"ORG 1\"");
    has(
        refused(|m| m[3].identity = m[1].identity),
        "the identity of \"Org 1\" and the identity of \"Org 3\" are the same key",
    );
    has(refused(|m| m[3].sealing = m[0].sealing), "the sealing key of \"Org 3\"");
    has(refused(|m| m[3].transport = m[2].transport), "the transport key of \"Org 2\"");
    has(
        refused(|m| {
            m[0].transport = TransportPublic::from_bytes(&m[0].identity.to_bytes()).unwrap();
        }),
        "the identity of \"Org 0\" and the transport key of \"Org 0\" are the same key",
    );
    has(refused(|m| m[1].addresses = m[0].addresses.clone()), "have the same address");
    has(refused(|m| m[1].name = String::new()), "it is empty");
    has(refused(|m| m[1].name = " Org 1".into()), "begins or ends with a space");
    has(refused(|m| m[1].name = "Org\u{202e}1".into()), "cannot be seen");
    has(refused(|m| m[1].name = "x".repeat(65)), "longer than 64 bytes");
    has(
        refused(|m| m[1].addresses = vec!["/ip4/127.0.0.1/udp/7000".parse().unwrap()]),
        "is not an address for members",
    );
    has(
        refused(|m| m[1].addresses = vec!["/ip4/127.0.0.1".parse().unwrap()]),
        "is not an address for members",
    );
    has(refused(|m| *m = cards(129)), "129 members are more than the 128");
    let four = Network::new("test", 1, cards(4), SMALL).expect_err("refused").to_string();
    has(four, "cannot be marked as insecure and small");
}

#[test]
fn small_networks_need_the_flag_and_tolerate_nobody() {
    for n in 1..=3 {
        let network = Network::new("test", 1, cards(n), SMALL).unwrap();
        assert_eq!((network.committee().n(), network.committee().t()), (usize::from(n), 0));
        let again = Network::parse(&network.to_toml()).unwrap();
        assert_eq!(again.settings(), SMALL);
        assert_eq!(again.digest(), network.digest());
    }
    assert!(Network::new("test", 1, vec![], SMALL).is_err());
}

#[test]
fn network_files_come_back() {
    let network = network();
    let again = Network::parse(&network.to_toml()).unwrap();
    assert_eq!(again.digest(), network.digest());
    assert_eq!(again.members(), network.members());
    assert_eq!((again.epoch(), again.settings()), (1, Settings::default()));
    assert_eq!(network.find("org 2"), Some(PartyId::new(2)));
    assert_eq!(network.find("org 9"), None);
}

#[test]
fn dealt_keys_open_for_their_member_in_their_network_only() {
    let mut rng = rand::rng();
    let sealing: Vec<_> = (0..4).map(|_| SealingKey::generate(&mut rng)).collect();
    let mut members = cards(4);
    members.iter_mut().zip(&sealing).for_each(|(card, key)| card.sealing = *key.public());
    let network = Network::new("test", 1, members.clone(), Settings::default()).unwrap();
    let dealt = network.deal_keys_insecurely().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("org-1.keys");
    dealt[1].write(&path).unwrap();
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let read = DealtKeys::read(&path).unwrap();
    assert_eq!((read.network, read.member.as_str()), (network.digest(), "Org 1"));
    let (one, two) = (PartyId::new(1), PartyId::new(2));
    let keys = read.open(&network, one, &sealing[1]).unwrap();
    assert_eq!((keys.me(), keys.public().digest()), (one, dealt[0].key_set));
    assert!(read.open(&network, two, &sealing[1]).is_none());
    assert!(read.open(&network, one, &sealing[2]).is_none());
    let other = Network::new("other", 1, members, Settings::default()).unwrap();
    assert!(read.open(&other, one, &sealing[1]).is_none());
}

#[test]
fn the_digest_covers_everything_but_the_addresses() {
    let members = cards(4);
    let digest = |name: &str, epoch, members: &[MemberCard]| {
        Network::new(name, epoch, members.to_vec(), Settings::default()).unwrap().digest()
    };
    let mut digests = vec![
        digest("test", 1, &members),
        digest("test", 2, &members),
        digest("tesT", 1, &members),
        digest("test", 1, &cards(4)),
    ];
    let accountable = Settings { accountable: true, ..Settings::default() };
    digests.push(Network::new("test", 1, members.clone(), accountable).unwrap().digest());
    let mut renamed = members.clone();
    renamed[0].name = "Other".into();
    digests.push(digest("test", 1, &renamed));
    let mut swapped = members.clone();
    swapped.swap(0, 1);
    digests.push(digest("test", 1, &swapped));
    let fresh = card("Org 0", 1);
    for change in [
        |card: &mut MemberCard, fresh: &MemberCard| card.identity = fresh.identity,
        |card: &mut MemberCard, fresh: &MemberCard| card.sealing = fresh.sealing,
        |card: &mut MemberCard, fresh: &MemberCard| card.transport = fresh.transport,
    ] {
        let mut changed = members.clone();
        change(&mut changed[0], &fresh);
        digests.push(digest("test", 1, &changed));
    }
    let all = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), all);

    let mut moved = members.clone();
    moved[0].addresses = addresses("192.0.2.1:9").unwrap();
    assert_eq!(digest("test", 1, &moved), digest("test", 1, &members));
}

#[test]
fn files_that_are_not_network_files_say_where_and_why() {
    let text = network().to_toml();
    let refused = |text: &str| Network::parse(text).expect_err("refused").to_string();
    assert_eq!(
        refused(&text.replace("format = 1", "format = 2")),
        "format 2 is not known to this version of quorate"
    );
    let error = refused(&text.replace("epoch = 1", "epoch = one"));
    assert!(error.starts_with("line 5:"), "{error}");
    assert!(refused(&text.replace("epoch = 1", "epoch = 1\nextra = 1")).contains("extra"));
    assert!(refused("").contains("format"));
    let member = network().members()[0].clone();
    let key = text::hex(&member.identity.to_bytes());
    let zero = text::hex(&[0; 32]);
    let bad = member.to_toml().replace(&key, &zero);
    assert_eq!(
        MemberCard::parse(&bad).expect_err("refused").to_string(),
        "the identity of \"Org 0\" is not a valid key"
    );
    let missing = Network::read(Path::new("/nonexistent/network.toml")).expect_err("refused");
    assert!(missing.to_string().starts_with("/nonexistent/network.toml: "), "{missing}");
}

#[test]
fn host_and_port_become_two_addresses() {
    let show = |text| -> Vec<String> {
        addresses(text).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        show("127.0.0.1:7001"),
        ["/ip4/127.0.0.1/udp/7001/quic-v1", "/ip4/127.0.0.1/tcp/7001"]
    );
    assert_eq!(show("[::1]:7001"), ["/ip6/::1/udp/7001/quic-v1", "/ip6/::1/tcp/7001"]);
    assert_eq!(show("a.example:1"), ["/dns/a.example/udp/1/quic-v1", "/dns/a.example/tcp/1"]);
    for bad in ["127.0.0.1", "host:", "host:70000", ":1", "ho st:1", "/ip4/1.2.3.4:1"] {
        assert!(addresses(bad).is_err(), "{bad}");
    }
}
