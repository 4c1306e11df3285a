//! Rules D1 - D4: many code words of degree `t` at once, one vector from each party.

use std::sync::Arc;

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::fault::OpeningFault;
use crate::math::matrix::{coefficient_rows, dot};
use crate::math::reed_solomon::{self, Decoded};
use crate::math::{Field, Rows, lagrange_row};
use crate::protocol::Outbox;
use crate::sharing::{Shares, shamir};
use crate::zoo::{self, Mutant};

/// What is wanted of each code word's polynomial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// The value at 0.
    Constant,
    /// All `t + 1` coefficients, that of `x^0` first.
    Coefficients,
}

/// Decodes `words` code words of degree `t`.
#[derive(Debug)]
pub(super) struct Decoder<F: Field> {
    committee: Committee,
    words: usize,
    wanted: Wanted,
    /// The vectors that agree with all code words decoded so far. After the last one, only those of
    /// the base are kept.
    held: PartyMap<Option<Arc<Shares<F>>>>,
    /// Parties whose vector came, right or wrong.
    seen: PartySet,
    /// Code words decoded so far.
    decoded: usize,
    /// What was wanted of them.
    results: Vec<F>,
    done: bool,
    liars: PartySet,
    corrected: bool,
}

impl<F: Field> Decoder<F> {
    pub(super) fn new(committee: Committee, words: usize, wanted: Wanted) -> Self {
        Self {
            committee,
            words,
            wanted,
            held: PartyMap::new(committee),
            seen: PartySet::EMPTY,
            decoded: 0,
            results: Vec::new(),
            done: false,
            liars: PartySet::EMPTY,
            corrected: false,
        }
    }

    /// Parties whose vector came, right or wrong.
    pub(super) const fn seen(&self) -> PartySet {
        self.seen
    }

    /// Parties blamed.
    pub(super) const fn liars(&self) -> PartySet {
        self.liars
    }

    /// Whether a wrong vector was among those decoded from.
    pub(super) const fn corrected(&self) -> bool {
        self.corrected
    }

    /// Takes the vector of `from`; gives what is wanted of all code words, in order, once.
    pub(super) fn receive<M>(
        &mut self,
        from: PartyId,
        vector: Arc<Shares<F>>,
        out: &mut dyn Outbox<M>,
    ) -> Option<Vec<F>> {
        if zoo::on(Mutant::OpenFirstLength) && self.seen.is_empty() {
            self.words = vector.len();
        }
        // D1
        if vector.len() != self.words {
            self.blame(from, OpeningFault::WrongLength, out);
            return None;
        }
        if !self.seen.insert(from) {
            if self.held[from].as_ref().is_some_and(|first| *first != vector) {
                self.blame(from, OpeningFault::SecondShare, out);
            }
            return None;
        }
        if !self.agrees_with_decoded(from, &vector) {
            self.blame(from, OpeningFault::WrongShare, out);
            return None;
        }
        if self.done {
            return None;
        }
        self.held[from] = Some(vector);
        self.advance(out)
    }

    /// D4
    fn agrees_with_decoded(&self, from: PartyId, vector: &[F]) -> bool {
        if self.decoded == 0 {
            return true;
        }
        let holders = self.holders();
        let Some(base) = holders.get(..self.committee.one_honest()) else { return true };
        let row = lagrange_row(&points(base), shamir::point(from));
        let mut columns = self.columns(base, 0);
        vector.iter().take(self.decoded).all(|share| dot(&row, columns.next_word()) == *share)
    }

    /// D2 and D3, as far as the vectors held allow.
    fn advance<M>(&mut self, out: &mut dyn Outbox<M>) -> Option<Vec<F>> {
        loop {
            let holders = self.holders();
            let (right, few) = (self.committee.honest_majority(), self.committee.one_honest());
            let enough = zoo::instead(right, Mutant::OpenNoCorrection, few);
            let spare = holders.len().checked_sub(enough)?;
            if self.check_on(&holders) {
                self.done = true;
                let base = self.committee.one_honest();
                for party in holders.into_iter().skip(base) {
                    self.held[party] = None;
                }
                return Some(std::mem::take(&mut self.results));
            }
            let most = zoo::instead(self.committee.t(), Mutant::OpenCorrectsNone, 0);
            let decoded = self.correct(&holders, spare.min(most))?;
            self.corrected = true;
            // Without the shares that were wrong it agrees.
            for party in decoded.errors.iter().filter_map(|i| holders.get(*i)) {
                self.held[*party] = None;
                self.blame(*party, OpeningFault::WrongShare, out);
            }
        }
    }

    /// D2: decodes until a code word on which not all `holders` agree; true if there is none.
    fn check_on(&mut self, holders: &[PartyId]) -> bool {
        let (base, others) = holders.split_at(self.committee.one_honest());
        let xs = points::<F>(base);
        let rows = Rows::new(xs.clone());
        let wanted = match self.wanted {
            Wanted::Constant => vec![rows.at(F::ZERO)],
            Wanted::Coefficients => coefficient_rows(&xs),
        };
        let checks: Vec<_> = others.iter().map(|p| rows.at(shamir::point(*p))).collect();
        let mut results = std::mem::take(&mut self.results);
        results.reserve((self.words - self.decoded) * wanted.len());
        let mut columns = self.columns(base, self.decoded);
        let mut expected = self.columns(others, self.decoded);
        let mut decoded = self.decoded;
        while decoded < self.words {
            let word = columns.next_word();
            let agreed =
                checks.iter().zip(expected.next_word()).all(|(row, y)| dot(row, word) == *y);
            if !agreed {
                break;
            }
            results.extend(wanted.iter().map(|row| dot(row, word)));
            decoded += 1;
        }
        self.results = results;
        self.decoded = decoded;
        decoded == self.words
    }

    /// D3: the next code word with up to `errors` errors corrected.
    fn correct(&self, holders: &[PartyId], errors: usize) -> Option<Decoded<F>> {
        let mut columns = self.columns(holders, self.decoded);
        let word: Vec<_> =
            points(holders).into_iter().zip(columns.next_word().iter().copied()).collect();
        reed_solomon::decode(&word, self.committee.degree(), errors)
    }

    /// The parties whose vectors are held, in roster order.
    fn holders(&self) -> Vec<PartyId> {
        self.held.iter().filter(|(_, v)| v.is_some()).map(|(party, _)| party).collect()
    }

    /// The vectors of `parties`, to be read from code word number `first` on.
    fn columns(&self, parties: &[PartyId], first: usize) -> Columns<'_, F> {
        let held = parties.iter().filter_map(|party| self.held[*party].as_ref());
        let vectors: Vec<_> = held.map(|v| v.get(first..).unwrap_or_default().iter()).collect();
        Columns { word: vec![F::ZERO; vectors.len()], vectors }
    }

    pub(super) fn blame<M>(&mut self, party: PartyId, kind: OpeningFault, out: &mut dyn Outbox<M>) {
        if self.liars.insert(party) {
            out.blame(party, kind);
        }
    }
}

/// Vectors of several parties, read across.
struct Columns<'a, F> {
    vectors: Vec<std::slice::Iter<'a, F>>,
    word: Vec<F>,
}

impl<F: Field> Columns<'_, F> {
    /// The next element of each vector.
    fn next_word(&mut self) -> &[F] {
        for (element, vector) in self.word.iter_mut().zip(&mut self.vectors) {
            *element = vector.next().copied().unwrap_or(F::ZERO);
        }
        &self.word
    }
}

fn points<F: Field>(parties: &[PartyId]) -> Vec<F> {
    parties.iter().map(|party| shamir::point(*party)).collect()
}
