//! Who the members are: the network file, which all members hold and agree on.
//!
//! The file names the network, its epoch, and the members in order, each with three public keys
//! (one for each purpose) and its addresses. [`Network::digest`] covers everything but the
//! addresses: two members with the same digest are in the same network, and a node may move without
//! everybody comparing digests again. Keys that members share are not in it: they are made later,
//! for a digest.
//!
//! A member may come in for another later: see [`Replaced`]. The digest stays that of the members that the
//! network began with.
//!
//! A [`Network`] is valid by construction: whoever holds one need not check it again.

mod card;
mod dealt_keys;
mod entrance_file;
mod error;
mod replaced;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use quorate_protocol::crypto::identity::IdentityPublic;
use quorate_protocol::crypto::seal::SealingPublic;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::{Committee, PartyId, PartyMap, limits, wire};
use serde::{Deserialize, Serialize};

pub use card::{MemberCard, TransportPublic, addresses};
pub use dealt_keys::DealtKeys;
pub use entrance_file::EntranceFile;
pub use error::RosterError;
pub use replaced::Replaced;

use card::CardText;
use replaced::ReplacedText;
use text::{Access, FORMAT};

/// The members of a network in one epoch, and their public keys.
#[derive(Clone, Debug)]
pub struct Network {
    name: String,
    epoch: u64,
    committee: Committee,
    /// The members that it began with.
    first: Vec<MemberCard>,
    replaced: Vec<Replaced>,
    /// The members it has now.
    members: Vec<MemberCard>,
    settings: Settings,
}

/// What the members of a network agree on beside its members.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Settings {
    /// One to three members, none of whom is protected from another.
    pub insecure_small: bool,
    /// Certificates name the members that signed, with their signatures.
    pub accountable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkFile {
    format: u32,
    name: String,
    epoch: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    insecure_small: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    accountable: bool,
    members: Vec<CardText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<ReplacedText>,
}

impl Network {
    /// A network of `members`, in this order.
    ///
    /// # Errors
    /// Fewer than four members (one to three need `insecure_small`, and then nobody is protected
    /// from anybody), too many, two with one name, key or address, or a bad name or address.
    pub fn new(
        name: &str,
        epoch: u64,
        members: Vec<MemberCard>,
        settings: Settings,
    ) -> Result<Self, RosterError> {
        card::check_name(name)?;
        if i64::try_from(epoch).is_err() {
            return Err(RosterError::Epoch(epoch));
        }
        let committee = committee(members.len(), settings.insecure_small)?;
        check_members(&members)?;
        let name = name.to_owned();
        let (first, replaced) = (members.clone(), Vec::new());
        Ok(Self { name, epoch, committee, first, replaced, members, settings })
    }

    /// Reads a network from the text of a network file.
    ///
    /// # Errors
    /// It is malformed, or what [`new`](Self::new) refuses.
    pub fn parse(text: &str) -> Result<Self, RosterError> {
        text::check_format(text, text::Kind::Network)?;
        let file: NetworkFile = text::parse(text)?;
        let members =
            file.members.into_iter().map(MemberCard::from_text).collect::<Result<_, _>>()?;
        let NetworkFile { insecure_small, accountable, .. } = file;
        let settings = Settings { insecure_small, accountable };
        let network = Self::new(&file.name, file.epoch, members, settings)?;
        file.replaced.into_iter().try_fold(network, |network, one| one.apply(&network))
    }

