//! Evidence: what a member signed that no honest member signs, for anybody to check.
//!
//! # Model
//! A member's identity key signs the first message of its reliable broadcasts, under the broadcast's
//! name, and an honest member signs one payload there, also over restarts. Whoever has the network's
//! roster can check that and needs nothing else: no clock, no node, nobody's word.
//!
//! # Guarantees
//! *Soundness*: no evidence against an honest member verifies, unless its identity key is stolen or
//! copied. What verifies proves a fault of whoever has the key, and nothing of anybody else.
//!
//! Not guaranteed: that each fault gives evidence. A vote in an agreement, a share, an ECHO are not
//! signed: such a fault is seen by who receives it, and by nobody else. Nor does evidence say when
//! something was signed.
//!
//! # What is evidence
//! - (V1) Two payloads under the name of one broadcast.
//! - (V2) A proposal that is not well formed.
//! - (V3) A value in a slot of the order that is none.
//! - (V4) The public part of a dealing, of material, nonces or shares of the keys, that does not hold: its shape, the proof
//!   of its sealing key, or a proof about the commitments. All of that depends on the payload alone,
//!   see [`acss`].
//! - (V5) A next sealing key in a refresh that is none.
//!
//! In V2 to V5 the broadcast is named by its [`Place`], from which its name is computed: a payload is
//! judged as what it was signed as. In V1 the name is enough.
//!
//! # Bounds
//! At each member, one evidence of a charge against a member in an epoch.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId};
use crate::crypto::{Digest, IdentityPublic, Transcript};
use crate::decision::collect;
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::{armour, slot, supply};
use crate::fault::{
    DecisionFault, Fault, FaultKind, KeyFault, Proof, RbcFault, Said, SharingFault,
};
use crate::keys::refresh;
use crate::limits;
use crate::party::epochs::refresh_tag;
use crate::party::event::{Effect, Notice};
use crate::party::journal::Instance;
use crate::party::records::{Key, put};
use crate::party::sink::Sink;
use crate::party::{Party, Suite};
use crate::protocol::Outbox;
use crate::sharing::acss;
use crate::tag::Tag;
use crate::wire;

const ARMOUR: &str = "QUORATE EVIDENCE";
/// The version of the encoding.
const FORMAT: u8 = 1;
/// Bytes of evidence: a payload, signatures, and what names them.
const MAX_BYTES: usize = limits::MAX_DEALING_PAYLOAD + (1 << 10);

/// All evidence of an epoch.
pub(super) type Accused = BTreeMap<(PartyId, Charge), Evidence>;

/// What a member signed that no honest member signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Digest of the roster, which names the network.
    pub network: Digest,
    /// The epoch it was signed in.
    pub epoch: u64,
    /// Who signed it.
    pub member: PartyId,
    /// What it was signed as.
    pub place: Place,
    said: Said,
}

/// Which of a member's broadcasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Place {
    /// Of its proposal with this number.
    Proposal(u64),
    /// Of its value in this slot of the order.
    Slot(u64),
    /// Of its vote in the decision at this position.
    Vote(u64),
    /// Of its dealing of material in a run.
    Material {
        /// Which run.
        run: u64,
        /// The triples that a run is asked for.
        triples: u64,
        /// The random bits.
        bits: u64,
    },
    /// Of its dealing of nonces in a run.
    Nonces {
        /// Which run.
        run: u64,
        /// The nonce pairs that a run is asked for.
        pairs: u64,
    },
    /// Of whatever has this name.
    Named(Tag),
    /// Of its dealing in the refresh after this ledger position.
    Refresh(u64),
    /// Of its next sealing key in the refresh after this ledger position.
    Sealing(u64),
}

/// What evidence proves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Charge {
    /// V1
    Equivocation,
    /// V2
    MalformedProposal,
    /// V3
    MalformedSlot,
    /// V4
    BadDealing,
    /// V5
    BadSealingKey,
}

