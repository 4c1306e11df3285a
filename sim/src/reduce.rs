//! Plans of which parts can be left out.

use std::collections::BTreeSet;

use quorate_protocol::committee::PartyId;

use crate::schedule::{Discipline, Latency, Links};

/// A plan of which parts can be left out.
pub trait Reducible: Sized {
    /// The names of its parts, the largest first.
    fn parts(&self) -> Vec<String>;

    /// The same without these parts.
    #[must_use]
    fn without(&self, parts: &BTreeSet<String>) -> Self;
}

/// The parts of a list are named by a letter and their place in it. What is left of the list.
pub fn left_of<T: Clone>(list: &[T], letter: &str, parts: &BTreeSet<String>) -> Vec<T> {
    let stays = |i: usize| !parts.contains(&format!("{letter}{i}"));
    list.iter().enumerate().filter(|(i, _)| stays(*i)).map(|(_, item)| item.clone()).collect()
}

/// The names of a list's parts.
pub fn names(letter: &str, length: usize) -> impl Iterator<Item = String> + use<> {
    let letter = letter.to_owned();
    (0..length).map(move |i| format!("{letter}{i}"))
}

/// The parts that do not come in lists, and are there.
pub fn single(parts: &[(&str, bool)]) -> impl Iterator<Item = String> {
    parts.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned())
}

/// What each Byzantine party does.
pub type Deviating<B> = Vec<(PartyId, Vec<B>)>;

/// The names of all behaviours.
pub fn behaviours<B>(byzantine: &Deviating<B>) -> impl Iterator<Item = String> {
    byzantine.iter().flat_map(|(party, all)| names(&format!("b{party}."), all.len()))
}

/// What is left of behaviours. Who has none left is honest.
pub fn left_of_behaviours<B: Clone>(
    byzantine: &Deviating<B>,
    parts: &BTreeSet<String>,
) -> Deviating<B> {
    let left =
        |(party, all): &(PartyId, Vec<B>)| (*party, left_of(all, &format!("b{party}."), parts));
    byzantine.iter().map(left).filter(|(_, all)| !all.is_empty()).collect()
}

/// The parts of how frames travel.
pub fn travel(links: &Links, discipline: Discipline) -> impl Iterator<Item = String> {
    let more = [
        ("bandwidth", links.bandwidth.is_some()),
        ("repeats", links.repeated > 0),
        ("latency", links.latency != Latency::Usual),
        ("discipline", discipline != Discipline::Fifo),
    ];
    names("c", links.cuts.len()).chain(single(&more).collect::<Vec<_>>())
}

/// What is left of how frames travel.
pub fn left_of_travel(
    links: &Links,
    discipline: Discipline,
    parts: &BTreeSet<String>,
) -> (Links, Discipline) {
    let gone = |name: &str| parts.contains(name);
    let left = Links {
        cuts: left_of(&links.cuts, "c", parts),
        bandwidth: links.bandwidth.filter(|_| !gone("bandwidth")),
        repeated: if gone("repeats") { 0 } else { links.repeated },
        latency: if gone("latency") { Latency::Usual } else { links.latency.clone() },
    };
    (left, if gone("discipline") { Discipline::Fifo } else { discipline })
}
