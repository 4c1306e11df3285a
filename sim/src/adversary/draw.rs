//! Which behaviours a Byzantine party has.

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use rand::RngExt;

use super::{BadKey, Behaviour, Cheat, How, Spoil};
use crate::Rng;
use crate::draw::another;

/// What a Byzantine party does: one thing, or two or three together.
pub fn draw(me: PartyId, committee: Committee, rng: &mut Rng) -> Vec<Behaviour> {
    let count = if rng.random_range(0..10) < 6 { 1 } else { rng.random_range(2..=3) };
    let mut behaviours: Vec<Behaviour> = Vec::new();
    for _ in 0..count {
        let drawn = draw_behaviour(me, committee, rng);
        let kind = std::mem::discriminant(&drawn);
        if behaviours.iter().all(|other| std::mem::discriminant(other) != kind) {
            behaviours.push(drawn);
        }
    }
    if behaviours.contains(&Behaviour::Silent) { vec![Behaviour::Silent] } else { behaviours }
}

fn draw_behaviour(me: PartyId, committee: Committee, rng: &mut Rng) -> Behaviour {
    let target = another(me, committee, rng);
    match rng.random_range(0..22) {
        0 => Behaviour::Silent,
        1 | 2 => Behaviour::Crash { after: rng.random_range(1..3_000) },
        3..=5 => Behaviour::Twins,
        6..=8 => {
            let percent = if rng.random() { 100 } else { rng.random_range(1..100) };
            Behaviour::WrongShares { percent }
        }
        9..=11 => Behaviour::CheatingDealer(draw_cheat(me, committee, rng)),
        12 => Behaviour::MalformedVote,
        13 => Behaviour::WrongCoin,
        14 | 15 => Behaviour::Exclude { target },
        16 => Behaviour::OldEpoch,
        _ => Behaviour::Spoil(match rng.random_range(0..10) {
            0 | 1 => Spoil::Shifted,
            2..=5 => Spoil::Dealing(draw_cheat(me, committee, rng)),
            6 | 7 => Spoil::Sealing(match rng.random_range(0..3) {
                0 => BadKey::Zero,
                1 => BadKey::Malformed,
                _ => BadKey::Copied,
            }),
            8 => Spoil::Silent,
            _ => Spoil::Late { letters: rng.random_range(1..600) },
        }),
    }
}

fn draw_cheat(me: PartyId, committee: Committee, rng: &mut Rng) -> Cheat {
    let all = committee.everyone().difference([me].into_iter().collect());
    let victims: PartySet = all.iter().filter(|_| rng.random_range(0..3) == 0).collect();
    let how = match rng.random_range(0..7) {
        0..=2 => How::WrongShare,
        3 => How::Junk,
        4 => How::Scattered,
        5 => How::Omitted,
        _ => How::ExcessDegree,
    };
    let target = another(me, committee, rng);
    let victims = if victims.is_empty() { [target].into_iter().collect() } else { victims };
    Cheat { victims, how }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[derive(PartialEq, Debug, serde::Serialize, serde::Deserialize)]
    struct File {
        behaviours: Vec<Behaviour>,
    }

    #[test]
    fn what_is_drawn_can_be_written_to_a_file_and_read() {
        let mut rng = Rng::seed_from_u64(1);
        for _ in 0..300 {
            let committee = Committee::new(7).unwrap();
            let file = File { behaviours: draw(PartyId::new(2), committee, &mut rng) };
            let text = toml::to_string(&file).unwrap();
            assert_eq!(toml::from_str::<File>(&text).unwrap(), file, "{text}");
        }
    }

    #[test]
    fn files_are_written_as_people_speak() {
        let text = r#"behaviours = [
            "wrong-coin",
            { crash = { after = 7 } },
            { cheating-dealer = { victims = [1, 3], how = "wrong-share" } },
            { spoil = { sealing = "copied" } },
        ]"#;
        let victims = [PartyId::new(1), PartyId::new(3)].into_iter().collect();
        let cheat = Cheat { victims, how: How::WrongShare };
        let behaviours = vec![
            Behaviour::WrongCoin,
            Behaviour::Crash { after: 7 },
            Behaviour::CheatingDealer(cheat),
            Behaviour::Spoil(Spoil::Sealing(BadKey::Copied)),
        ];
        assert_eq!(toml::from_str::<File>(text).unwrap(), File { behaviours });
    }
}
