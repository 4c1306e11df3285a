//! Deals what another dealt: under its sealing key, or its whole public part. Tests that a dealing holds
//! under its dealer's own name only. If another's sealing key did, everybody would complain of what does
//! not open, with the keys that open the other's dealing.

use std::collections::BTreeMap;
use std::fmt;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::supply;
use quorate_protocol::limits;
use quorate_protocol::math::Fp61;
use quorate_protocol::mpc::preprocessing::{self, TripleProof};
use quorate_protocol::party::Message;
use quorate_protocol::sharing::acss::scalar::ScalarProof;
use quorate_protocol::sharing::acss::{self, Dealing, ElementsProof, Local, Public};
use quorate_protocol::wire::{self, Bytes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Adversary, Insider};
use crate::{Rng, Wire};

/// What is copied of another's dealing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Copied {
    /// The sealing key, over ciphertexts that it does not open.
    SealingKey,
    /// All that is public.
    Everything,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SealingKey => "the sealing keys",
            Self::Everything => "everything",
        })
    }
}

/// What is dealt in a run: material or nonces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dealt {
    Material,
    Nonces,
}

type OfElements = Public<Vec<Digest>, ElementsProof<Fp61, TripleProof<Fp61>>>;
type OfScalars = Public<Bytes, ScalarProof>;

/// Copies into each of its dealings from the last one that it heard, which is of the same run unless it is
/// the first to deal.
pub(super) struct DealingCopier {
    what: Copied,
    me: PartyId,
    /// What others dealt last.
    heard: BTreeMap<Dealt, Bytes>,
}

impl DealingCopier {
    pub(super) fn new(what: Copied, insider: &Insider) -> Self {
        Self { what, me: insider.keyring.me(), heard: BTreeMap::new() }
    }

    fn copy(&self, dealt: Dealt, dealing: &mut Dealing) -> Option<()> {
        let other = self.heard.get(&dealt)?;
        dealing.payload = match (self.what, dealt) {
            (Copied::Everything, _) => other.clone(),
            (Copied::SealingKey, Dealt::Material) => {
                let theirs: OfElements = public(other)?;
                let ours: OfElements = public(&dealing.payload)?;
                wire::encode(&Public { header: theirs.header, ..ours }).into()
            }
            (Copied::SealingKey, Dealt::Nonces) => {
                let theirs: OfScalars = public(other)?;
                let ours: OfScalars = public(&dealing.payload)?;
                wire::encode(&Public { header: theirs.header, ..ours }).into()
            }
        };
        Some(())
    }
}

fn public<P: Serialize + DeserializeOwned>(payload: &[u8]) -> Option<P> {
    wire::decode(payload, limits::MAX_DEALING_PAYLOAD).ok()
}

/// What is dealt, who deals, and the message of the sharing.
const fn sharing<S>(message: &supply::Message<S>) -> Option<(Dealt, PartyId, &acss::Message)> {
    match message {
        supply::Message::Nonces(dealer, m) => Some((Dealt::Nonces, *dealer, m)),
        supply::Message::Material(preprocessing::Message::Deal(dealer, m)) => {
            Some((Dealt::Material, *dealer, m))
        }
        _ => None,
    }
}

impl Adversary for DealingCopier {
    fn begins(&mut self, _insider: &Insider) {
        self.heard.clear();
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if let Message::Run(_, m) = heard
            && let Some((dealt, dealer, acss::Message::Rbc(m))) = sharing(m)
            && let rbc::Message::Send { payload, .. } = m
            && dealer == from
            && dealer != self.me
        {
            self.heard.insert(dealt, payload.clone());
        }
        Vec::new()
    }

    fn done(&mut self, message: &Wire, _rng: &mut Rng) -> Option<Wire> {
        let mut message = message.clone();
        let Message::Run(_, m) = &mut message else { return None };
        let (dealt, ..) = sharing(m)?;
        let (supply::Message::Nonces(_, m)
        | supply::Message::Material(preprocessing::Message::Deal(_, m))) = m
        else {
            return None;
        };
        let acss::Message::Local(Local::Dealt(dealing)) = m else { return None };
        self.copy(dealt, dealing)?;
        Some(message)
    }
}
