//! From agreed dealers' shares to triples and bits: the part of a run that opens values.
//!
//! # Model
//!
//! Every party holds its shares of the batches of the same `m >= n - t` dealers, all of degree t and
//! all triples among them true. Up to t parties send nothing or anything.
//!
//! # Protocol
//!
//! Every opening is a [`BatchOpening`] of sharings of degree t: t wrong or missing shares change
//! nothing. What is opened at each of the three stages is uniform and independent of the output,
//! but for the square of a value of which nothing but the sign is used.
//!
//! - **F1** *Multiply*: open how far the dealers' factors are from the polynomials (X2); make triples
//!   (X3, X4) and random values (X1).
//! - **F2** *Square*: multiply each random value `r` by itself with a triple, the last ones made:
//!   open `r - a` and `r - b`.
//! - **F3** *Root*: open `r^2`. If it is not zero, `b = (r / sqrt(r^2) + 1) / 2` is a bit, with the
//!   root that everyone takes for the canonical one. Squares that are zero are skipped, by everyone
//!   alike since they are public.
//!
//! Heavy steps leave as work and come back as local messages. An opening can be done before this
//! party has its own shares for it; it sends them all the same, since others may need them.
//!
//! # Cost
//!
//! Two hops a stage. For each triple dealt by everyone `2d` values are opened, for each bit three.
//!
//! # End
//!
//! After the output it goes on helping: the second hop of an opening needs `n - t` parties.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::extract::{self, Extraction};
use super::layout::Layout;
use crate::committee::{Committee, PartyId, PartySet};
use crate::math::PrimeField;
use crate::protocol::{Outbox, Protocol};
use crate::sharing::Shares;
use crate::sharing::open::{self, BatchOpening};

/// Which of the three openings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Stage {
    /// F1: the differences of the dealers' factors.
    Multiply,
    /// F2: the differences of random values and factors.
    Square,
    /// F3: squares of random values.
    Root,
}

/// What parties send each other, and the results of one's own work.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Message<F: PrimeField> {
    /// A message of one of the openings.
    Open(Stage, open::Message<F>),
    /// A result of one's own work.
    #[serde(skip)]
    Local(Local<F>),
}

impl<F: PrimeField> Message<F> {
    /// What a party says once: the stage, and whether it is shares or words.
    pub(super) const fn slot(&self) -> Option<(Stage, bool)> {
        match self {
            Self::Open(stage, open::Message::Share(_)) => Some((*stage, false)),
            Self::Open(stage, open::Message::Word(_)) => Some((*stage, true)),
            Self::Local(_) => None,
        }
    }
}

impl<F: PrimeField> fmt::Display for Message<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(Stage::Multiply, message) => write!(f, "multiply/{message}"),
            Self::Open(Stage::Square, message) => write!(f, "square/{message}"),
            Self::Open(Stage::Root, message) => write!(f, "root/{message}"),
            Self::Local(local) => write!(f, "local {local:?}"),
        }
    }
}

/// Results of heavy work. None of them prints what it holds.
#[derive(Clone, Debug)]
pub enum Local<F: PrimeField> {
    /// F1: what to open.
    Differences(Shares<F>),
    /// F1: what came out, and what to open for F2.
    Extracted(Arc<Extracted<F>>, Shares<F>),
    /// F3: what to open.
    Squares(Shares<F>),
    /// F3: the bits.
    Bits(Shares<F>),
}

/// What F1 makes.
pub struct Extracted<F: PrimeField> {
    /// Triples for the output.
    triples: Batch<F>,
    /// Triples for F2.
    squaring: Batch<F>,
    /// Random values for F2, as many.
    randoms: Shares<F>,
}

impl<F: PrimeField> fmt::Debug for Extracted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?} and {} squares]", self.triples, self.randoms.len())
    }
}

/// One party's instance.
pub struct Refine<F: PrimeField> {
    me: PartyId,
    extraction: Arc<Extraction<F>>,
    /// Batches of the agreed dealers, until both halves of F1 have used them.
    batches: Option<Batches<F>>,
    extracting: bool,
    extracted: Option<Arc<Extracted<F>>>,
    multiply: Slot<F>,
    square: Slot<F>,
    root: Slot<F>,
    bits: usize,
    done: bool,
}

/// The agreed dealers and this party's shares of their batches, in roster order.
pub type Batches<F> = Arc<Vec<(PartyId, Shares<F>)>>;

