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
    AcsExcludesEarly "acs-excludes-early" "PROTOCOLS 4: n - t agreements first"
        "who has closed proposes 0 before n - t agreements decided 1"
    AcsWaitsForAll "acs-waits-for-all" "Z35 besu #6613"
        "who has closed still waits for all agreements to decide 1"
    AcsOutputsEarly "acs-outputs-early" "PROTOCOLS 4: all are resolved"
        "a common subset is given once n - t agreements decided 1"
    AcsOutputsUnusable "acs-outputs-unusable" "PROTOCOLS 4: once usable here, too"
        "a common subset is given before its values are usable"

    OpenNoCorrection "open-no-correction" "PROTOCOLS 6"
        "t + 1 shares are taken for right"
    OpenCorrectsNone "open-corrects-none" "Z34 HoneyBadgerMPC #452"
        "wrong shares are found, and not corrected"
    OpenFirstLength "open-first-length" "PROTOCOLS 6: one's own expectation; Z30"
        "the first vector says how long all are"

    AcssUnprovenComplaint "acss-unproven-complaint" "PROTOCOLS 5: complaints are proven"
        "a complaint is believed without proof"
    AcssLooseDispersal "acss-loose-dispersal" "PROTOCOLS 5: complaint about a dispersal"
        "a complaint about an inconsistent dispersal proves nothing"
    AcssNoReveal "acss-no-reveal" "PROTOCOLS 5: holders reveal"
        "holders of shares do not help those whom the dealer gave none"
    AcssLooseReveal "acss-loose-reveal" "PROTOCOLS 5: t + 1 that verify"
        "a revealed share is not verified"
    AcssCompleteEarly "acss-complete-early" "PROTOCOLS 5: 2t + 1 DONE"
        "t + 1 DONE complete a sharing"
    AcssDoneEarly "acss-done-early" "PROTOCOLS 5: n - t OK"
        "t + 1 OK make a party send DONE"
    AcssNoAmplification "acss-no-amplification" "PROTOCOLS 5: t + 1 DONE; Z08"
        "t + 1 DONE do not make a party send DONE"
    AcssOkUnchecked "acss-ok-unchecked" "PROTOCOLS 5: OK after all checks"
        "OK is sent for a share that was not checked"
    AcssLooseShards "acss-loose-shards" "PROTOCOLS 5: shards verify before ECHO"
        "shards are not looked at before ECHO"
    AcssDropsEarly "acss-drops-early" "PROTOCOLS 1, 5: in every order of arrival"
        "what comes before the public part is lost"
    AcssNoDegreeCheck "acss-no-degree-check" "PROTOCOLS 5: G; Z09"
        "shares are not checked against the published combinations"
    AcssOneCheck "acss-one-check" "PROTOCOLS 5: two checks"
        "one combination is checked, not two"
    AcssUnboundKey "acss-unbound-key" "PROTOCOLS 5: the proof of R"
        "a sealing key needs no proof, so that another dealer's can be used"
    AcssClear "acss-clear" "Z23 kryptology #29"
        "share vectors are sent in the clear"
    SharesPrinted "shares-printed" "Z32 Slope, Sentry 2022"
        "shares are printed where they are logged"
    AcssSeedOnly "acss-seed-only" "PROTOCOLS 10: and the secret"
        "a dealer's polynomials do not depend on what it shares"
    LeadingNotZero "leading-not-zero" "Z11"
        "polynomials have a leading coefficient other than zero"
    DegreeTooLow "degree-too-low" "Z10 commonware #4346"
        "polynomials have a leading coefficient of zero"
    PointZero "point-zero" "Z12 Trail of Bits 2021"
        "the first party's share is the value at zero"
    ScalarsAnyWidth "scalars-any-width" "Z09 charon #1999, tss-lib #291"
        "a dealer says how many commitments there are"
    ScalarsIdentity "scalars-identity" "Z28 CometBFT BLS, gnark #859"
        "a dealer may commit to zero"
    ScalarsUnproven "scalars-unproven" "Z13 curv #169, fedimint #760"
        "nobody checks that a dealer knows what it deals"
    ScalarsUnbound "scalars-unbound" "Z19, Z20 Helios, tss-lib"
        "a proof of knowledge is not bound to the dealing"
    DleqNonceShared "dleq-nonce-shared" "PROTOCOLS 2: nonces hash the full statement; Z14"
        "all proofs under a key have one nonce"

    ExtractsOneMore "extracts-one-more" "PROTOCOLS 7: m - t values, not one more"
        "m - t + 1 random values come from m dealers"
    NoncesOneMore "nonces-one-more" "PROTOCOLS 9; nonce pairs beyond m - t"
        "m - t + 1 nonce pairs come from m dealers"
    TriplesOfDealers "triples-of-dealers" "PROTOCOLS 7: fresh points"
        "triples are taken where dealers know them"
    TriplesUnproven "triples-unproven" "PROTOCOLS 7: C = A B"
        "a dealer's products are not checked"
    OneBlinder "one-blinder" "PROTOCOLS 7: two blinders"
        "a factor polynomial has one blinder, not two"
    SumUnmasked "sum-unmasked" "PROTOCOLS 8: k + 40 random bits"
        "a sum is opened without its statistical mask"
    WeightsBinary "weights-binary" "PROTOCOLS 8: in range by construction"
        "votes are written with powers of two"

    NonceUnbound "nonce-unbound" "Z25 ROS"
        "the binding of nonces leaves out what is signed"
    OneKey "one-key" "Z24 NEAR MPC #2076"
        "documents are signed with the key of certificates"
    CertificateMembers "certificate-members" "Z31 cosign GHSA-8gw7-4j42-w388"
        "who is counted is not signed"
    CertificateHistory "certificate-history" "Z31"
        "the ledger before a decision is not signed"
    CertificateQuestion "certificate-question" "Z31"
        "a certificate holds for another question"

    RootOfAllEpochs "root-of-all-epochs" "Z04 hbbft #298"
        "names leave out the epoch"
    ListsAmbiguous "lists-ambiguous" "Z17 TSSHOCK"
        "items are hashed without their lengths"
    TrailingBytes "trailing-bytes" "Z29; PROTOCOLS 6: canonical encoding"
        "bytes after a message are ignored"
    IdentityKey "identity-key" "Z28 celo #205"
        "the identity is taken for a sealing key"

    StockReused "stock-reused" "Z15 presignature reuse"
        "claims do not move on, so that decisions have the same masks"
    SealsEarly "seals-early" "PROTOCOLS 8: before the input set is sealed"
        "the first n - t values are taken for the agreed ones"
    ClosesEarly "closes-early" "PROTOCOLS 4: deadline plus grace for votes"
        "nobody waits for votes after the first"
    SlotsForgotten "slots-forgotten" "Z27 telcoin #391"
        "a party does not write down what it did in slots"
    JournalLate "journal-late" "Z27 bsc #2598: what is said before it is written"
        "a step's records come after what it says"
    EarlyForgotten "early-forgotten" "Z27 telcoin #391"
        "what came too early is taken, and not written down"
    NotSaidAgain "not-said-again" "Z27 fedimint #2289"
        "a restarted party does not say again what may be lost"
    JobsForgotten "jobs-forgotten" "Z27 telcoin #391"
        "a restarted party does not do again the work it was at"
    NotAskedAgain "not-asked-again" "Z27 fedimint #2289"
        "who restarted is not asked again what it may have been about to answer"
    LogForgotten "log-forgotten" "Z14 keep #933: a claim that is not durable"
        "what a key generation heard is not written down"

    SetsUnfinished "sets-unfinished" "PROTOCOLS 9: ECHO T_j when all are complete"
        "a set of dealers counts before their dealings are complete"
    SetsOfAnySize "sets-of-any-size" "PROTOCOLS 9: at least n - t dealers"
        "a set of fewer than n - t dealers counts"
    RefreshAnything "refresh-anything" "PROTOCOLS 9: the dealer's old share"
        "what is dealt in a refresh need not be the dealer's share"
    EpochKept "epoch-kept" "PROTOCOLS 9: erased with the old shares"
        "an epoch that is erased leaves its secrets in the store"
    EarlyUncounted "early-uncounted" "Z26 fedimint #1080; PROTOCOLS 8: budgets"
        "early bytes are not counted"
    EpochMixed "epoch-mixed" "Z04; PROTOCOLS 9: epochs"
        "a message of an old epoch is handled in the current one"
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
