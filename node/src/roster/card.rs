//! What one member tells the others about itself.

use std::fmt;
use std::path::Path;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use quorate_protocol::crypto::identity::IdentityPublic;
use quorate_protocol::crypto::seal::SealingPublic;
use serde::{Deserialize, Serialize};

use super::error::RosterError;
use super::text::{self, FORMAT};

/// Addresses of one member.
const MAX_ADDRESSES: usize = 16;
/// Bytes of a name.
const MAX_NAME: usize = 64;

/// A member's public keys and addresses: the file `member.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberCard {
    /// The organisation's name.
    pub name: String,
    /// What its signatures are verified with.
    pub identity: IdentityPublic,
    /// What is sealed to it with.
    pub sealing: SealingPublic,
    /// What its connections are authenticated with.
    pub transport: TransportPublic,
    /// Where its node listens.
    pub addresses: Vec<Multiaddr>,
}

/// A member's Ed25519 key for connections, and for nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransportPublic([u8; 32]);

impl TransportPublic {
    /// The key with this encoding; `None` if it is not one of prime order, canonically encoded.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        // The same curve and the same demands as for identities.
        IdentityPublic::from_bytes(bytes)?;
        Some(Self(*bytes))
    }

    /// The key's encoding.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The name of its owner in the network.
    pub fn peer_id(&self) -> Option<PeerId> {
        let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(&self.0).ok()?;
        Some(PeerId::from(libp2p::identity::PublicKey::from(key)))
    }
}

impl fmt::Debug for TransportPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportPublic({})", text::hex(&self.0))
    }
}

/// A card as it stands in files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardText {
    name: String,
    identity: String,
    sealing: String,
    transport: String,
    addresses: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    format: u32,
    member: CardText,
}

impl MemberCard {
    /// Reads a card from the text of a member file.
    ///
    /// # Errors
    /// It is malformed, or what [`check`](Self::check) refuses.
    pub fn parse(text: &str) -> Result<Self, RosterError> {
        text::check_format(text, text::Kind::Card)?;
        Self::from_text(text::parse::<CardFile>(text)?.member)
    }

    /// Reads a member file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), with the path.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, Self::parse)
    }

    /// Writes a member file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        text::write(path, &self.to_toml(), text::Access::Public)
    }

    /// The text of a member file.
    pub fn to_toml(&self) -> String {
        let file = CardFile { format: FORMAT, member: self.to_text() };
        format!("# Public: give this to whoever writes the network file.\n{}", text::render(&file))
    }

    pub(super) fn from_text(card: CardText) -> Result<Self, RosterError> {
        let bad = |which| RosterError::BadKey { owner: card.name.clone(), which };
        let key = |which, text| text::unhex::<32>(text).ok_or_else(|| bad(which));
        let identity = key("identity", &card.identity)?;
        let sealing = key("sealing key", &card.sealing)?;
        let transport = key("transport key", &card.transport)?;
        let card = Self {
            identity: IdentityPublic::from_bytes(&identity).ok_or_else(|| bad("identity"))?,
            sealing: SealingPublic::from_bytes(&sealing).ok_or_else(|| bad("sealing key"))?,
            transport: TransportPublic::from_bytes(&transport)
                .ok_or_else(|| bad("transport key"))?,
            addresses: card.addresses.iter().map(|text| address(text)).collect::<Result<_, _>>()?,
            name: card.name,
        };
        card.check()?;
        Ok(card)
    }

    pub(super) fn to_text(&self) -> CardText {
        CardText {
            name: self.name.clone(),
            identity: text::hex(&self.identity.to_bytes()),
            sealing: text::hex(&self.sealing.to_bytes()),
            transport: text::hex(&self.transport.to_bytes()),
            addresses: self.addresses.iter().map(ToString::to_string).collect(),
        }
    }

    /// Checks name and addresses, which the types do not.
    ///
    /// # Errors
    /// A name that could confuse, too many addresses, or one that cannot be dialled.
    pub fn check(&self) -> Result<(), RosterError> {
        check_name(&self.name)?;
        if self.addresses.len() > MAX_ADDRESSES {
            let address = format!("{} addresses", self.addresses.len());
            let reason = format!("a member has at most {MAX_ADDRESSES}");
            return Err(RosterError::BadAddress { address, reason });
        }
        self.addresses.iter().try_for_each(check_address)
    }
}

/// Whether a name of a member or network is fit to be shown.
pub(super) fn check_name(name: &str) -> Result<(), RosterError> {
    let bad = |reason| Err(RosterError::BadName { name: name.to_owned(), reason });
    if name.is_empty() {
        bad("it is empty")
    } else if name.len() > MAX_NAME {
        bad("it is longer than 64 bytes")
    } else if name.trim() != name {
        bad("it begins or ends with a space")
    } else if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        bad("it contains characters that cannot be seen")
    } else {
        Ok(())
    }
}

/// Characters that change how others are shown, or are not shown at all.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Both addresses of a node that listens at `HOST:PORT`: QUIC and TCP.
///
/// # Errors
/// Not a host and a port.
pub fn addresses(host_port: &str) -> Result<Vec<Multiaddr>, RosterError> {
    let bad = |reason: &str| RosterError::BadAddress {
        address: host_port.to_owned(),
        reason: reason.to_owned(),
    };
    let (host, port) = host_port.rsplit_once(':').ok_or_else(|| bad("the port is missing"))?;
    let port: u16 = port.parse().map_err(|_| bad("the port is not a number up to 65535"))?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let host = match bare.parse() {
        Ok(std::net::IpAddr::V4(ip)) => Protocol::Ip4(ip),
        Ok(std::net::IpAddr::V6(ip)) => Protocol::Ip6(ip),
        Err(_) if is_host_name(bare) => Protocol::Dns(bare.into()),
        Err(_) => return Err(bad("the host is neither a name nor an IP address")),
    };
    let quic = Multiaddr::empty().with(host.clone()).with(Protocol::Udp(port));
    let tcp = Multiaddr::empty().with(host).with(Protocol::Tcp(port));
    Ok(vec![quic.with(Protocol::QuicV1), tcp])
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

pub(super) fn address(text: &str) -> Result<Multiaddr, RosterError> {
    text.parse().map_err(|error: libp2p::multiaddr::Error| RosterError::BadAddress {
        address: text.to_owned(),
        reason: error.to_string(),
    })
}

/// Host, then TCP or UDP with QUIC, and nothing more.
pub(super) fn check_address(address: &Multiaddr) -> Result<(), RosterError> {
    use Protocol::{Dns, Dns4, Dns6, Ip4, Ip6, QuicV1, Tcp, Udp};
    let mut parts = address.iter();
    let host = matches!(parts.next(), Some(Ip4(_) | Ip6(_) | Dns(_) | Dns4(_) | Dns6(_)));
    let transport = match parts.next() {
        Some(Tcp(_)) => true,
        Some(Udp(_)) => parts.next() == Some(QuicV1),
        _ => false,
    };
    if host && transport && parts.next().is_none() {
        return Ok(());
    }
    Err(RosterError::BadAddress {
        address: address.to_string(),
        reason: "it is neither /HOST/tcp/PORT nor /HOST/udp/PORT/quic-v1".to_owned(),
    })
}
