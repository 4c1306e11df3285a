//! Which campaigns each mutant is given.

use quorate_protocol::zoo::Mutant;

use super::campaign::Campaign;
use super::{
    agreement, broadcast, coin_aware, early, names, network, opening, secrecy, sharing, signing,
};

const SHORT: Campaign = Campaign::new("short broadcast", 2_000, broadcast::short);
const LONG: Campaign = Campaign::new("long broadcast", 2_000, broadcast::long);
const BINARY: Campaign = Campaign::new("binary agreement", 40_000, agreement::binary);
const REAL_COINS: Campaign = Campaign::new("real coins", 4_000, agreement::with_real_coins);
const SUBSET: Campaign = Campaign::new("common subset", 5_000, agreement::subset);
const FLOOD: Campaign = Campaign::new("flood of votes", 10, agreement::flood);
const COINS: Campaign = Campaign::new("coins", 10, agreement::coins);
const COIN_AWARE: Campaign = Campaign::new("coin-aware schedule", 100, coin_aware::binary);
const ONE_HOP: Campaign = Campaign::new("opening", 2_000, opening::one_hop);
const TWO_HOPS: Campaign = Campaign::new("opening in two hops", 2_000, opening::two_hops);
const MATERIAL: Campaign = Campaign::new("preprocessing", 100, opening::material);
const ELEMENTS: Campaign = Campaign::new("sharing of elements", 2_000, sharing::elements);
const SCALARS: Campaign = Campaign::new("sharing of scalars", 1_000, sharing::scalars);
const SHARES: Campaign = Campaign::new("counted shares", 7, sharing::count);
const SOUNDNESS: Campaign = Campaign::new("counted lies", 40, sharing::soundness);
const TWICE: Campaign = Campaign::new("two dealings", 10, sharing::twice);
const CANARY: Campaign = Campaign::new("shares on the wire", 10, sharing::canary);
const LOGS: Campaign = Campaign::new("shares in logs", 10, sharing::logs);
const COPIED: Campaign = Campaign::new("copied sealing key", 10, sharing::copied);
const RANDOM_VALUES: Campaign = Campaign::new("counted values", 10, secrecy::random_values);
const TRIPLES: Campaign = Campaign::new("counted triples", 10, secrecy::triples);
const BLINDERS: Campaign = Campaign::new("blinders", 10, secrecy::blinders);
const RANGE: Campaign = Campaign::new("ranges", 130, secrecy::range);
const MASKED_SUM: Campaign = Campaign::new("masked sums", 10, secrecy::masked_sum);
const SIGNATURES: Campaign = Campaign::new("signatures", 10, signing::signatures);
const CERTIFICATES: Campaign = Campaign::new("certificates", 10, signing::certificates);
const DOMAINS: Campaign = Campaign::new("names", 10, names::domains);
const ENCODINGS: Campaign = Campaign::new("encodings", 10, names::encodings);
const PROOFS: Campaign = Campaign::new("proofs", 10, names::proofs);
const FOUR: Campaign = Campaign::new("network of four", 200, network::four);
const KILLED: Campaign = Campaign::new("killed member", 1000, network::killed);
const AT_ONCE: Campaign = Campaign::new("kills in one decision", 3000, network::at_once);
const SURVIVORS: Campaign = Campaign::new("killed members", 1500, network::survivors);
const SHIFTED: Campaign = Campaign::new("shifted refresh", 10, network::shifted);
const REFRESHED: Campaign = Campaign::new("two refreshes", 10, network::refreshed);
const OLD_EPOCH: Campaign = Campaign::new("old epoch", 20, network::old_epoch);
const KEYGEN: Campaign = Campaign::new("key generation", 400, network::keygen_four);
const IDENTITY: Campaign = Campaign::new("identity dealt", 10, network::identity);
const BAD_PROOF: Campaign = Campaign::new("proof of another", 10, network::bad_proof);
const ROGUE: Campaign = Campaign::new("rogue dealer", 10, sharing::rogue);
const UNFINISHED: Campaign = Campaign::new("unfinished set", 40, network::unfinished_set);
const EARLY: Campaign = Campaign::new("flood of early messages", 3, early::flood);
const SMALL: Campaign = Campaign::new("small set", 40, network::small_set);

/// Whole networks and key generations that every mutant is set into.
pub const WHOLE: [Campaign; 2] = [
    Campaign::new("network of four", 60, network::four),
    Campaign::new("key generation", 60, network::keygen_four),
];

