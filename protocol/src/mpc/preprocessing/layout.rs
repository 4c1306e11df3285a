//! How much each dealer shares, in which order, and what a run makes of it.
//!
//! Every node computes the same numbers from the committee, the request and the number of agreed
//! dealers, so nobody has to say them.
//!
//! A dealer's batch is a flat vector: first the random values, then the chunks of triples. A chunk
//! of `N` triples holds the values of three polynomials at integer points:
//!
//! ```text
//! A at 0..=N+1     factors at 1..=N, blinders at 0 and N+1
//! B at 0..=N+1     likewise
//! C at 0..=2N+2    the product A * B; the triples' products at 1..=N
//! ```

use crate::committee::Committee;
use crate::error::Error;
use crate::limits;
use crate::math::PrimeField;

/// Triples in a chunk. `4N + 7` secrets are dealt for `N` triples, and a false product passes with
/// a chance of `(2N + 2) / p^2`: larger chunks save a percent and cost the dealer `O(N)` each.
pub const CHUNK: usize = 64;

/// Squares made beyond the bits promised: a random value is zero, and gives no bit, with a chance
/// of `1 / p`.
const SPARE: usize = 1;

/// What a run is asked for: at least so much is produced, whichever `n - t` dealers are agreed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Request {
    /// Multiplication triples.
    pub triples: usize,
    /// Random bits.
    pub bits: usize,
}

/// What a run of a given request produces once `dealers` dealers are agreed.
///
/// In a field of the production size; a number of dealers that cannot be agreed counts as the
/// nearest one that can.
pub fn yields(committee: Committee, dealers: usize, request: Request) -> Request {
    Layout::with_chunk(committee, request, CHUNK).yields(dealers)
}

/// What `m` agreed dealers can be made into, for each value that everyone of them dealt.
///
/// Up to `t` of them are corrupt and know their own contribution, so this many and no more are
/// unknown to everyone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Degree `d` of the polynomials through the dealers' factors.
    pub degree: usize,
    /// Dealers whose triples are used: `2d + 1`.
    pub dealers: usize,
    /// Triples for each triple dealt by everyone: `d + 1 - t`.
    pub triples: usize,
    /// Random values for each random value dealt by everyone: `m - t`.
    pub randoms: usize,
}

impl Rates {
    /// The rates with `dealers` agreed dealers.
    pub const fn new(committee: Committee, dealers: usize) -> Self {
        let degree = dealers.saturating_sub(1) / 2;
        Self {
            degree,
            dealers: 2 * degree + 1,
            triples: (degree + 1).saturating_sub(committee.t()),
            randoms: dealers.saturating_sub(committee.t()),
        }
    }
}

/// The sizes of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    committee: Committee,
    request: Request,
    chunk: usize,
    chunks: usize,
    randoms: usize,
}

impl Layout {
    /// The layout that fulfils `request` with any `n - t` dealers.
    ///
    /// # Errors
    /// The request needs more secrets from a dealer, or a larger public payload, than one sharing
    /// may have. Several runs will do.
    pub fn new<F: PrimeField>(committee: Committee, request: Request) -> Result<Self, Error> {
        // All points up to 2N + 2 have to be different elements.
        let most = usize::try_from((F::MODULUS - 3) / 2).unwrap_or(CHUNK);
        let layout = Self::with_chunk(committee, request, CHUNK.min(most));
        let too_much = |what, expected, got| Error::WrongSize { what, expected, got };
        if layout.secrets() > limits::MAX_BATCH {
            let what = "too many secrets for each dealer of one run";
            return Err(too_much(what, limits::MAX_BATCH, layout.secrets()));
        }
        let payload = layout.payload::<F>();
        if payload > limits::MAX_DEALING_PAYLOAD {
            let what = "too many proofs for each dealer of one run";
            return Err(too_much(what, limits::MAX_DEALING_PAYLOAD, payload));
        }
        Ok(layout)
    }

    fn with_chunk(committee: Committee, request: Request, chunk: usize) -> Self {
        let rates = Rates::new(committee, committee.quorum());
        let squares = squares(request);
        let triples = request.triples.saturating_add(squares);
        Self {
            committee,
            request,
            chunk,
            chunks: triples.div_ceil(rates.triples).div_ceil(chunk),
            randoms: squares.div_ceil(rates.randoms),
        }
    }

    /// The committee it is for.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// Triples in a chunk.
    pub const fn chunk(&self) -> usize {
        self.chunk
    }

    /// Chunks that each dealer deals.
    pub const fn chunks(&self) -> usize {
        self.chunks
    }

    /// Random values that each dealer deals.
    pub const fn randoms(&self) -> usize {
        self.randoms
    }

    /// Secrets that each dealer deals.
    pub const fn secrets(&self) -> usize {
        self.randoms.saturating_add(self.chunks.saturating_mul(self.chunk_len()))
    }

    /// Values of a factor polynomial in a chunk: the factors and two blinders.
    pub const fn factors_len(&self) -> usize {
        self.chunk + 2
    }

    /// Values of a product polynomial in a chunk: one more than its degree.
    pub const fn products_len(&self) -> usize {
        2 * self.chunk + 3
    }

    /// What a run with so many agreed dealers produces.
    pub fn yields(&self, dealers: usize) -> Request {
        let squares = self.squares(dealers);
        Request { triples: self.triples(dealers) - squares, bits: squares.saturating_sub(SPARE) }
    }

    /// Triples that come out of the extraction; the last [`Layout::squares`] of them are used up.
    pub fn triples(&self, dealers: usize) -> usize {
        self.chunks * self.chunk * self.rates(dealers).triples
    }

