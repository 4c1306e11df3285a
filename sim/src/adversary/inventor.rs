//! Sends messages of its own invention: well formed, about places near to what it is asked about, with
//! contents that nobody computed. Tests that no part of a party trusts what it can read. Of refreshes, and
//! of what carries a certificate or the shards of a long broadcast, it invents nothing.

use std::sync::Arc;

use quorate_protocol::agreement::coin::{Coin, DdhShare};
use quorate_protocol::agreement::{acs, rbc};
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::crypto::{Digest, Signature};
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::proposal::ProposalId;
use quorate_protocol::decision::{certifying, collect, life, supply};
use quorate_protocol::keys::signing::{self, Purpose};
use quorate_protocol::math::{Field, Fl, Fp61};
use quorate_protocol::mpc::engine;
use quorate_protocol::mpc::preprocessing::{self, refine};
use quorate_protocol::party::restored::Begun;
use quorate_protocol::party::{Message, documents, sync};
use quorate_protocol::sharing::{Shares, acss, open};
use quorate_protocol::wire::Bytes;
use rand::RngExt;

use super::{Adversary, Insider};
use crate::{Rng, Wire};

/// Answers some messages by an invented one.
pub(super) struct Inventor {
    percent: u8,
    insider: Insider,
}

impl Inventor {
    pub(super) const fn new(percent: u8, insider: Insider) -> Self {
        Self { percent, insider }
    }

    fn party(&self, rng: &mut Rng) -> PartyId {
        // One in many does not exist.
        let n = self.insider.keyring.committee().n();
        PartyId::new(u16::try_from(rng.random_range(0..n + 1)).unwrap_or_default())
    }

    fn parties(&self, rng: &mut Rng) -> PartySet {
        (0..rng.random_range(0..4)).map(|_| self.party(rng)).collect()
    }

    fn broadcast(rng: &mut Rng) -> rbc::Message {
        let digest = Digest::from(rng.random::<[u8; 32]>());
        match rng.random_range(0..5) {
            0 => rbc::Message::Send { payload: bytes(rng), signature: signature(rng) },
            1 => rbc::Message::Echo(digest),
            2 => rbc::Message::Ready(digest),
            3 => rbc::Message::Pull(digest),
            _ => rbc::Message::Payload(bytes(rng)),
        }
    }

    fn agreement(&self, rng: &mut Rng) -> acs::Message<DdhShare> {
        let round = if rng.random() { rng.random_range(0..4) } else { rng.random_range(0..40) };
        let kinds = [acs::Kind::E1, acs::Kind::E2, acs::Kind::E3, acs::Kind::Decide];
        match rng.random_range(0..6) {
            0 => {
                let name = self.insider.root.indexed("an invented coin", u64::from(round));
                let share = self.insider.coin.share(&name);
                acs::Message::Shares { round, shares: vec![(self.party(rng), share)] }
            }
            1 => acs::Message::Resend { round, of: self.parties(rng) },
            kind => acs::Message::Votes {
                round,
                kind: kinds.get(kind - 2).copied().unwrap_or(acs::Kind::E1),
                zero: self.parties(rng),
                one: self.parties(rng),
                bot: self.parties(rng),
            },
        }
    }

    fn sharing(rng: &mut Rng) -> acss::Message {
        match rng.random_range(0..6) {
            0 => acss::Message::Rbc(Self::broadcast(rng)),
            1 => acss::Message::Shards(Vec::new()),
            2 => acss::Message::Ok,
            3 => acss::Message::Done,
            4 => acss::Message::Reveal(bytes(rng)),
            _ => acss::Message::Complain(acss::Complaint::BadDispersal { shards: Vec::new() }),
        }
    }

    fn collection(&self, rng: &mut Rng) -> collect::Message<DdhShare> {
        match rng.random() {
            true => collect::Message::Value(self.party(rng), Self::broadcast(rng)),
            false => collect::Message::Subset(self.agreement(rng)),
        }
    }