impl Charge {
    /// What may be proven of a fault of this kind.
    const fn of(kind: FaultKind) -> Option<Self> {
        match kind {
            FaultKind::Rbc(RbcFault::Equivocation) => Some(Self::Equivocation),
            FaultKind::Decision(DecisionFault::MalformedProposal) => Some(Self::MalformedProposal),
            FaultKind::Decision(DecisionFault::MalformedSlot) => Some(Self::MalformedSlot),
            FaultKind::Sharing(SharingFault::BadDealing) => Some(Self::BadDealing),
            FaultKind::Key(KeyFault::BadSealingKey) => Some(Self::BadSealingKey),
            _ => None,
        }
    }
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unproven {
    /// It is not what it should look like.
    #[error("it is not evidence of this version of the format")]
    Malformed,
    /// It is about another network.
    #[error("it is of another network")]
    OtherNetwork,
    /// It is about somebody who is not a member.
    #[error("it names a member that this network does not have")]
    NotAMember,
    /// The member did not sign it.
    #[error("the member did not sign this there")]
    NotSigned,
    /// What was signed is no fault.
    #[error("what the member signed there is no fault")]
    NoFault,
}

impl Evidence {
    /// What a proof shows about a broadcast of one of these places, if it shows anything to others.
    pub(super) fn new(
        (network, epoch): (Digest, u64),
        places: impl IntoIterator<Item = Place>,
        (committee, member, key): (Committee, PartyId, &IdentityPublic),
        proof: Proof,
    ) -> Option<(Charge, Self)> {
        let root = Tag::root(network.as_bytes(), epoch);
        let named = Place::Named(proof.broadcast);
        let is_there =
            |place: &Place| place.broadcast(committee, member, &root) == Some(proof.broadcast);
        let place = places.into_iter().find(is_there).unwrap_or(named);
        let evidence = Self::of((network, epoch), member, place, proof.said);
        Some((evidence.verify(&network, committee, key).ok()?, evidence))
    }

    /// What a member is said to have signed in a place.
    pub(super) const fn of(
        (network, epoch): (Digest, u64),
        member: PartyId,
        place: Place,
        said: Said,
    ) -> Self {
        Self { network, epoch, member, place, said }
    }

    /// What it proves about the member of this network who has this key.
    ///
    /// # Errors
    /// It proves nothing.
    pub fn verify(
        &self,
        network: &Digest,
        committee: Committee,
        key: &IdentityPublic,
    ) -> Result<Charge, Unproven> {
        if self.network != *network {
            return Err(Unproven::OtherNetwork);
        }
        if !committee.contains(self.member) {
            return Err(Unproven::NotAMember);
        }
        let root = Tag::root(self.network.as_bytes(), self.epoch);
        let broadcast = self.place.broadcast(committee, self.member, &root);
        let broadcast = broadcast.ok_or(Unproven::NotSigned)?;
        if !(Proof { broadcast, said: self.said.clone() }).verify(key) {
            return Err(Unproven::NotSigned);
        }
        let Said::One(payload, _) = &self.said else { return Ok(Charge::Equivocation) };
        let fault = self.place.judge(committee, self.member, &root, payload);
        fault.ok_or(Unproven::NoFault)
    }

    /// By which people call it: the first 32 bits of its hash.
    pub fn id(&self) -> String {
        let root = Tag::root(self.network.as_bytes(), self.epoch);
        let hash = Transcript::new(&root, "evidence").bytes(&wire::encode(self)).digest();
        let [a, b, c, d, ..] = hash.as_bytes();
        format!("ev_{a:02x}{b:02x}{c:02x}{d:02x}")
    }

    /// The text in which it is handed to others.
    pub fn to_text(&self) -> String {
        armour::wrap(ARMOUR, &wire::encode(&(FORMAT, self)))
    }

    /// Reads that text; verifies nothing.
    ///
    /// # Errors
    /// [`Unproven::Malformed`]
    pub fn from_text(text: &str) -> Result<Self, Unproven> {
        let bytes = armour::unwrap(ARMOUR, text, MAX_BYTES).ok_or(Unproven::Malformed)?;
        match wire::decode(&bytes, MAX_BYTES) {
            Ok((FORMAT, evidence)) => Ok(evidence),
            _ => Err(Unproven::Malformed),
        }
    }
}

impl Place {
    /// Where the broadcasts of an instance are, with runs that are asked for `request`.
    pub(super) fn of(instance: Instance, request: supply::Request) -> Vec<Self> {
        match instance {
            Instance::Proposal(id) => vec![Self::Proposal(id.sequence)],
            Instance::Slot(slot) => vec![Self::Slot(slot)],
            Instance::Decision(position) => vec![Self::Vote(position)],
            Instance::Run(run) => {
                let supply::Request { material, pairs } = request;
                let (triples, bits) = (material.triples as u64, material.bits as u64);
                vec![
                    Self::Material { run, triples, bits },
                    Self::Nonces { run, pairs: pairs as u64 },
                ]
            }
        }
    }

    /// The name of the broadcast; `None` if there can be none.
    fn broadcast(&self, committee: Committee, member: PartyId, root: &Tag) -> Option<Tag> {
        Some(match *self {
            Self::Proposal(sequence) => ProposalId { proposer: member, sequence }.broadcast(root),
            Self::Slot(slot) => collect::broadcast(&root.indexed("slot", slot), member),
            Self::Vote(position) => {
                let decision = root.indexed("decision", position);
                collect::broadcast(&decision.child("collect"), member)
            }
            Self::Material { run, triples, bits } => {
                supply::material(committee, &root.indexed("run", run), member, triples, bits)?
                    .broadcast()
            }
            Self::Nonces { run, pairs } => {
                supply::nonces(committee, &root.indexed("run", run), member, pairs)?.broadcast()
            }
            Self::Named(tag) => tag,
            Self::Refresh(position) => {
                refresh::dealing(committee, &refresh_tag(root, position), member).broadcast()
            }
            Self::Sealing(position) => {
                refresh::sealing_broadcast(&refresh_tag(root, position), member)
            }
        })
    }

