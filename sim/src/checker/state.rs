//! No peer can make an honest party keep more than the limits say: of what has not begun, and of what
//! is said of the past. Bytes are counted where they are kept, not as the party counts them.

use quorate_protocol::limits;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
pub(super) struct State;

impl Checker for State {
    fn name(&self) -> &'static str {
        "state"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Keeps { by, of, epochs, bytes } = seen.what else { return Ok(()) };
        let most = limits::MAX_KEPT_BYTES.saturating_mul(epochs) + limits::MAX_AHEAD_BYTES;
        if bytes <= most {
            return Ok(());
        }
        Err(format!("{by} keeps {bytes} bytes of {of}'s, and {most} is the most"))
    }
}
