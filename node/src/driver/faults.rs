//! Tells the operator what other members did wrong, without letting them fill the log.

use std::collections::BTreeMap;

use quorate_protocol::{Fault, FaultKind, PartyId};

/// How often each member did what.
#[derive(Debug, Default)]
pub(crate) struct FaultLog(BTreeMap<(PartyId, FaultKind), u64>);

impl FaultLog {
    /// Counts a fault, and logs it the first time and each time the count has doubled.
    pub(crate) fn add(&mut self, fault: &Fault, name: &str) {
        let count = self.0.entry((fault.party, fault.kind)).or_default();
        *count += 1;
        if count.is_power_of_two() {
            let kind = fault.kind;
            tracing::warn!(member = name, times = *count, "{name} sent {kind}");
        }
    }
}