    /// Random values that are squared: in proportion to what was requested.
    pub fn squares(&self, dealers: usize) -> usize {
        let wanted = squares(self.request);
        let share = match self.triples(dealers).checked_mul(wanted) {
            Some(product) => product / (self.request.triples + wanted).max(1),
            None => wanted,
        };
        share.min(self.randoms * self.rates(dealers).randoms)
    }

    /// The rates with so many agreed dealers.
    pub fn rates(&self, dealers: usize) -> Rates {
        Rates::new(self.committee, dealers.clamp(self.committee.quorum(), self.committee.n()))
    }

    /// The random values in a dealer's batch.
    pub fn random_values<'a, T>(&self, batch: &'a [T]) -> &'a [T] {
        batch.get(..self.randoms).unwrap_or_default()
    }

    /// The chunks of triples in a dealer's batch.
    pub fn chunks_of<'a, T>(&self, batch: &'a [T]) -> impl Iterator<Item = Chunk<'a, T>> {
        let (len, factors, layout) = (self.chunk_len(), self.factors_len(), *self);
        let chunks = batch.get(layout.randoms..).unwrap_or_default().chunks_exact(len);
        chunks.take(layout.chunks).map(move |chunk| {
            let (a, rest) = chunk.split_at(factors);
            let (b, c) = rest.split_at(factors);
            Chunk { a, b, c }
        })
    }

    const fn chunk_len(&self) -> usize {
        2 * self.factors_len() + self.products_len()
    }

    /// Bytes of a dealing's public part: the proofs, two checks over the extension, and for each
    /// party a commitment and a root; the rest is less than a kilobyte.
    pub(super) const fn payload<F: PrimeField>(&self) -> usize {
        let element = 2 * F::BYTES;
        let polynomial = (self.committee.degree() + 1) * element;
        (3 * self.chunks + 2) * polynomial + self.committee.n() * 64 + 1024
    }
}

/// Squares needed for the bits of a request.
const fn squares(request: Request) -> usize {
    if request.bits == 0 { 0 } else { request.bits.saturating_add(SPARE) }
}

/// A chunk of triples: the values of three polynomials, or shares or sharings of them.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a, T> {
    /// `A` at `0..=N+1`.
    pub a: &'a [T],
    /// `B` at `0..=N+1`.
    pub b: &'a [T],
    /// `C` at `0..=2N+2`.
    pub c: &'a [T],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{F31, Fp61};

    fn requests() -> impl Iterator<Item = Request> {
        [(0, 0), (1, 0), (0, 1), (1, 1), (24, 81), (500, 3), (1000, 1000), (2500, 0)]
            .into_iter()
            .map(|(triples, bits)| Request { triples, bits })
    }

    #[test]
    fn any_quorum_of_dealers_yields_what_was_requested() {
        for n in 1..=40 {
            let committee = Committee::with_threshold(n, (n - 1) / 3).unwrap();
            for request in requests() {
                let layout = Layout::new::<Fp61>(committee, request).unwrap();
                for dealers in committee.quorum()..=n {
                    let got = layout.yields(dealers);
                    assert_eq!(got, yields(committee, dealers, request));
                    assert!(got.triples >= request.triples, "{n} {dealers} {request:?} {got:?}");
                    assert!(got.bits >= request.bits, "{n} {dealers} {request:?} {got:?}");
                    let squares = layout.squares(dealers);
                    assert!(squares == 0 || squares == got.bits + SPARE);
                    assert_eq!(got.triples + squares, layout.triples(dealers));
                    assert!(squares <= layout.randoms() * layout.rates(dealers).randoms);
                }
            }
        }
    }

    #[test]
    fn more_dealers_than_a_quorum_yield_more_from_seven_parties_on() {
        let request = Request { triples: 640, bits: 0 };
        let at = |n, dealers| yields(Committee::new(n).unwrap(), dealers, request).triples;
        assert_eq!((at(4, 3), at(4, 4)), (640, 640));
        assert_eq!((at(7, 5), at(7, 7)), (640, 1280));
        assert_eq!((at(16, 11), at(16, 16)), (640, 1920));
    }

    #[test]
    fn requests_beyond_one_sharing_are_refused() {
        let committee = Committee::new(4).unwrap();
        let new = |triples| Layout::new::<Fp61>(committee, Request { triples, bits: 0 });
        assert!(new(15_900).is_ok());
        assert!(matches!(new(16_000), Err(Error::WrongSize { .. })));
        assert!(matches!(new(usize::MAX), Err(Error::WrongSize { .. })));
        // With 64 parties it is the proofs that are too large.
        let committee = Committee::new(64).unwrap();
        let new = |triples| Layout::new::<Fp61>(committee, Request { triples, bits: 0 });
        assert!(new(15_000).is_ok() && new(15_900).is_err());
        let bits = Request { triples: 0, bits: usize::MAX };
        assert!(Layout::new::<Fp61>(committee, bits).is_err());
    }

    #[test]
    fn a_batch_is_cut_into_random_values_and_chunks() {
        let committee = Committee::new(4).unwrap();
        let layout = Layout::new::<F31>(committee, Request { triples: 20, bits: 5 }).unwrap();
        assert_eq!((layout.chunk(), layout.chunks(), layout.randoms()), (14, 2, 3));
        let batch: Vec<usize> = (0..layout.secrets()).collect();
        let chunks: Vec<_> = layout.chunks_of(&batch).collect();
        let mut all = layout.random_values(&batch).to_vec();
        for chunk in &chunks {
            assert_eq!((chunk.a.len(), chunk.b.len(), chunk.c.len()), (16, 16, 31));
            all.extend([chunk.a, chunk.b, chunk.c].concat());
        }
        assert_eq!(all, batch);
    }
}
