//! Which campaigns each mutant is given.

use quorate_protocol::zoo::Mutant;

use super::campaign::Campaign;
use super::{agreement, broadcast, coin_aware};

const SHORT: Campaign = Campaign::new("short broadcast", 2_000, broadcast::short);
const LONG: Campaign = Campaign::new("long broadcast", 2_000, broadcast::long);
const BINARY: Campaign = Campaign::new("binary agreement", 20_000, agreement::binary);
const SUBSET: Campaign = Campaign::new("common subset", 5_000, agreement::subset);
const FLOOD: Campaign = Campaign::new("flood of votes", 10, agreement::flood);
const COINS: Campaign = Campaign::new("coins", 10, agreement::coins);
const COIN_AWARE: Campaign = Campaign::new("coin-aware schedule", 100, coin_aware::binary);

/// The campaigns of a mutant, in order.
pub fn campaigns(mutant: Mutant) -> &'static [Campaign] {
    match mutant {
        Mutant::RbcCountsMessages
        | Mutant::RbcNoAmplification
        | Mutant::RbcReadyByOne
        | Mutant::RbcDeliversEarly
        | Mutant::RbcEchoQuorum
        | Mutant::RbcOverwrites
        | Mutant::RbcForgetsPayload
        | Mutant::RbcGatedReady
        | Mutant::RbcUnsigned => &[SHORT],
        Mutant::RbcTrustsRoot | Mutant::RbcLooseShard => &[LONG],
        Mutant::AbaOwnSet => &[COIN_AWARE],
        Mutant::AbaCoinFirst
        | Mutant::AbaE3FromApproved
        | Mutant::AbaE1ByOne
        | Mutant::AbaApproves
        | Mutant::AbaE2Quorum
        | Mutant::AbaE3Quorum
        | Mutant::AbaCountsMessages
        | Mutant::AbaLeavesRounds
        | Mutant::AbaHaltsAtOnce
        | Mutant::AbaDecidesByRound
        | Mutant::AbaNoVirtualVotes
        | Mutant::AbaDecideByOne
        | Mutant::AbaDropsAhead
        | Mutant::AbaDeafBeforeInput
        | Mutant::CoinByFew
        | Mutant::CoinUnverified => &[BINARY],
        Mutant::CoinWithoutRound | Mutant::CoinShared => &[SUBSET],
        Mutant::AbaKeepsAll => &[FLOOD],
        Mutant::CoinPredictable => &[COINS],
    }
}
