//! The bug zoo: known failures of protocols like these, each as a mutant that a build for the
//! purpose can switch on.
//!
//! Only a build with `--cfg zoo` has them, which no node can be. There one mutant at a time is
//! [selected](select) for a thread, and the rule that it breaks asks [`on`]. In every other build
//! [`on`] is a constant `false`, and nothing is left of what depends on it.
//!
//! A mutant's source is an entry of the list of known failures (Z01 to Z35) or, for a subtlety of
//! our own, what the rule is for.

/// Declares the mutants: name in code, name, source, what is broken.
macro_rules! mutants {
    ($($variant:ident $id:literal $source:literal $broken:literal)*) => {
        /// Which mutant.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Mutant {
            $(#[doc = $broken] $variant,)*
        }

        /// All mutants.
        pub const ALL: &[Entry] = &[
            $(Entry { mutant: Mutant::$variant, id: $id, source: $source, broken: $broken },)*
        ];
    };
}

/// A mutant, described.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Which.
    pub mutant: Mutant,
    /// Its name.
    pub id: &'static str,
    /// Where it is known from.
    pub source: &'static str,
    /// What is broken.
    pub broken: &'static str,
}

mutants! {
    RbcCountsMessages "rbc-counts-messages" "Z07 HoneyBadgerMPC #219"
        "ECHO and READY are counted, not the parties that sent them"
    RbcNoAmplification "rbc-no-amplification" "Z08"
        "t + 1 READY do not make a party send READY"
    RbcReadyByOne "rbc-ready-by-one" "Z08"
        "t READY make a party send READY"
    RbcDeliversEarly "rbc-delivers-early" "Z08"
        "t + 1 READY suffice to deliver"
    RbcEchoQuorum "rbc-echo-quorum" "Z08"
        "t + 1 ECHO suffice to send READY"
    RbcOverwrites "rbc-overwrites" "Z06 erlang-hbbft #9"
        "a second SEND replaces the first, and is echoed"
    RbcTrustsRoot "rbc-trusts-root" "Z06 erlang-hbbft #9"
        "what was decoded is not encoded again to compare the root"
    RbcLooseShard "rbc-loose-shard" "Z06, Z30 CometBFT ASA-2025-002"
        "a shard may be at any place under its root"
    RbcForgetsPayload "rbc-forgets-payload" "PROTOCOLS 1: totality after delivery"
        "a payload that was delivered is not given to those who ask for it"
    RbcGatedReady "rbc-gated-ready" "PROTOCOLS 1: amplification is never gated"
        "who withholds its ECHO withholds its READY, too"
    RbcUnsigned "rbc-unsigned" "PROTOCOLS 1: SEND is signed"
        "the signature of a SEND is not checked"

    AbaCoinFirst "aba-coin-first" "Z01 HoneyBadgerBFT #59, hbbft #37"
        "the share of a coin is released before there is an outcome"
    AbaE3FromApproved "aba-e3-from-approved" "Z02 HoneyBadgerBFT-Python #57"
        "E3 is an approved value, not one with a quorum of E2"
    AbaOwnSet "aba-own-set" "Z03 hbbft #44"
        "the outcome comes from one's own E2 set, not from the E3 of all"
    AbaE1ByOne "aba-e1-by-one" "PROTOCOLS 3"
        "t E1 make a party send E1"
    AbaApproves "aba-approves" "PROTOCOLS 3"
        "t + 1 E1 approve a value"
    AbaE2Quorum "aba-e2-quorum" "PROTOCOLS 3"
        "t + 1 E2 agree on a value"
    AbaE3Quorum "aba-e3-quorum" "PROTOCOLS 3"
        "t + 1 E3 give an outcome"
    AbaCountsMessages "aba-counts-messages" "PROTOCOLS 3, subtlety 5; Z07"
        "E2 and E3 are counted, not the parties that sent them"
    AbaLeavesRounds "aba-leaves-rounds" "PROTOCOLS 3, subtlety 1"
        "a party says nothing more in rounds that it has left"
    AbaHaltsAtOnce "aba-halts-at-once" "PROTOCOLS 3, subtlety 1"
        "a party halts when it decides"
    AbaDecidesByRound "aba-decides-by-round" "PROTOCOLS 3, subtlety 2"
        "only DECIDEs of one's own round count"
    AbaNoVirtualVotes "aba-no-virtual-votes" "PROTOCOLS 3: DECIDE counts in later rounds"
        "DECIDE is no vote in later rounds"
    AbaDecideByOne "aba-decide-by-one" "PROTOCOLS 3: t + 1 DECIDE"
        "t DECIDE make a party decide"
    AbaDeafBeforeInput "aba-deaf-before-input" "PROTOCOLS 3, subtlety 4"
        "what comes before one's own input is lost"
    AbaDropsAhead "aba-drops-ahead" "PROTOCOLS 3, subtlety 6; Z26"
        "what is too far ahead is dropped, and never asked for again"
    AbaKeepsAll "aba-keeps-all" "Z26 hbbft #43"
        "votes of any round ahead are kept"
    CoinWithoutRound "coin-without-round" "Z04 hbbft #298"
        "the name of a coin lacks the round"
    CoinShared "coin-shared" "PROTOCOLS 2: one coin per instance"
        "all agreements have the same coins"
    CoinByFew "coin-by-few" "PROTOCOLS 2: degree t"
        "t shares make a coin"
    CoinUnverified "coin-unverified" "PROTOCOLS 2; Z19"
        "shares of coins are not verified"
    CoinPredictable "coin-predictable" "Z05 parsec #310"
        "a coin is a hash of its name"
}

/// Whether this build has mutants.
pub const BUILT: bool = cfg!(zoo);

#[cfg(zoo)]
thread_local! {
    static SELECTED: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Whether a mutant is selected on this thread.
#[cfg(zoo)]
pub fn on(mutant: Mutant) -> bool {
    SELECTED.get() == Some(mutant)
}

/// Whether a mutant is selected on this thread: never.
#[cfg(not(zoo))]
pub const fn on(_: Mutant) -> bool {
    false
}

/// What a mutant has in place of what is right.
pub fn instead<T>(right: T, mutant: Mutant, wrong: T) -> T {
    if on(mutant) { wrong } else { right }
}

/// Selects a mutant on this thread, or none.
#[cfg(zoo)]
pub fn select(mutant: Option<Mutant>) {
    SELECTED.set(mutant);
}

/// Does nothing: this build has no mutants.
#[cfg(not(zoo))]
pub const fn select(_: Option<Mutant>) {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mutant_is_described_once_and_there_are_enough() {
        assert!(ALL.len() >= 35);
        let ids: BTreeSet<&str> = ALL.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), ALL.len());
        let what: BTreeSet<&str> = ALL.iter().map(|entry| entry.broken).collect();
        assert_eq!(what.len(), ALL.len());
        assert!(ALL.iter().all(|entry| !entry.source.is_empty() && entry.broken.len() > 10));
    }

    #[test]
    #[cfg(not(zoo))]
    fn no_other_build_has_mutants() {
        for Entry { mutant, .. } in ALL {
            select(Some(*mutant));
            assert!(!on(*mutant) && instead(true, *mutant, false));
        }
    }

    #[test]
    #[cfg(zoo)]
    fn one_mutant_is_selected_at_a_time() {
        for Entry { mutant, .. } in ALL {
            select(Some(*mutant));
            assert_eq!(ALL.iter().filter(|entry| on(entry.mutant)).count(), 1);
        }
        select(None);
        assert!(!ALL.iter().any(|entry| on(entry.mutant)));
    }
}
