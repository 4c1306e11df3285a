//! Masked inputs.

use quorate_protocol::math::{F7, Field};
use quorate_protocol::mpc::gadgets::input::unmask;

use super::{Case, Line, Seen, View, all};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::claim("two votes, each under a mask of its own", |point| votes(point, [0, 1])),
        Case::control("two votes under one mask", |point| votes(point, [0, 0])),
        Case::control("a vote without a mask", unmasked),
    ]
}

/// Two members vote; `mask_of` says which mask each one uses.
fn votes(point: u64, mask_of: [usize; 2]) -> Vec<Seen> {
    let bits = [false, true];
    let pairs = bits.into_iter().flat_map(|a| bits.map(|b| [a, b]));
    let seen = |votes: [bool; 2]| {
        let mut views = Vec::new();
        for masks in pairs.clone() {
            all::<7, 2>(|slopes| {
                let of_bit = |bit: &bool| F7::from_u64(u64::from(*bit));
                let lines = masks.iter().zip(slopes).map(|(bit, slope)| Line(of_bit(bit), slope));
                let shares: Vec<F7> = lines.map(|line| line.share(point)).collect();
                let mut view = View::default();
                view.see(&shares);
                for (vote, i) in votes.iter().zip(mask_of) {
                    let (Some(mask), Some(share)) = (masks.get(i), shares.get(i)) else { return };
                    let masked = vote ^ mask;
                    view.see(&[of_bit(&masked), unmask(masked, *share)]);
                }
                views.push(view);
            });
        }
        Seen::new(&votes, 0, views)
    };
    pairs.clone().map(seen).collect()
}

/// A member says its vote, and everybody takes it for the masked one.
fn unmasked(point: u64) -> Vec<Seen> {
    let seen = |vote: bool| {
        let mut views = Vec::new();
        all::<7, 1>(|[slope]| {
            let mask = Line(F7::ZERO, slope).share(point);
            let mut view = View::default();
            view.see(&[mask, F7::from_u64(u64::from(vote)), unmask(vote, mask)]);
            views.push(view);
        });
        Seen::new(&vote, 0, views)
    };
    [false, true].map(seen).into()
}