impl<F: PrimeField> Refine<F> {
    /// An instance of party `me` for these dealers' batches.
    pub fn new(layout: Layout, me: PartyId, batches: Vec<(PartyId, Shares<F>)>) -> Self {
        let dealers = batches.len();
        let extraction = Extraction::new(layout, dealers);
        let squares = layout.squares(dealers);
        let slot = |count| Slot::new(layout.committee(), count);
        Self {
            me,
            multiply: slot(extraction.openings()),
            square: slot(2 * squares),
            root: slot(squares),
            bits: layout.yields(dealers).bits,
            extraction: Arc::new(extraction),
            batches: Some(Arc::new(batches)),
            extracting: false,
            extracted: None,
            done: false,
        }
    }

    /// Begins F1.
    pub fn start(&mut self, out: &mut dyn Outbox<Message<F>>) {
        if let Some(batches) = self.batches.clone() {
            let extraction = Arc::clone(&self.extraction);
            out.work(Box::new(move || {
                Message::Local(Local::Differences(extraction.differences(&slices(&batches))))
            }));
        }
    }

    /// Which stage's shares this party sent last.
    pub const fn stage(&self) -> Stage {
        match (self.square.sent, self.root.sent) {
            (_, true) => Stage::Root,
            (true, _) => Stage::Square,
            _ => Stage::Multiply,
        }
    }

    /// Parties that sent wrong shares.
    pub fn liars(&self) -> PartySet {
        self.stages().fold(PartySet::EMPTY, |set, stage| set.union(stage.opening.liars()))
    }

    /// Openings in which wrong shares were corrected.
    pub fn corrected(&self) -> u32 {
        self.stages().map(|stage| u32::from(stage.opening.corrected())).sum()
    }

    fn stages(&self) -> impl Iterator<Item = &Slot<F>> {
        [&self.multiply, &self.square, &self.root].into_iter()
    }

    fn on_local(&mut self, local: Local<F>, out: &mut dyn Outbox<Message<F>>) -> Option<Batch<F>> {
        match local {
            Local::Differences(shares) => {
                self.multiply.open(shares, Stage::Multiply, out);
                self.try_extract(out);
                self.batches.take_if(|_| self.extracting);
            }
            Local::Extracted(extracted, differences) => {
                if self.extracted.is_none() && !self.done {
                    self.extracted = Some(extracted);
                    self.batches.take_if(|_| self.multiply.sent);
                    if self.bits == 0 {
                        return self.finish(Vec::new());
                    }
                    self.square.open(differences, Stage::Square, out);
                    self.try_square(out);
                }
            }
            Local::Squares(shares) => {
                self.root.open(shares, Stage::Root, out);
                self.try_root(out);
                self.extracted.take_if(|_| self.done);
            }
            Local::Bits(bits) => return self.finish(bits.to_vec()),
        }
        None
    }

    // F1, second half: when the differences are open.
    fn try_extract(&mut self, out: &mut dyn Outbox<Message<F>>) {
        let Some(batches) = self.batches.clone() else { return };
        let Some(opened) = self.multiply.opened.take() else { return };
        self.extracting = true;
        let extraction = Arc::clone(&self.extraction);
        out.work(Box::new(move || {
            let (extracted, differences) = extract(&extraction, &batches, &opened);
            Message::Local(Local::Extracted(Arc::new(extracted), differences))
        }));
    }

    // F3, first half: when F2's differences are open.
    fn try_square(&mut self, out: &mut dyn Outbox<Message<F>>) {
        let Some(extracted) = self.extracted.clone() else { return };
        let Some(opened) = self.square.opened.take() else { return };
        out.work(Box::new(move || {
            let triples = extracted.squaring.triples.iter();
            let squares = triples
                .zip(opened.chunks_exact(2))
                .filter_map(|(triple, by)| Some(triple.product(*by.first()?, *by.get(1)?)));
            Message::Local(Local::Squares(Shares::from(squares.collect::<Vec<F>>())))
        }));
    }

    // F3, second half: when the squares are open.
    fn try_root(&mut self, out: &mut dyn Outbox<Message<F>>) {
        let Some(extracted) = self.extracted.clone() else { return };
        let Some(opened) = self.root.opened.take() else { return };
        let most = self.bits;
        out.work(Box::new(move || {
            Message::Local(Local::Bits(bits(&extracted.randoms, &opened, most)))
        }));
    }

    fn finish(&mut self, bits: Vec<F>) -> Option<Batch<F>> {
        if std::mem::replace(&mut self.done, true) {
            return None;
        }
        // Roots may be open before squares are: those of this party others may still need.
        let needed = self.bits > 0 && !self.root.sent;
        let mut extracted = if needed { self.extracted.clone()? } else { self.extracted.take()? };
        let triples = match Arc::get_mut(&mut extracted) {
            Some(extracted) => std::mem::take(&mut extracted.triples.triples),
            None => extracted.triples.triples.clone(),
        };
        Some(Batch { triples, bits })
    }
}

