//! Members that came in for others.
//!
//! The network file keeps the members that the network began with, whose keys its digest covers, and after
//! them each replacement: the certificate of the decision that names the new keys, which proves it to
//! whoever knows the network's key, and the epoch from which on it holds.

use libp2p::Multiaddr;
use quorate_protocol::crypto::identity::IdentityPublic;
use quorate_protocol::decision::certificate::{Certificate, Outcome, Verifier};
use quorate_protocol::decision::proposal::Replacement;
use quorate_protocol::keys::GroupPublic;
use quorate_protocol::{PartyId, PartyMap};
use serde::{Deserialize, Serialize};

use super::card::{self, TransportPublic};
use super::{MemberCard, Network, RosterError, check_distinct};

/// A member that came in for another.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// From this epoch on.
    pub epoch: u64,
    /// Of the decision.
    pub certificate: Certificate,
    /// The new member.
    pub card: MemberCard,
    seat: PartyId,
}

/// How it stands in a network file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplacedText {
    epoch: u64,
    addresses: Vec<String>,
    certificate: String,
}

impl ReplacedText {
    pub(super) fn of(replaced: &Replaced) -> Self {
        Self {
            epoch: replaced.epoch,
            addresses: replaced.card.addresses.iter().map(ToString::to_string).collect(),
            certificate: replaced.certificate.to_text(),
        }
    }

    /// The network with one more of its members replaced.
    pub(super) fn apply(self, network: &Network) -> Result<Network, RosterError> {
        let malformed = |error| RosterError::Syntax(format!("a replaced member: {error}"));
        let certificate = Certificate::from_text(&self.certificate);
        let certificate = certificate.map_err(|error| malformed(error.to_string()))?;
        let mut network = network.replacing(self.epoch, certificate)?;
        let addresses = self.addresses.iter().map(|text| card::address(text));
        let addresses: Vec<Multiaddr> = addresses.collect::<Result<_, _>>()?;
        if let Some(last) = network.replaced.last_mut()
            && let Some(member) = network.members.get_mut(last.seat.index())
        {
            member.addresses.clone_from(&addresses);
            member.check()?;
            last.card.addresses = addresses;
        }
        Ok(network)
    }
}

impl Network {
    /// The replacements, in order.
    pub fn replaced(&self) -> &[Replaced] {
        &self.replaced
    }

    /// The network as it began.
    #[must_use]
    pub fn first(&self) -> Self {
        let members = self.first.clone();
        Self { members, replaced: Vec::new(), ..self.clone() }
    }

    /// The same network with all replacements of another file of it that this one does not know.
    ///
    /// # Errors
    /// They do not fit.
    pub fn with_replaced_of(&self, other: &Self) -> Result<Self, RosterError> {
        let known = self.replaced.len();
        let mut network = self.clone();
        for replaced in other.replaced.iter().skip(known) {
            network = network.replacing(replaced.epoch, replaced.certificate.clone())?;
        }
        Ok(network)
    }

    /// The same network with the member replaced of which this certificate is, from this epoch on.
    ///
    /// # Errors
    /// It is of no replacement that was accepted in the epoch before, or the new member's card is not
    /// sound.
    pub fn replacing(&self, epoch: u64, certificate: Certificate) -> Result<Self, RosterError> {
        let statement = &certificate.statement;
        let before = self.replaced.last().map_or(self.epoch, |replaced| replaced.epoch);
        let follows = epoch > before && statement.epoch + 1 == epoch;
        let new = certificate.proposal.renewal.replacement();
        let (Some(new), true, Outcome::Accepted) = (new, follows, statement.outcome) else {
            return Err(RosterError::NotReplaced { epoch });
        };
        let (seat, card) = (new.seat, self.card_of(new)?);
        let mut network = self.clone();
        let Some(member) = network.members.get_mut(seat.index()) else {
            return Err(RosterError::NotReplaced { epoch });
        };
        member.clone_from(&card);
        network.replaced.push(Replaced { epoch, certificate, card, seat });
        Ok(network)
    }

    /// The card of a new member: its seat's name, and the addresses that can be dialled.
    fn card_of(&self, new: &Replacement) -> Result<MemberCard, RosterError> {
        let bad = |which| RosterError::BadKey { owner: "the new member".to_owned(), which };
        let name = self.member(new.seat).ok_or_else(|| bad("seat"))?.name.clone();
        let transport = TransportPublic::from_bytes(&new.transport.to_bytes());
        let transport = transport.ok_or_else(|| bad("transport key"))?;
        let (identity, sealing) = (new.identity, new.sealing);
        let read =
            |text: &String| card::address(text).ok().filter(|a| card::check_address(a).is_ok());
        let addresses = new.addresses.iter().filter_map(read).collect();
        Ok(MemberCard { name, identity, sealing, transport, addresses })
    }

