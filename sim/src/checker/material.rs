//! What a run makes is what decisions need: all honest parties' shares of it are of the same values,
//! with polynomials of degree `t`; every bit is a bit, every triple's product holds; and no factor comes
//! twice, in whatever run.

use std::collections::BTreeMap;

use quorate_protocol::math::Fp61;

use super::sharing::Pool;
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Material {
    pool: Pool,
    /// Where each factor was first: epoch, run, and number in it.
    factors: BTreeMap<Fp61, (u64, u64, usize)>,
}

impl Material {
    fn judge(&mut self, epoch: u64, run: u64) -> Result<(), String> {
        let Some((triples, bits)) = self.pool.run(epoch, run) else { return Ok(()) };
        let what = |text: String| Err(format!("run {run} of epoch {epoch}: {text}"));
        if let Some((number, _)) = (0..).zip(bits).find(|(_, b)| **b * **b != **b) {
            return what(format!("bit {number} is none"));
        }
        for (number, triple) in triples.iter().enumerate() {
            if triple.a * triple.b != triple.c {
                return what(format!("the product of triple {number} does not hold"));
            }
            for (side, factor) in [triple.a, triple.b].into_iter().enumerate() {
                let here = (epoch, run, 2 * number + side);
                let (first_epoch, first_run, first) = *self.factors.entry(factor).or_insert(here);
                if (first_epoch, first_run, first) != here {
                    return what(format!(
                        "a factor of triple {number} was in triple {} of run {first_run} of \
                         epoch {first_epoch}",
                        first / 2
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Checker for Material {
    fn name(&self) -> &'static str {
        "material"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Refilled { by, epoch, run, batch } = seen.what else { return Ok(()) };
        if self.pool.add(ghost.committee, by, (epoch, run), batch, (u64::MAX, u64::MAX))? {
            self.judge(epoch, run)?;
        }
        Ok(())
    }
}
