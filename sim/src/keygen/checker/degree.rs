//! The sharings have degree exactly `t`: what the shares of `t` members give is not the keys.

use quorate_protocol::crypto::point::Point;

use super::{Checker, Observation, What, enough, held, interpolated, subsets};
use crate::keygen::Ghost;

/// Most sets of members of which it is checked.
const SETS: usize = 64;

/// See the [module](self).
pub(super) struct Degree;

impl Checker for Degree {
    fn name(&self) -> &'static str {
        "degree"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::AtRest(standings) = seen.what else { return Ok(()) };
        let all = held(standings);
        let size = enough(ghost.committee);
        let Some(first) = all.first().filter(|_| all.len() >= size) else { return Ok(()) };
        let mut sets = subsets(&all, size, 1);
        let Some(keys) = sets.pop().map(|set| interpolated(&set)) else { return Ok(()) };
        for set in subsets(&all, size - 1, SETS) {
            let found = interpolated(&set);
            let names = ["coin", "certificate", "document"];
            let known = names.iter().zip(found.iter().zip(&keys)).find(|(_, (a, b))| a == b);
            if let Some((name, _)) = known {
                let members: Vec<String> = set.iter().map(|keys| keys.me.to_string()).collect();
                return Err(format!("the shares of {} give the {name} key", members.join(", ")));
            }
        }
        let few = subsets(&all, size - 1, 1).pop().map(|set| interpolated(&set));
        let checks = |[_, certificate, document]: [_; 3]| {
            Point::base(&certificate) == *first.public.certificate.key()
                || Point::base(&document) == *first.public.document.key()
        };
        if few.is_some_and(checks) {
            return Err("what t members hold fits a public key".into());
        }
        Ok(())
    }
}