    /// What a proposal says that gives a member's seat to the owner of a card.
    ///
    /// # Errors
    /// There is no member of this name, or the card is another's, or shares a key or an address.
    pub fn replacement(&self, name: &str, card: &MemberCard) -> Result<Replacement, RosterError> {
        let unknown = || RosterError::NoMember { name: name.to_owned() };
        let seat = self.find(name).ok_or_else(unknown)?;
        if self.find(&card.name) != Some(seat) {
            let (card, member) = (card.name.clone(), name.to_owned());
            return Err(RosterError::OtherName { card, member });
        }
        let transport = IdentityPublic::from_bytes(&card.transport.to_bytes());
        let bad = || RosterError::BadKey { owner: card.name.clone(), which: "transport key" };
        let new = Replacement {
            seat,
            identity: card.identity,
            sealing: card.sealing,
            transport: transport.ok_or_else(bad)?,
            addresses: card.addresses.iter().map(ToString::to_string).collect(),
        };
        self.check_replacement(&new)?;
        Ok(new)
    }

    /// Whether a member could come in with these keys and addresses: none of them is or was another's.
    ///
    /// # Errors
    /// One is.
    pub fn check_replacement(&self, new: &Replacement) -> Result<(), RosterError> {
        let card = self.card_of(new)?;
        if card.addresses.len() != new.addresses.len() {
            let address = new.addresses.join(" ");
            let reason = "one of them is not for members".to_owned();
            return Err(RosterError::BadAddress { address, reason });
        }
        let mut members = self.members.clone();
        // The member before has its keys for ever, and its addresses no more.
        let before = self.first.iter().chain(self.replaced.iter().map(|replaced| &replaced.card));
        for before in before.filter(|member| Some(*member) != self.member(new.seat)) {
            let mut keys =
                [card.identity.to_bytes(), card.sealing.to_bytes(), card.transport.to_bytes()]
                    .into_iter();
            let known = [
                before.identity.to_bytes(),
                before.sealing.to_bytes(),
                before.transport.to_bytes(),
            ];
            if keys.any(|key| known.contains(&key)) {
                let first = format!("a key of {:?}", before.name);
                let second = format!("one of the new {:?}", card.name);
                return Err(RosterError::DuplicateKey { first, second });
            }
        }
        if let Some(before) = members.get_mut(new.seat.index()) {
            let same = before.identity == card.identity
                || before.sealing == card.sealing
                || before.transport == card.transport;
            if same {
                let (first, second) =
                    ("a key of the card".to_owned(), "the member's old one".to_owned());
                return Err(RosterError::DuplicateKey { first, second });
            }
            *before = card;
        }
        check_distinct(&members)
    }

    /// Who is who in an epoch.
    pub fn identities_in(&self, epoch: u64) -> PartyMap<IdentityPublic> {
        let mut identities = self.first().identities();
        for replaced in self.replaced.iter().filter(|replaced| replaced.epoch <= epoch) {
            identities[replaced.seat] = replaced.card.identity;
        }
        identities
    }

    /// What certificates of an epoch of this network are checked against.
    ///
    /// # Errors
    /// Two members have one identity.
    pub fn verifier(
        &self,
        epoch: u64,
        key: GroupPublic,
    ) -> Result<Verifier, quorate_protocol::Error> {
        let verifier = Verifier::new(self.digest(), epoch, self.committee, key);
        if self.settings.accountable {
            verifier.accountable(self.identities_in(epoch))
        } else {
            Ok(verifier)
        }
    }

    /// Whether all replacements were decided by the network with this key.
    ///
    /// # Errors
    /// The first that was not.
    pub fn check_replaced(&self, key: GroupPublic) -> Result<(), RosterError> {
        for replaced in &self.replaced {
            let epoch = replaced.certificate.statement.epoch;
            let refused = || RosterError::NotReplaced { epoch: replaced.epoch };
            let verifier = self.verifier(epoch, key).map_err(|_| refused())?;
            replaced.certificate.verify(&verifier).map_err(|_| refused())?;
        }
        Ok(())
    }
}
