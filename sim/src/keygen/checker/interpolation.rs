//! Any `t + 1` honest members' shares give the same three keys, and these are the public ones.

use quorate_protocol::crypto::group::RistrettoPoint;
use quorate_protocol::crypto::point::Point;
use quorate_protocol::math::{Field, Fl, lagrange_row};

use super::{Checker, Observation, What, enough, held, interpolated, subsets};
use crate::keygen::Ghost;

/// Most sets of members of which it is checked.
const SETS: usize = 64;

/// See the [module](self).
pub(super) struct Interpolation;

impl Checker for Interpolation {
    fn name(&self) -> &'static str {
        "interpolation"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::AtRest(standings) = seen.what else { return Ok(()) };
        let all = held(standings);
        let size = enough(ghost.committee);
        let Some(first) = all.first().filter(|_| all.len() >= size) else { return Ok(()) };
        let sets = subsets(&all, size, SETS);
        let mut secrets = None;
        for set in &sets {
            let found = interpolated(set);
            if *secrets.get_or_insert(found) != found {
                let members: Vec<String> = set.iter().map(|keys| keys.me.to_string()).collect();
                return Err(format!("the shares of {} give other keys", members.join(", ")));
            }
        }
        let Some([coin, certificate, document]) = secrets else { return Ok(()) };
        let public = &first.public;
        if Point::base(&certificate) != *public.certificate.key()
            || Point::base(&document) != *public.document.key()
        {
            return Err("the shares are of other keys than the public ones".into());
        }
        let points: Vec<Fl> = all.iter().take(size).map(|k| Fl::from_u64(k.me.point())).collect();
        let row = lagrange_row(&points, Fl::ZERO);
        let shares = all.iter().take(size).map(|keys| public.coin.shares()[keys.me]);
        let key: RistrettoPoint = row.iter().zip(shares).map(|(w, s)| s * w.scalar()).sum();
        if RistrettoPoint::mul_base(coin.scalar()) != key {
            return Err("the shares are of another coin key than the public one".into());
        }
        Ok(())
    }
}