    /// Reads a network file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), with the path.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, Self::parse)
    }

    /// Writes a network file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        text::write(path, &self.to_toml(), Access::Public)
    }

    /// The text of a network file.
    pub fn to_toml(&self) -> String {
        let file = NetworkFile {
            format: FORMAT,
            name: self.name.clone(),
            epoch: self.epoch,
            insecure_small: self.settings.insecure_small,
            accountable: self.settings.accountable,
            members: self.first.iter().map(MemberCard::to_text).collect(),
            replaced: self.replaced.iter().map(ReplacedText::of).collect(),
        };
        let digest = self.digest();
        format!(
            "# Every member holds the same network file. Digest, for all to compare:\n# {digest}\n{}",
            text::render(&file)
        )
    }

    /// The same network, without saying where its nodes are. It has the same digest.
    pub fn without_addresses(&self) -> Self {
        let mut network = self.clone();
        let replaced = network.replaced.iter_mut().map(|replaced| &mut replaced.card);
        let members = network.members.iter_mut().chain(&mut network.first).chain(replaced);
        members.for_each(|member| member.addresses.clear());
        network
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of its member set.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Its size and threshold.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// What else its members agree on.
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// The members, in order.
    pub fn members(&self) -> &[MemberCard] {
        &self.members
    }

    /// The member at a position.
    pub fn member(&self, party: PartyId) -> Option<&MemberCard> {
        self.members.get(party.index())
    }

    /// The position of the member with the keys of this card, whatever its name and addresses.
    pub fn place_of(&self, card: &MemberCard) -> Option<PartyId> {
        let ours = |member: &MemberCard| {
            member.identity == card.identity
                && member.sealing == card.sealing
                && member.transport == card.transport
        };
        let mut places = self.committee.parties().zip(&self.members);
        places.find(|(_, member)| ours(member)).map(|(party, _)| party)
    }

    /// The position of the member with this name, whatever the case.
    pub fn find(&self, name: &str) -> Option<PartyId> {
        let wanted = name.to_lowercase();
        let found = |party: &PartyId| {
            self.member(*party).is_some_and(|member| member.name.to_lowercase() == wanted)
        };
        self.committee.parties().find(found)
    }

    /// What the members' signatures are verified with.
    pub fn identities(&self) -> PartyMap<IdentityPublic> {
        self.keys(|member| member.identity)
    }

    /// What is sealed to the members with.
    pub fn sealing_keys(&self) -> PartyMap<SealingPublic> {
        self.keys(|member| member.sealing)
    }

    /// The network's digest: what members compare, and what everything they sign names.
    pub fn digest(&self) -> Digest {
        let members: Vec<_> = self
            .first
            .iter()
            .map(|member| {
                let keys = (member.identity, member.sealing, member.transport.to_bytes());
                (&member.name, keys)
            })
            .collect();
        let Settings { insecure_small, accountable } = self.settings;
        let content = (FORMAT, &self.name, self.epoch, insecure_small, accountable, members);
        let mut hasher = blake3::Hasher::new_derive_key("quorate 2026 network file v1");
        hasher.update(&wire::encode(&content));
        Digest::from(*hasher.finalize().as_bytes())
    }

    fn keys<T>(&self, key: impl Fn(&MemberCard) -> T) -> PartyMap<T> {
        let keys = self.members.iter().map(key).collect();
        PartyMap::from_vec(self.committee, keys).expect("the committee has the members' number")
    }
}

/// Whether a network could be called `name` and have `n` members.
///
/// # Errors
/// A bad name, or a number that [`Network::new`] refuses.
pub fn check_plan(name: &str, n: usize, settings: Settings) -> Result<(), RosterError> {
    card::check_name(name)?;
    committee(n, settings.insecure_small).map(drop)
}

/// Whether these could all be members of one network.
///
/// # Errors
/// A bad card, or two with one name, key or address.
pub fn check_members(members: &[MemberCard]) -> Result<(), RosterError> {
    members.iter().try_for_each(MemberCard::check)?;
    check_distinct(members)
}

fn committee(n: usize, insecure_small: bool) -> Result<Committee, RosterError> {
    let committee = match n {
        1..=3 if insecure_small => Committee::with_threshold(n, 0),
        0..=3 => return Err(RosterError::TooFew { n }),
        _ if insecure_small => return Err(RosterError::NotSmall { n }),
        _ => Committee::new(n),
    };
    committee.map_err(|_| RosterError::TooMany { n, max: limits::MAX_PARTIES })
}

/// No name, key or address twice; and no key in two purposes.
fn check_distinct(members: &[MemberCard]) -> Result<(), RosterError> {
    let mut names = BTreeMap::new();
    let mut keys = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for member in members {
        let name = &member.name;
        if names.insert(name.to_lowercase(), name).is_some() {
            return Err(RosterError::DuplicateName { name: name.clone() });
        }
        for (which, key) in [
            ("identity", member.identity.to_bytes()),
            ("sealing key", member.sealing.to_bytes()),
            ("transport key", member.transport.to_bytes()),
        ] {
            let this = format!("the {which} of {name:?}");
            if let Some(first) = keys.insert(key, this.clone()) {
                return Err(RosterError::DuplicateKey { first, second: this });
            }
        }
        for address in &member.addresses {
            match addresses.insert(address, name) {
                Some(first) if !has_any_port(address) => {
                    return Err(RosterError::DuplicateAddress {
                        first: first.clone(),
                        second: name.clone(),
                        address: address.to_string(),
                    });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Port 0: whatever is free.
fn has_any_port(address: &libp2p::Multiaddr) -> bool {
    use libp2p::multiaddr::Protocol::{Tcp, Udp};
    address.iter().any(|part| matches!(part, Tcp(0) | Udp(0)))
}
