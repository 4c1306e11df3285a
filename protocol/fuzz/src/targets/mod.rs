//! All targets, by name.

mod certificates;
mod keys;
mod messages;
mod rules;
mod stores;

pub use stores::ceremony_config;

/// A function of bytes that panics if something that was promised does not hold.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and its corpus's.
    pub name: &'static str,
    /// What it reads.
    pub about: &'static str,
    /// The function.
    pub run: fn(&[u8]),
    /// Mutants that a test tries: as many as take a second or two, of stories five.
    pub mutants: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("message", "what members say to each other", messages::message, 40_000),
    target(
        "ceremony",
        "what members say while they make or refresh keys",
        messages::ceremony,
        40_000,
    ),
    target("frame", "messages as they travel", messages::frame, 20_000),
    target("payload", "what members broadcast: proposals and ballots", messages::payload, 100_000),
    target("certificate", "certificates, armoured and not", certificates::certificate, 4000),
    target("rule", "rules, and the votes on them", rules::rule, 100_000),
    target("names", "names of decisions, keys, decimal numbers", rules::names, 100_000),
    target("key_set", "key sets, as nodes store them sealed", keys::key_set, 2000),
    target("store", "stores that members come back from", stores::member, 500),
    target("ceremony_store", "stores that key generations come back from", stores::ceremony, 1000),
    target("party", "four members of which one or all are corrupt", crate::script::tell, 120),
];

const fn target(name: &'static str, about: &'static str, run: fn(&[u8]), mutants: usize) -> Target {
    Target { name, about, run, mutants }
}

impl Target {
    /// The target of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}
