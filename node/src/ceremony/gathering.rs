//! Who has come: the coordinator's list of members, before there is a roster.
//!
//! # Protocol
//! - (G1) A member connects to the coordinator's transport key, which the invite names, and sends a
//!   [`Registration`]: the invite's secret, its card, and its identity's signature over both.
//! - (G2) The coordinator accepts it if the secret is right, the card's transport key is that of
//!   the connection, the signature holds, nobody else on the list has a name, key or address of it,
//!   there is room, and the invite has not expired.
//! - (G3) When all are there and the coordinator's operator agrees, the list becomes the roster, for
//!   good. Members on it are sent it whenever they ask; everybody else is refused.
//!
//! # Guarantees
//! Nobody registers a transport key or an identity that it does not have. Who registers first has
//! the name: the operator sees the list and can turn members away before (G3); a member whose place
//! somebody else took sees that it is not on the roster.
//!
//! # What is not guaranteed
//! The coordinator may show what it likes to whom it likes: check-words are for that.

use std::path::Path;

use libp2p::PeerId;
use quorate_protocol::Tag;
use quorate_protocol::crypto::identity::{IdentityKey, Signature};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::invite::Invite;
use crate::roster::text::{self, Access, FORMAT};
use crate::roster::{self, MemberCard, Network, RosterError};

/// Version of what members and coordinator say to each other.
pub const VERSION: u16 = 1;
/// The epoch that a ceremony makes keys for.
pub const FIRST_EPOCH: u64 = 1;
/// Bytes of a card's text: a name, three keys, sixteen addresses.
const MAX_CARD: usize = 8 << 10;
/// Bytes of a refusal's text.
const MAX_REASON: usize = 300;
/// Cards that are turned away; whoever has the secret could go on making new ones.
const MAX_TURNED_AWAY: usize = 1024;

/// What a member sends to be put on the list. Does not print: it holds the invite's secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Registration {
    /// [`VERSION`].
    pub version: u16,
    secret: [u8; 16],
    card: String,
    signature: Signature,
}

/// Why the coordinator does not put a member on the list.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// It speaks another version.
    #[error("the coordinator speaks version {0} of the rendezvous, this node version {VERSION}")]
    Version(u16),
    /// The secret is another invite's.
    #[error("the coordinator does not know this invite")]
    Secret,
    /// The invite has expired.
    #[error("the invite has expired")]
    Expired,
    /// The card cannot be a member's.
    #[error("the coordinator refuses this organisation's card: {0}")]
    Card(String),
    /// The roster is made.
    #[error("the roster is made, without this organisation")]
    Full,
    /// The operator of the coordinator said so.
    #[error("the coordinator has turned this organisation away")]
    TurnedAway,
}

impl Refusal {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Version(_) => "update quorate, here or at the coordinator",
            Self::Secret | Self::Expired => "ask the coordinator for its newest invite",
            Self::Card(_) => "quorate init --org NAME, with another --data-dir, and join again",
            Self::Full | Self::TurnedAway => {
                "ask the coordinator; a new network is made with `quorate network new`"
            }
        }
    }
}

/// The coordinator's list. Durable: every change is written before it is told to anybody.
#[derive(Clone, Debug)]
pub struct Gathering {
    invite: Invite,
    cards: Vec<MemberCard>,
    turned_away: Vec<[u8; 32]>,
    roster: Option<Network>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GatheringFile {
    format: u32,
    invite: String,
    #[serde(default)]
    turned_away: Vec<String>,
    cards: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roster: Option<String>,
}

impl Registration {
    /// What a member says to be put on the list.
    pub fn new(invite: &Invite, card: &MemberCard, identity: &IdentityKey) -> Self {
        let card = card.to_toml();
        let signature = identity.sign(&invite.tag(), LABEL, card.as_bytes());
        Self { version: VERSION, secret: *invite.secret.expose(), card, signature }
    }
}

const LABEL: &str = "registration";

impl Gathering {
    /// The list of a new network, with the coordinator first.
    pub fn new(invite: Invite, coordinator: MemberCard) -> Self {
        Self { invite, cards: vec![coordinator], turned_away: Vec::new(), roster: None }
    }

    /// The invite.
    pub const fn invite(&self) -> &Invite {
        &self.invite
    }

    /// Who is there, the coordinator first.
    pub fn cards(&self) -> &[MemberCard] {
        &self.cards
    }

    /// Whether all are there.
    pub fn is_complete(&self) -> bool {
        self.cards.len() >= self.invite.members
    }

    /// The roster, once it is made.
    pub const fn roster(&self) -> Option<&Network> {
        self.roster.as_ref()
    }

    /// (G2) Puts the member behind `peer` on the list; true if that changed it.
    ///
    /// # Errors
    /// Why not.
    pub fn register(
        &mut self,
        peer: PeerId,
        registration: &Registration,
        now_ms: u64,
    ) -> Result<bool, Refusal> {
        if registration.version != VERSION {
            return Err(Refusal::Version(VERSION));
        }
        if !bool::from(registration.secret.ct_eq(self.invite.secret.expose())) {
            return Err(Refusal::Secret);
        }
        let card = self.card_of(peer, registration)?;
        let same = |listed: &MemberCard| {
            (listed.identity, listed.transport) == (card.identity, card.transport)
                && (listed.sealing, &listed.name) == (card.sealing, &card.name)
        };
        let place = self.cards.iter().position(same);
        if self.roster.is_some() {
            return place.map(|_| false).ok_or(Refusal::Full);
        }
        if self.turned_away.contains(&card.transport.to_bytes()) {
            return Err(Refusal::TurnedAway);
        }
        let mut cards = self.cards.clone();
        match place.and_then(|place| cards.get_mut(place)) {
            Some(listed) if *listed == card => return Ok(false),
            // The same member, at other addresses.
            Some(listed) => *listed = card,
            None if self.is_complete() => return Err(Refusal::Full),
            None if self.invite.is_expired(now_ms) => return Err(Refusal::Expired),
            None => cards.push(card),
        }
        roster::check_members(&cards).map_err(|error| refused(&error))?;
        self.cards = cards;
        Ok(true)
    }