impl<F: PrimeField> Protocol for Refine<F> {
    type Message = Message<F>;
    type Output = Batch<F>;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message<F>,
        out: &mut dyn Outbox<Message<F>>,
    ) -> Option<Batch<F>> {
        match message {
            Message::Local(local) if from == self.me => return self.on_local(local, out),
            Message::Local(_) => {}
            Message::Open(stage, message) => {
                let slot = match stage {
                    Stage::Multiply => &mut self.multiply,
                    Stage::Square => &mut self.square,
                    Stage::Root => &mut self.root,
                };
                slot.handle(from, message, stage, out);
                match stage {
                    Stage::Multiply => self.try_extract(out),
                    Stage::Square => self.try_square(out),
                    Stage::Root => self.try_root(out),
                }
            }
        }
        None
    }
}

/// One stage's opening, and what it gave until that is used.
struct Slot<F: PrimeField> {
    opening: BatchOpening<F>,
    sent: bool,
    opened: Option<Vec<F>>,
}

impl<F: PrimeField> Slot<F> {
    /// For `count` values. With none there is nothing to wait for, and nothing is sent.
    fn new(committee: Committee, count: usize) -> Self {
        Self {
            opening: BatchOpening::new(committee, count),
            sent: count == 0,
            opened: (count == 0).then(Vec::new),
        }
    }

    fn open(&mut self, shares: Shares<F>, stage: Stage, out: &mut dyn Outbox<Message<F>>) {
        if !std::mem::replace(&mut self.sent, true) {
            let mut out = out.wrap(move |message| Message::Open(stage, message));
            self.opening.open(shares, &mut out).expect("given once, of the size it was made for");
        }
    }

    fn handle(
        &mut self,
        from: PartyId,
        message: open::Message<F>,
        stage: Stage,
        out: &mut dyn Outbox<Message<F>>,
    ) {
        let mut out = out.wrap(move |message| Message::Open(stage, message));
        if let Some(opened) = self.opening.handle(from, message, &mut out) {
            self.opened = Some(opened);
        }
    }
}

fn slices<F: PrimeField>(batches: &[(PartyId, Shares<F>)]) -> Vec<&[F]> {
    batches.iter().map(|(_, batch)| &**batch).collect()
}

/// F1: everything that comes out of the batches and the opened differences, and the shares that F2
/// opens.
fn extract<F: PrimeField>(
    extraction: &Extraction<F>,
    batches: &[(PartyId, Shares<F>)],
    opened: &[F],
) -> (Extracted<F>, Shares<F>) {
    let dealers: Vec<(PartyId, &[F])> =
        batches.iter().map(|(dealer, batch)| (*dealer, &**batch)).collect();
    let squares = extraction.layout().squares(dealers.len());
    let mut triples = extraction.triples(&slices(batches), opened);
    let squaring = triples.split_off(triples.len().saturating_sub(squares));
    let mut randoms = extract::randoms(extraction.layout(), &dealers).to_vec();
    randoms.truncate(squares);
    let differences: Vec<F> = randoms
        .iter()
        .zip(&squaring)
        .flat_map(|(r, triple)| [*r - triple.a, *r - triple.b])
        .collect();
    let extracted = Extracted {
        triples: Batch { triples, bits: Vec::new() },
        squaring: Batch { triples: squaring, bits: Vec::new() },
        randoms: Shares::from(randoms),
    };
    (extracted, Shares::from(differences))
}

/// F3: shares of at most `most` bits from shares of random values and their squares.
pub fn bits<F: PrimeField>(randoms: &[F], squares: &[F], most: usize) -> Shares<F> {
    // A square that is none would mean that a false triple was agreed on; all see it alike.
    let roots = randoms.iter().zip(squares).filter_map(|(r, square)| {
        let root = square.sqrt().filter(|root| *root != F::ZERO)?;
        Some((*r, root + root))
    });
    let (randoms, doubled): (Vec<F>, Vec<F>) = roots.take(most).unzip();
    let inverses = F::inverse_all(&doubled).unwrap_or_default();
    let half = F::from_u64(2).inverse().unwrap_or(F::ZERO);
    let bits = randoms.iter().zip(inverses).map(|(r, inverse)| *r * inverse + half);
    Shares::from(bits.collect::<Vec<F>>())
}

#[cfg(test)]
mod tests;
