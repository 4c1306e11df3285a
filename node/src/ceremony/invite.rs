//! The invite: one string with all that a member needs to find the network that is being founded.
//!
//! ```text
//! quorate1aebq...     version, then base32 of:
//!   u8  settings      bit 0 insecure small, bit 1 accountable; others mean a later version
//!   u8  members
//!   u32 expiry        minutes since 1970
//!   32  coordinator   its transport key: whom to talk to, whoever answers at the address
//!   16  secret        shows the coordinator that a member was invited
//!   u16 port          of the rendezvous
//!   u8  host kind     4: 4 bytes, 6: 16 bytes, 0: u8 length and a name
//!   u8  length, name of the network
//!   5   checksum
//! ```
//! Integers are little-endian. Upper case, line breaks, blanks and hyphens do not matter, since
//! people send invites by mail and break them. Whoever has the string can register: it travels the
//! way secrets do. What it can do ends there, because members compare check-words.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE32_NOPAD;
use libp2p::Multiaddr;
use quorate_protocol::Tag;
use quorate_protocol::secret::Secret;

use crate::cli::time;
use crate::roster::{self, RosterError, Settings, TransportPublic};

/// What every invite begins with, before its version.
const PREFIX: &str = "quorate";
/// The version written and read here.
const VERSION: char = '1';
const CHECKSUM: usize = 5;
/// Characters of the shortest invite.
const SHORTEST: usize = 114;
/// Characters that are looked at: the longest invite has fewer than 700.
const LONGEST: usize = 4096;

const SMALL: u8 = 1;
const ACCOUNTABLE: u8 = 2;

const MINUTE_MS: u64 = 60_000;

/// What the coordinator tells those it invites.
#[derive(Clone, Debug)]
pub struct Invite {
    /// The network's name.
    pub network: String,
    /// How many members it will have.
    pub members: usize,
    /// What else they agree on.
    pub settings: Settings,
    /// Where the coordinator waits for members.
    pub rendezvous: Place,
    /// The coordinator's transport key.
    pub coordinator: TransportPublic,
    /// Shows that a member was invited.
    pub secret: Secret<[u8; 16]>,
    /// Until when members register, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// A host and a port, as people write them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    host: Host,
    port: u16,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(String),
}

/// Why a text is not an invite. [`hint`](Self::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Something else altogether.
    #[error("this is not an invite: invites begin with {PREFIX}{VERSION}")]
    Other,
    /// Of a later version.
    #[error("this invite is of version {0}, which this version of quorate does not know")]
    Version(char),
    /// Something that base32 does not have.
    #[error("character {position} of the invite, {found:?}, cannot be in one")]
    Character {
        /// Which, from 1, blanks and hyphens not counted.
        position: usize,
        /// What it is.
        found: char,
    },
    /// The end is missing.
    #[error("the invite is cut off: {found} characters, and the shortest has {SHORTEST}")]
    CutOff {
        /// How many there are.
        found: usize,
    },
    /// Changed on its way.
    #[error("the invite was changed on its way, or a part of it is missing: the checksum is wrong")]
    Checksum,
    /// Its checksum is right, and its content cannot be.
    #[error("the invite cannot be used: {0}")]
    Content(String),
}

impl InviteError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Other => {
                format!("paste the whole line that `quorate network new` printed, from {PREFIX} on")
            }
            Self::Version(_) => "update quorate".to_owned(),
            Self::Content(_) => "ask the coordinator for a new invite".to_owned(),
            Self::Character { .. } | Self::CutOff { .. } | Self::Checksum => {
                "copy all of it again; line breaks and blanks in it do not matter".to_owned()
            }
        }
    }
}

impl From<RosterError> for InviteError {
    fn from(error: RosterError) -> Self {
        Self::Content(error.to_string())
    }
}

