//! Which behaviours a Byzantine party has.

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use rand::RngExt;

use super::{
    Asked, BadKey, BadShard, BadVote, Behaviour, Cheat, Copied, How, Kind, Spoil, Withheld,
};
use crate::Rng;
use crate::draw::another;

/// What a Byzantine party does: one thing, or two or three together.
pub fn draw(me: PartyId, committee: Committee, rng: &mut Rng) -> Vec<Behaviour> {
    let count = if rng.random_range(0..10) < 6 { 1 } else { rng.random_range(2..=3) };
    let mut behaviours: Vec<Behaviour> = Vec::new();
    for _ in 0..count {
        let drawn = draw_behaviour(me, committee, rng);
        if behaviours.iter().all(|other| other.name() != drawn.name()) {
            behaviours.push(drawn);
        }
    }
    if behaviours.contains(&Behaviour::Silent) { vec![Behaviour::Silent] } else { behaviours }
}

/// Who deals, votes, opens and signs wrongly; who says one thing to some and another to others; who sends
/// what nobody would.
fn draw_behaviour(me: PartyId, committee: Committee, rng: &mut Rng) -> Behaviour {
    match rng.random_range(0..10) {
        0..=4 => draw_wrong(me, committee, rng),
        5..=7 => draw_divided(me, committee, rng),
        _ => draw_noise(rng),
    }
}

fn draw_wrong(me: PartyId, committee: Committee, rng: &mut Rng) -> Behaviour {
    let target = another(me, committee, rng);
    match rng.random_range(0..30) {
        0 => Behaviour::Silent,
        1 => Behaviour::Crash { after: rng.random_range(1..3_000) },
        2..=4 => Behaviour::Twins,
        5..=7 => {
            let percent = if rng.random() { 100 } else { rng.random_range(1..100) };
            Behaviour::WrongShares { percent }
        }
        8..=10 => Behaviour::CheatingDealer(draw_cheat(me, committee, rng)),
        11 | 23 => {
            let drawn = rng.random_range(0..BadVote::ALL.len());
            Behaviour::MalformedVote(BadVote::ALL.get(drawn).copied().unwrap_or(BadVote::Long))
        }
        12 => Behaviour::WrongCoin,
        13 => Behaviour::Exclude { target },
        14 | 15 => Behaviour::OldEpoch,
        16 => Behaviour::LieInShards(match rng.random_range(0..5) {
            0 => BadShard::Bytes,
            1 => BadShard::Length,
            2 => BadShard::Path,
            3 => BadShard::ShortPath,
            _ => BadShard::Another,
        }),
        17 | 18 => Behaviour::Accuse,
        19 => Behaviour::Misshape,
        20 => Behaviour::CopyVotes { of: target },
        21 => Behaviour::LeaveEarly,
        22 => Behaviour::Forge,
        24 => Behaviour::CopyDealings(match rng.random() {
            true => Copied::SealingKey,
            false => Copied::Everything,
        }),
        _ => Behaviour::Spoil(draw_spoil(me, committee, rng)),
    }
}

fn draw_spoil(me: PartyId, committee: Committee, rng: &mut Rng) -> Spoil {
    match rng.random_range(0..10) {
        0 | 1 => Spoil::Shifted,
        2..=5 => Spoil::Dealing(draw_cheat(me, committee, rng)),
        6 | 7 => Spoil::Sealing(match rng.random_range(0..3) {
            0 => BadKey::Zero,
            1 => BadKey::Malformed,
            _ => BadKey::Copied,
        }),
        8 => Spoil::Silent,
        _ => Spoil::Late { letters: rng.random_range(1..600) },
    }
}

fn draw_divided(me: PartyId, committee: Committee, rng: &mut Rng) -> Behaviour {
    let victims = draw_victims(me, committee, rng);
    match rng.random_range(0..12) {
        0 | 1 => {
            let of = rng.random::<bool>().then(|| draw_kind(rng));
            Behaviour::Selective { victims, of }
        }
        2..=5 => Behaviour::Equivocate { victims, of: draw_kind(rng) },
        6 => Behaviour::TurnLate { after: rng.random_range(1..3_000), victims },
        7 | 8 => Behaviour::Split { part: victims },
        9 => Behaviour::SplitEstimates { part: victims },
        _ => Behaviour::HoldCoin(match rng.random_range(0..3) {
            0 => Withheld::Always,
            1 => Withheld::From { victims },
            _ => Withheld::UntilKnown,
        }),
    }
}

fn draw_noise(rng: &mut Rng) -> Behaviour {
    let percent = if rng.random() { rng.random_range(1..=5) } else { rng.random_range(1..=40) };
    match rng.random_range(0..7) {
        0 => Behaviour::Replay { percent },
        1 | 2 => Behaviour::Mutate { percent },
        3 => Behaviour::Garble { percent },
        4 => Behaviour::Invent { percent },
        5 => Behaviour::Flood { percent },
        _ => {
            let asked = match rng.random_range(0..3) {
                0 => Asked::Same,
                1 => Asked::Near,
                _ => Asked::Thresholds,
            };
            Behaviour::Storm { asked, times: rng.random_range(1..=4) }
        }
    }
}

fn draw_kind(rng: &mut Rng) -> Kind {
    Kind::ALL.get(rng.random_range(0..Kind::ALL.len())).copied().unwrap_or(Kind::Send)
}

/// Any others, at least one.
fn draw_victims(me: PartyId, committee: Committee, rng: &mut Rng) -> PartySet {
    let most = rng.random_range(1..4);
    let victims = committee.parties().filter(|p| *p != me && rng.random_range(0..4) < most);
    let victims: PartySet = victims.collect();
    if victims.is_empty() { [another(me, committee, rng)].into_iter().collect() } else { victims }
}

fn draw_cheat(me: PartyId, committee: Committee, rng: &mut Rng) -> Cheat {
    let all = committee.everyone().difference([me].into_iter().collect());
    let victims: PartySet = all.iter().filter(|_| rng.random_range(0..3) == 0).collect();
    let how = match rng.random_range(0..10) {
        0..=2 => How::WrongShare,
        3 => How::Junk,
        4 => How::Scattered,
        5 => How::Omitted,
        6 => How::ExcessDegree,
        7 => How::Longer,
        8 => How::Shorter,
        _ => How::Empty,
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
            for behaviour in &file.behaviours {
                assert!(text.contains(behaviour.name()), "{text}");
            }
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
