//! Shares, the checks of a dealing, and new shares of an old secret.

use std::convert::Infallible;

use quorate_protocol::committee::Committee;
use quorate_protocol::math::{Ext, F7, Field, Poly, PrimeField, Small};
use quorate_protocol::sharing::acss::elements::degree_checks;
use quorate_protocol::sharing::{Shares, shamir};
use rand::rand_core::TryRng;

use super::{Case, Line, Seen, View, all};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::claim("a share of four", |point| shares::<7, 1>(4, &[point], false)),
        Case::claim("two shares of seven", |point| shares::<11, 2>(7, &[point, 7], false)),
        Case::control("a share with a leading coefficient that is never zero", |point| {
            shares::<7, 1>(4, &[point], true)
        }),
        Case::control("two shares with a leading coefficient that is never zero", |point| {
            shares::<11, 2>(7, &[point, 7], true)
        }),
        Case::claim("a dealing with two blinders", |point| dealing(point, Blinders::Two)),
        Case::control("a dealing without blinders", |point| dealing(point, Blinders::None)),
        Case::control("a dealing with one blinder for both checks", |point| {
            dealing(point, Blinders::Same)
        }),
        Case::claim("a share before a refresh, another member's after it", |point| {
            refreshed(point, true)
        }),
        Case::control("shares of two members without a refresh between", |point| {
            refreshed(point, false)
        }),
    ]
}

/// A generator that gives chosen words, so that all randomness can be enumerated.
struct Script<'a>(std::slice::Iter<'a, u64>);

impl TryRng for Script<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("fields draw words of 64 bits")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next().copied().expect("no more randomness than enumerated"))
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("fields draw words of 64 bits")
    }
}

/// All secrets among `n` members, shared by degree `T`. `hardened` refuses a leading zero.
fn shares<const P: u64, const T: usize>(n: usize, points: &[u64], hardened: bool) -> Vec<Seen> {
    let committee = Committee::new(n).expect("four members are enough");
    let seen = |secret: Small<P>| {
        let mut views = Vec::new();
        all::<P, T>(|words| {
            if hardened && words.last() == Some(&Small::ZERO) {
                return;
            }
            let words = words.map(PrimeField::to_u64);
            let shares = shamir::share(secret, committee, &mut Script(words.iter()));
            let mut view = View::default();
            for (party, share) in committee.parties().zip(shares) {
                if points.contains(&party.point()) {
                    view.see(&[share]);
                }
            }
            views.push(view);
        });
        Seen::new(&secret, 0, views)
    };
    Small::all().map(seen).collect()
}

/// How a dealing's checks are blinded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blinders {
    Two,
    Same,
    None,
}

/// One secret in the field of three is dealt: a share, the values of the blinders, both checks.
fn dealing(point: u64, how: Blinders) -> Vec<Seen> {
    type F3 = Small<3>;
    let challenges = [Ext::new(F3::ONE, F3::ONE), Ext::new(F3::ZERO, F3::from_u64(2))];
    let pair = |values: &[F3]| match values {
        [re, im] => Ext::new(*re, *im),
        _ => Ext::ZERO,
    };
    // Members' points are 1 and 2 in so small a field.
    let point = F3::from_u64(1 + point % 2);
    let seen = |secret: F3| {
        let mut views = Vec::new();
        all::<3, 9>(|tape| {
            let (blinders, slope) = tape.split_at(8);
            let (first, second) = blinders.split_at(4);
            let unused = |values: &[F3]| values.iter().all(|value| *value == F3::ZERO);
            let second = match how {
                Blinders::Two => second,
                Blinders::Same if unused(second) => first,
                Blinders::None if unused(blinders) => second,
                _ => return,
            };
            let columns = [vec![secret].into(), Shares::from(slope.to_vec())];
            let blinders = [first, second]
                .map(|values| -> Shares<Ext<F3>> { values.chunks_exact(2).map(pair).collect() });
            let line = Poly::new(columns.iter().flat_map(|column| column.to_vec()).collect());
            let mut view = View::default();
            view.see(&[line.eval(point)]);
            let own = blinders.iter().map(|g| Poly::new(g.to_vec()).eval(Ext::embed(point)));
            let checks = degree_checks(&challenges, &columns, &blinders);
            own.chain(checks.into_iter().flatten()).for_each(|v| view.see(&[v.re, v.im]));
            views.push(view);
        });
        Seen::new(&secret, 0, views)
    };
    F3::all().map(seen).collect()
}

/// One member's share, then another's, with a sharing of zero added between the two or not.
fn refreshed(point: u64, refresh: bool) -> Vec<Seen> {
    let next = 1 + point % 4;
    let seen = |secret: F7| {
        let mut views = Vec::new();
        all::<7, 2>(|[slope, change]| {
            let before = Line(secret, slope);
            let zero = Line(F7::ZERO, if refresh { change } else { F7::ZERO });
            let mut view = View::default();
            view.see(&[before.share(point), before.share(next) + zero.share(next)]);
            views.push(view);
        });
        Seen::new(&secret, 0, views)
    };
    F7::all().map(seen).collect()
}