impl Invite {
    /// Whether a text means to be an invite, and not the path of a file.
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim_start().to_ascii_lowercase();
        let rest = text.strip_prefix(PREFIX);
        rest.and_then(|rest| rest.chars().next()).is_some_and(|version| version.is_ascii_digit())
    }

    /// Reads an invite.
    ///
    /// # Errors
    /// It is none, or not as it was written.
    pub fn parse(text: &str) -> Result<Self, InviteError> {
        let ignored = |c: &char| !c.is_whitespace() && *c != '-';
        let text: String = text.chars().take(LONGEST).filter(ignored).collect();
        let lower = text.to_ascii_lowercase();
        let rest = lower.strip_prefix(PREFIX).ok_or(InviteError::Other)?;
        let mut characters = rest.chars();
        match characters.next() {
            Some(VERSION) => {}
            Some(version) if version.is_ascii_digit() => return Err(InviteError::Version(version)),
            _ => return Err(InviteError::Other),
        }
        let body = characters.as_str();
        let odd = |c: char| !matches!(c, 'a'..='z' | '2'..='7');
        if let Some(index) = body.chars().position(odd) {
            let found = body.chars().nth(index).unwrap_or_default();
            let position = PREFIX.len() + 2 + index;
            return Err(InviteError::Character { position, found });
        }
        let found = lower.chars().count();
        if found < SHORTEST {
            return Err(InviteError::CutOff { found });
        }
        let bytes = BASE32_NOPAD.decode(body.to_ascii_uppercase().as_bytes());
        let bytes = bytes.map_err(|_| InviteError::Checksum)?;
        let split = bytes.len().checked_sub(CHECKSUM).ok_or(InviteError::Checksum)?;
        match bytes.split_at_checked(split) {
            Some((content, sum)) if checksum(content) == sum => Self::read(content),
            _ => Err(InviteError::Checksum),
        }
    }

    /// Whether members may no longer register.
    pub const fn is_expired(&self, now_ms: u64) -> bool {
        now_ms >= self.expires_ms
    }

    /// When it expires, for people.
    pub fn expiry(&self) -> String {
        time::readable_moment(self.expires_ms)
    }

    /// What everything said under this invite is bound to.
    pub fn tag(&self) -> Tag {
        Tag::root(blake3::hash(&self.content()).as_bytes(), 0).child("invite")
    }

    fn content(&self) -> Vec<u8> {
        let Settings { insecure_small, accountable } = self.settings;
        let settings = u8::from(insecure_small) * SMALL + u8::from(accountable) * ACCOUNTABLE;
        let minutes = u32::try_from(self.expires_ms / MINUTE_MS).unwrap_or(u32::MAX);
        let mut out = vec![settings, narrow(self.members)];
        out.extend_from_slice(&minutes.to_le_bytes());
        out.extend_from_slice(&self.coordinator.to_bytes());
        out.extend_from_slice(self.secret.expose());
        self.rendezvous.write(&mut out);
        text(&self.network, &mut out);
        out
    }

    fn read(content: &[u8]) -> Result<Self, InviteError> {
        let mut from = Reader(content);
        let invite = (|| {
            let [settings, members] = from.take()?;
            let minutes = u32::from_le_bytes(from.take()?);
            let coordinator = from.take()?;
            let secret = Secret::new(from.take()?);
            let rendezvous = Place::read(&mut from)?;
            let network = from.text()?;
            Some((settings, members, minutes, coordinator, secret, rendezvous, network))
        })();
        let broken = || InviteError::Content("it is not put together as invites are".to_owned());
        let (settings, members, minutes, coordinator, secret, rendezvous, network) =
            invite.filter(|_| from.0.is_empty()).ok_or_else(broken)?;
        if settings & !(SMALL | ACCOUNTABLE) != 0 {
            return Err(InviteError::Content("it has settings of a later version".to_owned()));
        }
        let insecure_small = settings & SMALL != 0;
        let settings = Settings { insecure_small, accountable: settings & ACCOUNTABLE != 0 };
        let invite = Self {
            network,
            members: members.into(),
            settings,
            rendezvous,
            coordinator: TransportPublic::from_bytes(&coordinator).ok_or_else(broken)?,
            secret,
            expires_ms: u64::from(minutes) * MINUTE_MS,
        };
        roster::check_plan(&invite.network, invite.members, invite.settings)?;
        invite.rendezvous.addresses()?;
        Ok(invite)
    }
}

