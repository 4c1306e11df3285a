use quorate_protocol::crypto::identity::IdentityKey;

use super::*;

fn invite(place: &str) -> Invite {
    let key = IdentityKey::from_bytes(&[5; 32]).public().to_bytes();
    Invite {
        network: "Orion".to_owned(),
        members: 4,
        settings: Settings { accountable: true, ..Settings::default() },
        rendezvous: Place::parse(place).unwrap(),
        coordinator: TransportPublic::from_bytes(&key).unwrap(),
        secret: Secret::new([7; 16]),
        expires_ms: 30_000_000 * MINUTE_MS,
    }
}

#[test]
fn invites_come_back_however_they_were_broken_on_the_way() {
    for place in ["127.0.0.1:9001", "[2001:db8::1]:443", "node.acme.example:7001"] {
        let written = invite(place).to_string();
        assert!(written.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        let spaced = written.chars().map(|c| format!("{c} ")).collect::<String>();
        let wrapped = format!(" {}\r\n{}-\n", &written[..40], &written[40..]);
        for text in [written.clone(), written.to_uppercase(), spaced, wrapped] {
            let read = Invite::parse(&text).unwrap();
            assert_eq!(read.to_string(), written);
            assert_eq!(read.rendezvous.to_string(), place);
            assert_eq!((read.network.as_str(), read.members), ("Orion", 4));
            assert_eq!(read.settings, invite(place).settings);
            assert_eq!(read.secret.expose(), &[7; 16]);
        }
    }
    assert!(invite("127.0.0.1:1").is_expired(30_000_000 * MINUTE_MS));
    assert!(!invite("127.0.0.1:1").is_expired(30_000_000 * MINUTE_MS - 1));
}

#[test]
fn every_changed_swapped_or_missing_character_is_noticed() {
    let written = invite("127.0.0.1:9001").to_string();
    for (i, c) in written.char_indices() {
        let with = |new: char| {
            let text: String =
                written.char_indices().map(|(j, old)| if i == j { new } else { old }).collect();
            Invite::parse(&text)
        };
        for new in ['a', 'q', '7', '0', 'é'] {
            assert_eq!(with(new).is_ok(), new == c, "{i} {new}");
        }
        assert!(Invite::parse(&written[..i]).is_err());
        assert!(Invite::parse(&format!("{}{}", &written[..i], &written[i + 1..])).is_err());
    }
    assert!(Invite::parse(&format!("{written}a")).is_err());
}

#[test]
fn what_is_wrong_with_it_is_said_in_words_that_help() {
    let written = invite("127.0.0.1:9001").to_string();
    let says = |text: &str| {
        let error = Invite::parse(text).expect_err("refused");
        (error.to_string(), error.hint())
    };
    for other in ["", "network.toml", "hello", "quorate", "quoratex"] {
        let (what, hint) = says(other);
        assert!(what.contains("not an invite") && hint.contains("quorate network new"));
    }
    let later = written.replacen('1', "2", 1);
    assert_eq!(says(&later).1, "update quorate");
    assert!(says(&later).0.contains("version 2"));
    let odd = format!("{}0{}", &written[..20], &written[21..]);
    assert!(says(&odd).0.starts_with("character 21 of the invite, '0',"), "{odd}");
    let (what, hint) = says(&written[..60]);
    assert!(what.contains("cut off: 60 characters") && hint.contains("copy all of it"));
    assert!(says(&written[..written.len() - 2]).0.contains("checksum"));
    assert!(Invite::is_meant(&written) && Invite::is_meant(&later));
    assert!(!Invite::is_meant("network.toml") && !Invite::is_meant("quorate-net.toml"));
}

#[test]
fn an_invite_that_cannot_be_is_refused_in_spite_of_its_checksum() {
    let refused = |change: &dyn Fn(&mut Invite)| {
        let mut bad = invite("127.0.0.1:9001");
        change(&mut bad);
        let error = Invite::parse(&bad.to_string()).expect_err("refused");
        assert!(matches!(error, InviteError::Content(_)), "{error}");
    };
    refused(&|invite| invite.members = 3);
    refused(&|invite| invite.members = 129);
    refused(&|invite| invite.network = String::new());
    refused(&|invite| invite.network = "a\u{202e}b".to_owned());
    refused(&|invite| invite.rendezvous.host = Host::Name("no host".to_owned()));
    let mut content = invite("127.0.0.1:9001").content();
    for change in
        [&|c: &mut Vec<u8>| c[0] = 4, &|c: &mut Vec<u8>| c.push(0)] as [&dyn Fn(&mut Vec<u8>); 2]
    {
        change(&mut content);
        let bytes = [content.clone(), checksum(&content).to_vec()].concat();
        let text = format!("quorate1{}", BASE32_NOPAD.encode(&bytes));
        assert!(matches!(Invite::parse(&text), Err(InviteError::Content(_))));
    }
}

#[test]
fn who_may_listen_on_the_address_of_members() {
    let listen = |place: &str| Place::parse(place).unwrap().listen_addresses().unwrap();
    assert!(listen("127.0.0.1:9")[1].to_string().starts_with("/ip4/127.0.0.1/tcp/9"));
    assert!(listen("192.0.2.1:9")[1].to_string().starts_with("/ip4/0.0.0.0/tcp/9"));
    assert!(listen("a.example:9")[1].to_string().starts_with("/ip4/0.0.0.0/tcp/9"));
    assert!(listen("[2001:db8::1]:9")[1].to_string().starts_with("/ip6/::/tcp/9"));
    for text in ["192.0.2.1:9", "a.example:9", "[2001:db8::1]:9"] {
        let place = Place::parse(text).unwrap();
        for address in place.addresses().unwrap() {
            assert_eq!(Place::of(&address), Some(place.clone()));
        }
    }
}