    /// What is wrong with a payload that was broadcast here, if anything is.
    fn judge(
        &self,
        committee: Committee,
        member: PartyId,
        root: &Tag,
        payload: &[u8],
    ) -> Option<Charge> {
        let (charge, holds) = match *self {
            Self::Proposal(_) => {
                (Charge::MalformedProposal, Proposal::read(payload, committee).is_some())
            }
            Self::Slot(_) => (Charge::MalformedSlot, slot::is_value(payload)),
            Self::Material { run, triples, bits } => {
                let run = root.indexed("run", run);
                let terms = supply::material(committee, &run, member, triples, bits)?;
                (Charge::BadDealing, acss::holds(terms, payload))
            }
            Self::Nonces { run, pairs } => {
                let run = root.indexed("run", run);
                let terms = supply::nonces(committee, &run, member, pairs)?;
                (Charge::BadDealing, acss::holds(terms, payload))
            }
            Self::Refresh(position) => {
                let terms = refresh::dealing(committee, &refresh_tag(root, position), member);
                (Charge::BadDealing, acss::holds(terms, payload))
            }
            Self::Sealing(_) => (Charge::BadSealingKey, refresh::sealing_public(payload).is_some()),
            // What a vote should be is in its proposal's rule; what else there may be is not known here.
            Self::Vote(_) | Self::Named(_) => return None,
        };
        (!holds).then_some(charge)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposal(number) => write!(f, "its proposal {number}"),
            Self::Slot(slot) => write!(f, "its value in slot {slot} of the order"),
            Self::Vote(position) => write!(f, "its vote at ledger position {position}"),
            Self::Material { run, .. } => write!(f, "its dealing in preprocessing run {run}"),
            Self::Nonces { run, .. } => {
                write!(f, "its dealing of nonces in preprocessing run {run}")
            }
            Self::Named(tag) => write!(f, "a broadcast of its own, {tag:?}"),
            Self::Refresh(position) => {
                write!(f, "its dealing in the refresh after ledger position {position}")
            }
            Self::Sealing(position) => {
                write!(f, "its next sealing key in the refresh after ledger position {position}")
            }
        }
    }
}

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equivocation => "signed two different payloads for one broadcast",
            Self::MalformedProposal => "signed a proposal that is not well formed",
            Self::MalformedSlot => "signed a slot value that is not well formed",
            Self::BadDealing => "signed a dealing whose public part does not hold",
            Self::BadSealingKey => "signed a sealing key that is none",
        })
    }
}

impl<S: Suite> Party<S> {
    /// What shows to others that members are faulty, in this epoch.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.values()
    }

    /// Whether a member's fault of this kind can be proved to others.
    pub(super) fn is_proven(&self, member: PartyId, kind: FaultKind) -> bool {
        Charge::of(kind).is_some_and(|charge| self.evidence.contains_key(&(member, charge)))
    }

    /// What a member did in the refresh that ends this epoch, and what convinces others of it.
    pub(super) fn fault_in_refresh(
        &mut self,
        fault: Fault,
        proof: Option<Proof>,
    ) -> Vec<Effect<S>> {
        self.act(|party, sink| {
            let places = party.refresh().map(|at| [Place::Refresh(at), Place::Sealing(at)]);
            let member = fault.party;
            sink.report(fault);
            if let Some(proof) = proof {
                party.accuse(places.into_iter().flatten(), member, proof, sink);
            }
        })
    }

    /// Keeps what the step in hand proved.
    pub(super) fn keep_evidence(&mut self, sink: &mut Sink<S>) {
        for (instance, member, proof) in std::mem::take(&mut sink.proven) {
            let places = instance.map(|at| Place::of(at, self.shared.policy.request));
            self.accuse(places.into_iter().flatten(), member, proof, sink);
        }
    }

    /// Keeps what a proof shows about a broadcast of one of these places.
    fn accuse(
        &mut self,
        places: impl IntoIterator<Item = Place>,
        member: PartyId,
        proof: Proof,
        sink: &mut Sink<S>,
    ) {
        let network = (self.shared.network, self.shared.epoch);
        let key = self.shared.keyring.identity_of(member);
        let whose = (self.committee(), member, key);
        let Some((charge, evidence)) = Evidence::new(network, places, whose, proof) else { return };
        if self.evidence.contains_key(&(member, charge)) {
            return;
        }
        sink.persist(vec![put(&Key::Evidence(member, charge), &evidence)]);
        sink.notify(Notice::Evidence { member, charge });
        self.evidence.insert((member, charge), evidence);
    }
}
