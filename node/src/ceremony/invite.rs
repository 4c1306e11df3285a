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
mod tests;
