//! Deals sharings in which some members get no valid share, or whose commitments are too many or too few.
//! Tests that such a dealer is not counted, or its victims get their shares from others, and that it is
//! named.

use std::collections::BTreeMap;
use std::fmt;

use quorate_protocol::committee::PartySet;
use quorate_protocol::decision::supply::{self, nonces_tag};
use quorate_protocol::keys::nonces;
use quorate_protocol::math::{Field, Fl, Fp61};
use quorate_protocol::mpc::preprocessing::{self, Layout, TripleStatement, deal_tag};
use quorate_protocol::party::Message;
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::acss::scalar::Forgery;
use quorate_protocol::sharing::acss::{self, Dealing, Deviation, Elements, Local, Terms};
use serde::{Deserialize, Serialize};

use super::{Adversary, Insider};
use crate::{Rng, Wire};

/// What a cheating dealer does to its victims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cheat {
    /// To whom.
    #[serde(with = "crate::parties")]
    pub victims: PartySet,
    /// What.
    pub how: How,
}

/// What victims of a cheating dealer get.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum How {
    /// Shares off the polynomials.
    WrongShare,
    /// A ciphertext that does not open.
    Junk,
    /// A ciphertext dispersed in pieces that do not fit.
    Scattered,
    /// No pieces of anybody's ciphertext.
    Omitted,
    /// Everybody gets points of polynomials of too high a degree.
    ExcessDegree,
    /// The same, with commitments to all of their coefficients.
    Longer,
    /// Everybody gets points of polynomials of too low a degree, with so many commitments.
    Shorter,
    /// There are no commitments.
    Empty,
}

impl How {
    /// Whether everybody can see from the broadcast that the dealing does not hold.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Longer | Self::Shorter | Self::Empty)
    }

    /// Whether victims can prove that they got no share.
    pub const fn is_provable(self) -> bool {
        matches!(self, Self::WrongShare | Self::Junk | Self::Scattered)
    }
}

impl fmt::Display for Cheat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::WrongShare => write!(f, "wrong shares to {}", self.victims),
            How::Junk => write!(f, "junk to {}", self.victims),
            How::Scattered => write!(f, "scattered pieces for {}", self.victims),
            How::Omitted => write!(f, "nothing to {}", self.victims),
            How::ExcessDegree => f.write_str("too high a degree"),
            How::Longer => f.write_str("too many commitments"),
            How::Shorter => f.write_str("too few commitments"),
            How::Empty => f.write_str("no commitments"),
        }
    }
}

impl Cheat {
    pub(super) fn deviation(self) -> Deviation {
        let mut deviation = Deviation::default();
        match self.how {
            How::WrongShare => deviation.wrong_share = self.victims,
            How::Junk => deviation.junk = self.victims,
            How::Scattered => deviation.scattered = self.victims,
            How::Omitted => deviation.omitted = self.victims,
            How::ExcessDegree => deviation.excess_degree = 1,
            How::Longer => deviation.forgery = Some(Forgery::Longer),
            How::Shorter => deviation.forgery = Some(Forgery::Shorter),
            How::Empty => deviation.forgery = Some(Forgery::Empty),
        }
        deviation
    }
}

/// Replaces its dealings by ones that cheat.
pub(super) struct CheatingDealer {
    cheat: Cheat,
    insider: Insider,
    /// Secrets that are being dealt, by run.
    secrets: BTreeMap<u64, Shares<Fp61>>,
}

impl CheatingDealer {
    pub(super) const fn new(cheat: Cheat, insider: Insider) -> Self {
        Self { cheat, insider, secrets: BTreeMap::new() }
    }

    fn dealing(&mut self, run: u64) -> Option<Dealing> {
        let secrets = self.secrets.remove(&run)?;
        let (keyring, me) = (&self.insider.keyring, self.insider.keyring.me());
        let committee = keyring.committee();
        let layout = Layout::new::<Fp61>(committee, self.insider.policy.request.material).ok()?;
        let tag = deal_tag(&self.insider.root.indexed("run", run), me);
        let statement = TripleStatement::new(layout);
        let terms =
            Terms::new(committee, me, &tag, Elements::<Fp61, _>::new(layout.secrets(), statement));
        let deviation = self.cheat.deviation();
        Some(Dealing::new(&terms, keyring, secrets, &self.insider.seed, &deviation))
    }

    /// Of nonces it deals some of its own choice.
    fn dealing_of_nonces(&self, run: u64, rng: &mut Rng) -> Option<Dealing> {
        let (keyring, me) = (&self.insider.keyring, self.insider.keyring.me());
        let committee = keyring.committee();
        let layout = nonces::Layout::new(committee, self.insider.policy.request.pairs).ok()?;
        let tag = nonces_tag(&self.insider.root.indexed("run", run), me);
        let terms = Terms::new(committee, me, &tag, layout.terms());
        let secrets = (0..layout.scalars()).map(|_| Fl::random(rng)).collect();
        let deviation = self.cheat.deviation();
        Some(Dealing::new(&terms, keyring, secrets, &self.insider.seed, &deviation))
    }
}

impl Adversary for CheatingDealer {
    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
        self.secrets.clear();
    }

    fn done(&mut self, message: &Wire, rng: &mut Rng) -> Option<Wire> {
        let mut message = message.clone();
        match &mut message {
            Message::Run(run, supply::Message::Material(m)) => match m {
                preprocessing::Message::Secrets(secrets) => {
                    self.secrets.insert(*run, secrets.clone());
                    return None;
                }
                preprocessing::Message::Deal(_, acss::Message::Local(Local::Dealt(dealing))) => {
                    **dealing = self.dealing(*run)?;
                }
                _ => return None,
            },
            Message::Run(run, supply::Message::Nonces(_, m)) => {
                let acss::Message::Local(Local::Dealt(dealing)) = m else { return None };
                **dealing = self.dealing_of_nonces(*run, rng)?;
            }
            _ => return None,
        }
        Some(message)
    }
}
