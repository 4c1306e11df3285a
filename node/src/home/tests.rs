use std::os::unix::fs::PermissionsExt;

use quorate_protocol::keys::TrustedKeyDealer;

use super::*;
use crate::roster::{self, Settings};

impl Home {
    /// A member whose passphrase is cheap to guess at, so that tests are fast.
    pub(crate) fn create_for_tests(dir: &Path, name: &str, addresses: Vec<Multiaddr>) -> Unlocked {
        Self::create_at(Cost::FOR_TESTS, dir, name, addresses, &passphrase()).unwrap().1
    }
}

impl Unlocked {
    /// The same again, as the node's next start finds it.
    pub(crate) fn again(&self) -> Self {
        Home::open(self.home().dir()).unwrap().unlock(&passphrase()).unwrap()
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("a passphrase of tests").unwrap()
}

fn members(folder: &Path, n: u16) -> Vec<Unlocked> {
    (0..n)
        .map(|i| {
            let addresses = roster::addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap();
            let dir = folder.join(format!("org{i}"));
            Home::create_for_tests(&dir, &format!("Org {i}"), addresses)
        })
        .collect()
}

fn network(members: &[Unlocked]) -> Network {
    let cards = members.iter().map(|home| home.home().card().clone()).collect();
    Network::new("test", 1, cards, Settings::default()).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_member_is_made_once_and_its_secrets_are_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let unlocked = members(folder.path(), 1).pop().unwrap();
    let home = unlocked.home();
    assert_eq!(mode(home.dir()), 0o700);
    for secret in ["keys.sealed", "api.token"] {
        assert_eq!(mode(&home.dir().join(secret)), 0o600, "{secret}");
    }
    let again = Home::create(home.dir(), "Other", vec![], &passphrase());
    assert!(matches!(again, Err(HomeError::Exists { .. })));

    let opened = Home::open(home.dir()).unwrap();
    assert_eq!(opened.card(), home.card());
    let keys = opened.unlock(&passphrase()).unwrap().keys;
    assert_eq!(keys.identity.public(), home.card().identity);
    assert_eq!(keys.seed.expose(), unlocked.keys.seed.expose());
    assert_eq!(keys.transport.public(), unlocked.keys.transport.public());
    assert_eq!(opened.api_token().unwrap().expose().len(), 64);
    let nobody = Home::open(folder.path());
    assert!(matches!(nobody, Err(HomeError::NotAMember { .. })));
}

#[test]
fn keys_that_others_can_read_or_that_are_not_ours_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 2);
    let home = homes[0].home();
    let keys = home.dir().join("keys.sealed");
    let failed = |passphrase| home.unlock(&passphrase).map(drop).unwrap_err();
    let wrong = Passphrase::new("another passphrase").unwrap();
    assert!(matches!(failed(wrong), HomeError::WrongPassphrase { .. }));
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(failed(passphrase()), HomeError::Exposed { .. }));
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(home.unlock(&passphrase()).is_ok());
    fs::copy(homes[1].home().dir().join("keys.sealed"), &keys).unwrap();
    assert!(matches!(failed(passphrase()), HomeError::Malformed { .. }));
}

#[test]
fn a_network_is_joined_by_its_members_with_their_dealt_keys_only() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 5);
    let network = network(&homes[..4]);
    let home = &homes[1];
    assert!(matches!(home.joined(), Err(HomeError::NotJoined { .. })));
    home.join(&network, None).unwrap();
    assert!(matches!(home.joined(), Err(HomeError::NoKeys { .. })));
    let dealt = network.deal_keys_insecurely().unwrap();
    let wrong = home.join(&network, Some(&dealt[0]));
    assert!(matches!(wrong, Err(HomeError::OtherKeys { .. })), "another member's");
    let stranger = homes[4].join(&network, Some(&dealt[1]));
    assert!(matches!(stranger, Err(HomeError::NotInRoster { .. })));

    assert_eq!(home.join(&network, Some(&dealt[1])).unwrap(), PartyId::new(1));
    assert_eq!(mode(&home.home().dir().join("keys-1.sealed")), 0o600);
    let (joined, me, keys) = home.again().joined().unwrap();
    assert_eq!((joined.digest(), me), (network.digest(), PartyId::new(1)));
    assert_eq!(keys.public().digest(), dealt[0].key_set, "one deal");
    // Again is fine, without the keys too; another deal or another network is not.
    home.join(&network, None).unwrap();
    home.join(&network, Some(&dealt[1])).unwrap();
    let again = network.deal_keys_insecurely().unwrap();
    let joined = home.join(&network, Some(&again[1]));
    assert!(matches!(joined, Err(HomeError::HasKeys { .. })), "{joined:?}");
    let cards = homes.iter().map(|home| home.home().card().clone()).collect();
    let other = Network::new("test", 1, cards, Settings::default()).unwrap();
    let dealt = other.deal_keys_insecurely().unwrap();
    let joined = home.join(&other, Some(&dealt[1]));
    assert!(matches!(joined, Err(HomeError::OtherNetwork { .. })), "{joined:?}");
}

#[test]
fn everybody_may_see_the_public_keys_and_they_must_be_those_of_the_shares() {
    let folder = tempfile::tempdir().unwrap();
    let homes = members(folder.path(), 4);
    let network = network(&homes);
    let home = &homes[2];
    let dir = home.home().dir();
    assert_eq!(home.home().group_keys().unwrap(), None);
    let dealt = network.deal_keys_insecurely().unwrap();
    home.join(&network, Some(&dealt[2])).unwrap();
    let keys = home.key_set().unwrap().unwrap();
    let public = home.home().group_keys().unwrap().unwrap();
    assert_eq!(public, GroupKeys::of(&keys, Origin::Dealer));
    assert_ne!(public.certificate, public.document);

    // Of a later epoch, made by all: these are the newest.
    let mut dealt = TrustedKeyDealer::deal(network.committee(), 2, &mut rand::rng()).unwrap();
    let next = dealt.remove(2);
    home.save_key_set(&next, Origin::Members).unwrap();
    assert_eq!(home.key_set().unwrap().unwrap().public(), next.public());
    let public = home.home().group_keys().unwrap().unwrap();
    assert_eq!((public.epoch, public.origin), (2, Origin::Members));

    // A sealed file under the name of another epoch, or with public keys that are not its own.
    fs::copy(dir.join("keys-1.sealed"), dir.join("keys-3.sealed")).unwrap();
    assert!(matches!(home.key_set(), Err(HomeError::Malformed { .. })));
    fs::remove_file(dir.join("keys-3.sealed")).unwrap();
    let other = GroupKeys { document: public.certificate, ..public };
    files::write(&dir.join("group-keys.toml"), other.to_toml().as_bytes(), Access::Public).unwrap();
    assert!(matches!(home.key_set(), Err(HomeError::Malformed { .. })));
}

#[test]
fn one_node_at_a_time_runs_on_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let unlocked = members(folder.path(), 1).pop().unwrap();
    let home = unlocked.home();
    let lock = home.lock().unwrap();
    let error = home.lock().expect_err("held");
    assert!(matches!(error, HomeError::InUse { .. }));
    assert!(error.hint().is_some());

    let address = "127.0.0.1:9".parse().unwrap();
    let published = home.publish_api(address).unwrap();
    assert_eq!(home.api_address().unwrap(), Some(address));
    drop(lock);
    assert_eq!(home.api_address().unwrap(), None, "what a killed node left does not count");
    drop(published);
    let _lock = home.lock().unwrap();
    assert_eq!(home.api_address().unwrap(), None);
}
