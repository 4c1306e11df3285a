//! Every honest member's shares are those in the public keys.

use quorate_protocol::crypto::group::RistrettoPoint;
use quorate_protocol::crypto::point::Point;

use super::{Checker, Observation, What, shares};
use crate::keygen::Ghost;

/// See the [module](self).
pub(super) struct PublicShares;

impl Checker for PublicShares {
    fn name(&self) -> &'static str {
        "public shares"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::AtRest(standings) = seen.what else { return Ok(()) };
        for standing in standings {
            let Some(keys) = &standing.keys else { continue };
            let (by, public) = (standing.by, &keys.public);
            if keys.me != by {
                return Err(format!("{by} has the keys of {}", keys.me));
            }
            for (name, share) in shares(&keys.secret) {
                let fits = match name {
                    "coin" => RistrettoPoint::mul_base(share.scalar()) == public.coin.shares()[by],
                    "certificate" => Point::base(share) == public.certificate.shares()[by],
                    _ => Point::base(share) == public.document.shares()[by],
                };
                if !fits {
                    return Err(format!("{by} has another share of the {name} key than is public"));
                }
            }
        }
        Ok(())
    }
}