    fn run(&self, rng: &mut Rng) -> supply::Message<DdhShare> {
        use preprocessing::Message as Material;
        let stages = [refine::Stage::Multiply, refine::Stage::Square, refine::Stage::Root];
        let stage = stages.get(rng.random_range(0..3)).copied();
        supply::Message::Material(match rng.random_range(0..4) {
            0 => return supply::Message::Nonces(self.party(rng), Self::sharing(rng)),
            1 => Material::Deal(self.party(rng), Self::sharing(rng)),
            2 => Material::Agree(self.agreement(rng)),
            _ => Material::Refine(refine::Message::Open(
                stage.unwrap_or(refine::Stage::Multiply),
                opening(rng),
            )),
        })
    }

    fn decision(&self, rng: &mut Rng) -> life::Message<DdhShare> {
        match rng.random_range(0..6) {
            0 => life::Message::Mask(opening(rng)),
            1 => {
                let round = rng.random_range(0..20);
                life::Message::Compute(engine::Message { round, shares: opening(rng) })
            }
            2 => {
                let share = signing::Message(Fl::random(rng));
                life::Message::Certify(certifying::Message::Share(Purpose::Certificate, share))
            }
            3 => {
                let own = certifying::Message::Own(Outcome::Accepted, signature(rng));
                life::Message::Certify(own)
            }
            _ => life::Message::Collect(self.collection(rng)),
        }
    }

    /// A message about something near to what `heard` is about.
    fn invent(&self, heard: &Wire, rng: &mut Rng) -> Wire {
        let place = match heard {
            Message::Slot(place, _) | Message::Run(place, _) | Message::Decision(place, _) => {
                *place
            }
            _ => 0,
        };
        let place = place.saturating_add(rng.random_range(0..4)).saturating_sub(1);
        let id = ProposalId { proposer: self.party(rng), sequence: rng.random_range(0..40) };
        match rng.random_range(0..12) {
            0 => Message::Proposal(id, Self::broadcast(rng)),
            1 => Message::Document(id, documents::Message::Send(bytes(rng))),
            2 => Message::Document(id, documents::Message::Ask),
            3 | 4 => Message::Slot(place, self.collection(rng)),
            5 | 6 => Message::Run(place, self.run(rng)),
            7 => Message::RunDone(place),
            8 => Message::Sync(match rng.random_range(0..5) {
                0 => sync::Message::Run(place, rng.random_range(0..9)),
                1 => sync::Message::HowFar(Digest::from(rng.random::<[u8; 32]>())),
                2 => {
                    let at = sync::Position { slot: rng.random(), run: place, position: place };
                    sync::Message::Ask(at)
                }
                3 => match rng.random_range(0..6) {
                    4 => sync::Message::Missed(place),
                    5 => sync::Message::Gone((place..place.saturating_add(3)).collect()),
                    skips => sync::Message::Returned(skips),
                },
                _ => {
                    let begun = Begun { slots: rng.random(), runs: rng.random() };
                    sync::Message::SoFar(Digest::from(rng.random::<[u8; 32]>()), begun)
                }
            }),
            _ => Message::Decision(place, self.decision(rng)),
        }
    }
}

fn bytes(rng: &mut Rng) -> Bytes {
    let length = rng.random_range(0..120);
    (0..length).map(|_| rng.random()).collect::<Vec<u8>>().into()
}

fn signature(rng: &mut Rng) -> Signature {
    let mut signature = [0; 64];
    rng.fill(&mut signature);
    Signature::from_bytes(signature)
}

fn opening(rng: &mut Rng) -> open::Message<Fp61> {
    let length = rng.random_range(0..60);
    let shares = Arc::new((0..length).map(|_| Fp61::random(rng)).collect::<Shares<_>>());
    if rng.random() { open::Message::Share(shares) } else { open::Message::Word(shares) }
}

impl Adversary for Inventor {
    fn hear(&mut self, from: PartyId, heard: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if rng.random_range(0..100) >= self.percent {
            return Vec::new();
        }
        vec![(from, self.invent(heard, rng))]
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
    }
}