    /// Whether the member behind `peer` is on the list.
    ///
    /// # Errors
    /// Why not.
    pub fn standing(&self, peer: PeerId) -> Result<(), Refusal> {
        let is = |card: &MemberCard| card.transport.peer_id() == Some(peer);
        match self.cards.iter().any(is) {
            true => Ok(()),
            false if self.roster.is_some() => Err(Refusal::Full),
            false => Err(Refusal::TurnedAway),
        }
    }

    /// The card in a registration, if it is that of whoever sent it.
    fn card_of(&self, peer: PeerId, registration: &Registration) -> Result<MemberCard, Refusal> {
        let Registration { card: text, signature, .. } = registration;
        let other = |what: &str| Err(Refusal::Card(what.to_owned()));
        if text.len() > MAX_CARD {
            return other("it is too long");
        }
        let card = MemberCard::parse(text).map_err(|error| refused(&error))?;
        if card.transport.peer_id() != Some(peer) {
            return other("its transport key is another's");
        }
        if !card.identity.verify(&self.tag(), LABEL, text.as_bytes(), signature) {
            return other("it is not signed with its identity");
        }
        Ok(card)
    }

    fn tag(&self) -> Tag {
        self.invite.tag()
    }

    /// Takes a member off the list; what it sends is refused from then on. True if it was on it.
    pub fn turn_away(&mut self, name: &str) -> bool {
        let wanted = name.to_lowercase();
        let found = self.cards.iter().skip(1).position(|card| card.name.to_lowercase() == wanted);
        match found {
            Some(place) if self.roster.is_none() => {
                let card = self.cards.remove(place + 1);
                if self.turned_away.len() == MAX_TURNED_AWAY {
                    self.turned_away.remove(0);
                }
                self.turned_away.push(card.transport.to_bytes());
                true
            }
            _ => false,
        }
    }

    /// (G3) Makes the roster of the list. Once made it stays as it is.
    ///
    /// # Errors
    /// Not all are there yet.
    pub fn make_roster(&mut self) -> Result<&Network, RosterError> {
        let roster = match self.roster.take() {
            Some(roster) => roster,
            None => {
                let Invite { network, members, settings, .. } = &self.invite;
                if self.cards.len() != *members {
                    return Err(RosterError::TooFew { n: self.cards.len() });
                }
                // An order that does not depend on who came first.
                let mut cards = self.cards.clone();
                cards.sort_by_key(|card| card.name.to_lowercase());
                Network::new(network, FIRST_EPOCH, cards, *settings)?
            }
        };
        Ok(self.roster.insert(roster))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The file cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, |content| {
            text::check_format(content, text::Kind::Gathering)?;
            let file: GatheringFile = text::parse(content)?;
            let bad = |error: &dyn ToString| RosterError::Syntax(error.to_string());
            let invite = Invite::parse(&file.invite).map_err(|error| bad(&error))?;
            let parse = |card: &String| MemberCard::parse(card);
            let cards = file.cards.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
            roster::check_members(&cards)?;
            let away = file.turned_away.iter().map(|key| text::unhex(key));
            let turned_away = away.collect::<Option<_>>().ok_or_else(|| bad(&"not a key"))?;
            let roster = file.roster.as_deref().map(Network::parse).transpose()?;
            Ok(Self { invite, cards, turned_away, roster })
        })
    }

    /// Writes the list.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        let file = GatheringFile {
            format: FORMAT,
            invite: self.invite.to_string(),
            turned_away: self.turned_away.iter().map(|key| text::hex(key)).collect(),
            cards: self.cards.iter().map(MemberCard::to_toml).collect(),
            roster: self.roster.as_ref().map(Network::to_toml),
        };
        // It holds the secret of the invite.
        text::write(path, &text::render(&file), Access::Private)
    }
}

/// What a member makes sure of before it takes a roster for that of its invite.
///
/// # Errors
/// What is not as the invite says, or that its own card is not in it.
pub fn check_roster(roster: &Network, invite: &Invite, own: &MemberCard) -> Result<(), String> {
    let ours = |card: &&MemberCard| {
        (card.identity, card.sealing, card.transport) == (own.identity, own.sealing, own.transport)
    };
    let coordinator = |card: &MemberCard| card.transport == invite.coordinator;
    if roster.name() != invite.network {
        Err(format!("it is called {:?}", roster.name()))
    } else if roster.committee().n() != invite.members {
        Err(format!("it has {} members", roster.committee().n()))
    } else if roster.settings() != invite.settings || roster.epoch() != FIRST_EPOCH {
        Err("its settings are others than the invite's".to_owned())
    } else if !roster.members().iter().any(coordinator) {
        Err("whoever sent the invite is not in it".to_owned())
    } else if roster.members().iter().find(ours).is_none_or(|card| card.name != own.name) {
        Err("this organisation is not in it with its own keys".to_owned())
    } else {
        Ok(())
    }
}

fn refused(error: &RosterError) -> Refusal {
    let mut reason = error.to_string();
    while reason.len() > MAX_REASON {
        reason.pop();
    }
    Refusal::Card(reason)
}

#[cfg(test)]
pub(super) mod tests;