/// The string, to be sent to those who are invited.
impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut content = self.content();
        let sum = checksum(&content);
        content.extend_from_slice(&sum);
        write!(f, "{PREFIX}{VERSION}{}", BASE32_NOPAD.encode(&content).to_ascii_lowercase())
    }
}

impl Place {
    /// Reads `HOST:PORT`.
    ///
    /// # Errors
    /// Not a host and a port.
    pub fn parse(text: &str) -> Result<Self, RosterError> {
        // Whatever is an address for members is one for the rendezvous.
        roster::addresses(text)?;
        let bad = |reason: &str| RosterError::BadAddress {
            address: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| bad("the port is missing"))?;
        let port = port.parse().map_err(|_| bad("the port is not a number up to 65535"))?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let host = match bare.parse() {
            Ok(std::net::IpAddr::V4(ip)) => Host::V4(ip),
            Ok(std::net::IpAddr::V6(ip)) => Host::V6(ip),
            Err(_) if bare.len() > usize::from(u8::MAX) => return Err(bad("the name is too long")),
            Err(_) => Host::Name(bare.to_owned()),
        };
        Ok(Self { host, port })
    }

    /// Where a node with this address listens.
    pub fn of(address: &Multiaddr) -> Option<Self> {
        use libp2p::multiaddr::Protocol::{Dns, Dns4, Dns6, Ip4, Ip6, Tcp, Udp};
        let mut parts = address.iter();
        let host = match parts.next()? {
            Ip4(ip) => Host::V4(ip),
            Ip6(ip) => Host::V6(ip),
            Dns(name) | Dns4(name) | Dns6(name) => Host::Name(name.into_owned()),
            _ => return None,
        };
        match parts.next()? {
            Tcp(port) | Udp(port) => Some(Self { host, port }),
            _ => None,
        }
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }

    /// Whether only this machine can come there.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::V4(ip) => ip.is_loopback(),
            Host::V6(ip) => ip.is_loopback(),
            Host::Name(name) => name == "localhost",
        }
    }

    /// Where to connect to.
    ///
    /// # Errors
    /// A host name that is none.
    pub fn addresses(&self) -> Result<Vec<Multiaddr>, RosterError> {
        roster::addresses(&self.to_string())
    }

    /// Where to listen: members may reach this machine by an address that is not its own.
    pub fn listen_addresses(&self) -> Result<Vec<Multiaddr>, RosterError> {
        let host = match &self.host {
            Host::V4(ip) if ip.is_loopback() => Host::V4(*ip),
            Host::V6(ip) if ip.is_loopback() => Host::V6(*ip),
            Host::Name(name) if name == "localhost" => Host::V4(Ipv4Addr::LOCALHOST),
            Host::V6(_) => Host::V6(Ipv6Addr::UNSPECIFIED),
            Host::V4(_) | Host::Name(_) => Host::V4(Ipv4Addr::UNSPECIFIED),
        };
        Self { host, port: self.port }.addresses()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.port.to_le_bytes());
        match &self.host {
            Host::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            Host::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
            Host::Name(name) => {
                out.push(0);
                text(name, out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let port = u16::from_le_bytes(from.take()?);
        let host = match from.take()? {
            [4] => Host::V4(from.take::<4>()?.into()),
            [6] => Host::V6(from.take::<16>()?.into()),
            [0] => Host::Name(from.text()?),
            _ => return None,
        };
        Some(Self { host, port })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::V4(ip) => write!(f, "{ip}:{}", self.port),
            Host::V6(ip) => write!(f, "[{ip}]:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<String> {
        let [length] = self.take()?;
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.push(narrow(text.len()));
    out.extend_from_slice(text.as_bytes());
}

/// Names are at most 64 bytes, hosts 255, members 128: all checked before an invite is made.
fn narrow(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new_derive_key("quorate 2026 invite checksum v1");
    hasher.update(content);
    let mut sum = [0; CHECKSUM];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
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
        for change in [&|c: &mut Vec<u8>| c[0] = 4, &|c: &mut Vec<u8>| c.push(0)]
            as [&dyn Fn(&mut Vec<u8>); 2]
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
}
