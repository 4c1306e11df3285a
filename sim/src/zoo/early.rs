//! What a party keeps of a peer that floods it with what is early.

use std::sync::Arc;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::decision::supply;
use quorate_protocol::keys::TrustedKeyDealer;
use quorate_protocol::limits;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::mpc::preprocessing::{self, refine};
use quorate_protocol::party::Message;
use quorate_protocol::party::epochs::{EpochKeys, Epochs, EpochsConfig, EpochsEvent};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::{Shares, open};
use rand::SeedableRng;

use super::campaign::{CAMPAIGN, Verdict, fails};
use crate::Wire;
use crate::checker::{self, Observation, What};
use crate::ghost::Ghost;

const EPOCH: u64 = 1;

/// Elements of one message: half of what fits an envelope.
const ELEMENTS: usize = limits::MAX_ENVELOPE / 16;

/// One party of four.
fn party(seed: u64) -> Option<Epochs> {
    let keyrings = Keyring::for_tests(4, seed);
    let keyring = Arc::clone(keyrings.first()?);
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed);
    let dealt = TrustedKeyDealer::deal(keyring.committee(), EPOCH, &mut rng).ok()?;
    let keys = Arc::new(dealt.into_iter().next()?);
    let config = EpochsConfig {
        network: Digest::from([0x51; 32]),
        policy: Policy::for_members(4),
        accountable: false,
        identities: Arc::clone(keyring.identities()),
        first: Some(EpochKeys { keyring, keys, seed: Secret::new([7; 32]) }),
    };
    Epochs::new(config, Vec::new()).ok()
}

/// Shares of openings of the last run that messages are kept of.
fn early() -> Wire {
    let shares: Shares<Fp61> = vec![Fp61::ONE; ELEMENTS].into();
    let opening = refine::Message::Open(refine::Stage::Multiply, open::Message::new(shares));
    let message = supply::Message::Material(preprocessing::Message::Refine(opening));
    Message::Run(limits::RUN_WINDOW - 1, message)
}

/// One member says more, and more again, of a run that has not begun: it is kept within its limits.
pub(super) fn flood(seed: u64) -> Verdict {
    let Some(mut party) = party(seed) else { return fails(CAMPAIGN, "no party") };
    let Ok(committee) = Committee::new(4) else { return fails(CAMPAIGN, "no committee") };
    let (by, of, message) = (PartyId::new(0), PartyId::new(1), early());
    let ghost = Ghost::new(committee, [of].into_iter().collect(), PartySet::EMPTY);
    let mut checkers = checker::all();
    let Some(state) = checkers.iter_mut().find(|checker| checker.name() == "state") else {
        return fails(CAMPAIGN, "no checker of what is kept");
    };
    let _first = party.step(EpochsEvent::Start);
    let most = limits::MAX_KEPT_BYTES + limits::MAX_AHEAD_BYTES;
    for _ in 0..=most / (8 * ELEMENTS) + 1 {
        let message = message.clone();
        let _effects = party.step(EpochsEvent::Message { from: of, epoch: EPOCH, message });
    }
    let bytes = party.kept_bytes(of);
    if bytes == 0 {
        return fails(CAMPAIGN, "nothing is kept");
    }
    let what = What::Keeps { by, of, epochs: party.live().count(), bytes };
    state.check(&ghost, &Observation { time: 0, what }).or_else(|what| fails("state", what))
}