/// Whether a mutant breaks what a party relies on, so that it may panic.
pub const fn panics(mutant: Mutant) -> bool {
    matches!(
        mutant,
        Mutant::AcsExcludesEarly
            | Mutant::AcsOutputsUnusable
            | Mutant::AcssOkUnchecked
            | Mutant::ScalarsAnyWidth
            | Mutant::SetsUnfinished
            | Mutant::EarlyForgotten
            | Mutant::JournalLate
    )
}

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
        | Mutant::AbaDeafBeforeInput => &[BINARY],
        Mutant::AbaKeepsAll => &[FLOOD],
        Mutant::CoinByFew | Mutant::CoinUnverified | Mutant::CoinShared => &[REAL_COINS],
        Mutant::CoinWithoutRound => &[SUBSET, REAL_COINS],
        Mutant::CoinPredictable => &[COINS],
        Mutant::AcsWaitsForAll
        | Mutant::AcsExcludesEarly
        | Mutant::AcsOutputsEarly
        | Mutant::AcsOutputsUnusable => &[SUBSET],
        other => values(other),
    }
}

/// The campaigns of a mutant of sharing, computing or signing.
fn values(mutant: Mutant) -> &'static [Campaign] {
    match mutant {
        Mutant::OpenNoCorrection | Mutant::OpenCorrectsNone | Mutant::OpenFirstLength => {
            &[ONE_HOP, TWO_HOPS]
        }
        Mutant::AcssUnprovenComplaint
        | Mutant::AcssLooseDispersal
        | Mutant::AcssNoReveal
        | Mutant::AcssLooseReveal
        | Mutant::AcssCompleteEarly
        | Mutant::AcssDoneEarly
        | Mutant::AcssNoAmplification
        | Mutant::AcssOkUnchecked
        | Mutant::AcssLooseShards
        | Mutant::AcssDropsEarly
        | Mutant::AcssNoDegreeCheck => &[ELEMENTS],
        Mutant::ScalarsAnyWidth => &[SCALARS],
        Mutant::AcssOneCheck => &[SOUNDNESS],
        Mutant::AcssUnboundKey => &[COPIED],
        Mutant::AcssClear => &[CANARY],
        Mutant::SharesPrinted => &[LOGS],
        Mutant::AcssSeedOnly => &[TWICE],
        Mutant::LeadingNotZero | Mutant::DegreeTooLow | Mutant::PointZero => &[SHARES],
        Mutant::ScalarsIdentity => &[IDENTITY],
        Mutant::ScalarsUnproven => &[BAD_PROOF],
        Mutant::ScalarsUnbound => &[ROGUE],
        Mutant::DleqNonceShared => &[PROOFS],
        Mutant::ExtractsOneMore | Mutant::NoncesOneMore => &[RANDOM_VALUES],
        Mutant::TriplesOfDealers => &[TRIPLES],
        Mutant::TriplesUnproven => &[MATERIAL],
        Mutant::OneBlinder => &[BLINDERS],
        Mutant::SumUnmasked => &[MASKED_SUM],
        Mutant::WeightsBinary => &[RANGE],
        Mutant::NonceUnbound | Mutant::OneKey => &[SIGNATURES],
        Mutant::CertificateMembers | Mutant::CertificateHistory | Mutant::CertificateQuestion => {
            &[CERTIFICATES]
        }
        Mutant::RootOfAllEpochs | Mutant::ListsAmbiguous => &[DOMAINS],
        Mutant::TrailingBytes | Mutant::IdentityKey => &[ENCODINGS],
        other => networks(other),
    }
}

/// The campaigns of a mutant that whole networks show.
fn networks(mutant: Mutant) -> &'static [Campaign] {
    match mutant {
        Mutant::StockReused | Mutant::SealsEarly | Mutant::ClosesEarly => &[FOUR],
        Mutant::SlotsForgotten
        | Mutant::JournalLate
        | Mutant::EarlyForgotten
        | Mutant::NotSaidAgain
        | Mutant::JobsForgotten => &[KILLED, SURVIVORS],
        Mutant::NotAskedAgain => &[SURVIVORS, AT_ONCE],
        Mutant::LogForgotten => &[KEYGEN],
        Mutant::SetsUnfinished => &[UNFINISHED],
        Mutant::SetsOfAnySize => &[SMALL],
        Mutant::RefreshAnything => &[SHIFTED],
        Mutant::EpochKept => &[REFRESHED],
        Mutant::EpochMixed => &[OLD_EPOCH, FOUR],
        Mutant::EarlyUncounted => &[EARLY],
        _ => &[],
    }
}
