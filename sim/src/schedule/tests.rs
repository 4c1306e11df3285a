use quorate_protocol::committee::PartySet;

use super::*;

/// A frame: its name, from, to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Plain(char, u16, u16);

impl Freight for Plain {
    fn link(&self) -> (PartyId, PartyId) {
        (PartyId::new(self.1), PartyId::new(self.2))
    }
    fn bytes(&self) -> u64 {
        1_000
    }
    fn has(&self, layer: Layer) -> bool {
        layer == Layer::Coin && self.0.is_ascii_uppercase()
    }
    fn votes(&self) -> Option<bool> {
        match self.0 {
            '0' => Some(false),
            '1' => Some(true),
            _ => None,
        }
    }
}

/// When each of some frames, sent at once, and a timer at 10 s happen.
fn times(discipline: Discipline, links: Links, frames: &[Plain]) -> Vec<(u64, char)> {
    let mut rng = Rng::seed_from_u64(1);
    let mut pending = Pending::new(discipline, links);
    pending.at(10 * SECOND, 't');
    for frame in frames {
        pending.send(*frame, &mut rng);
    }
    let mut all = Vec::new();
    while let Some(next) = pending.advance() {
        let name = match next {
            Next::Frame(Plain(name, ..)) | Next::Event(name) => name,
        };
        all.push((pending.now(), name));
    }
    all
}

fn order(discipline: Discipline, frames: &[Plain]) -> String {
    times(discipline, Links::default(), frames).into_iter().map(|(_, name)| name).collect()
}

const THREE: [Plain; 3] = [Plain('a', 0, 1), Plain('b', 1, 0), Plain('c', 0, 1)];

#[test]
fn each_discipline_delivers_everything_in_its_order() {
    let (from, to) = (PartyId::new(0), PartyId::new(1));
    assert_eq!(order(Discipline::Fifo, &THREE), "abct");
    assert_eq!(order(Discipline::Lifo, &THREE), "cbat");
    let starved = |behind_timers| order(Discipline::Starved { from, to, behind_timers }, &THREE);
    assert_eq!(starved(false), "bcat");
    assert_eq!(starved(true), "btca");
    let coins = [Plain('A', 0, 1), Plain('b', 1, 0), Plain('c', 0, 1)];
    let last = |behind_timers| {
        let order = order(Discipline::Last { layer: Layer::Coin, behind_timers }, &coins);
        order.replace('c', "b")
    };
    assert_eq!(last(false), "bbAt");
    assert_eq!(last(true), "bbtA");
    let mut random: Vec<char> = order(Discipline::Random, &THREE).chars().collect();
    random.sort_unstable();
    assert_eq!(random, ['a', 'b', 'c', 't']);
}

#[test]
fn members_hear_different_votes_first_when_they_are_split_and_coins_before() {
    let votes = [
        Plain('0', 0, 1),
        Plain('1', 0, 1),
        Plain('x', 0, 1),
        Plain('0', 0, 2),
        Plain('1', 0, 2),
        Plain('C', 0, 2),
    ];
    // Member 1 hears 1 first, member 2 hears 0.
    assert_eq!(order(Discipline::Splitting, &votes), "C10x01t");
}

#[test]
fn a_link_has_one_priority_until_it_is_changed() {
    let frames: Vec<_> = (0..8).map(|i| Plain(['a', 'b'][i % 2], (i % 2) as u16, 3)).collect();
    let orders: Vec<String> =
        (0..20).map(|seed| order(Discipline::Priorities { seed, changes: 0 }, &frames)).collect();
    assert!(orders.iter().all(|order| order == "aaaabbbbt" || order == "bbbbaaaat"));
    assert!(orders.iter().any(|order| *order != orders[0]));
    // Frames of a link overtake one another only where its priority changes.
    let changed =
        (0..200).map(|seed| order(Discipline::Priorities { seed, changes: 200 }, &frames));
    assert!(changed.into_iter().any(|order| !orders.contains(&order)));
}

#[test]
fn what_is_cut_off_waits_until_the_end_and_only_one_way() {
    let set = |party| [PartyId::new(party)].into_iter().collect::<PartySet>();
    let cut = Cut { from: set(0), to: set(1), begins: 0, ends: 3 * SECOND };
    let later = Cut { begins: 2 * SECOND, ends: 5 * SECOND, ..cut };
    for discipline in [Discipline::Fifo, Discipline::Lifo, Discipline::Random] {
        let links = Links { cuts: vec![cut, later], ..Links::default() };
        let times = times(discipline, links, &THREE);
        let when = |name| times.iter().find(|(_, of)| *of == name).unwrap().0;
        assert!(when('b') < 3 * SECOND, "{discipline}");
        assert!(when('a') >= 5 * SECOND && when('c') >= 5 * SECOND, "{discipline}");
    }
}

#[test]
fn bytes_take_their_time_where_they_are_capped() {
    let links = Links { bandwidth: Some(1_000), ..Links::default() };
    let times = times(Discipline::Fifo, links, &THREE);
    let expected = [(SECOND, 'a'), (SECOND, 'b'), (2 * SECOND, 'c')];
    let expected = expected.map(|(time, name)| (time + MILLI, name));
    assert_eq!(times[..3], expected);
}

#[test]
fn frames_arrive_twice_where_they_are_repeated() {
    let links = Links { repeated: 1_000, ..Links::default() };
    let names: String =
        times(Discipline::Fifo, links, &THREE).iter().map(|(_, name)| name).collect();
    assert_eq!(names, "aabbcct");
}

#[test]
fn latencies_are_of_their_model() {
    let mut rng = Rng::seed_from_u64(1);
    let (a, b) = (PartyId::new(0), PartyId::new(1));
    let mut draw = |latency: Latency| -> Vec<u64> {
        let mut all: Vec<_> = (0..4_001).map(|_| latency.draw(a, b, &mut rng)).collect();
        all.sort_unstable();
        all
    };
    let uniform = draw(Latency::Uniform { least: 5, most: 9 });
    assert!(uniform[0] == 5 && uniform[4_000] == 9 && uniform[2_000] == 7);
    let log = draw(Latency::LogNormal { median: 1_000, eighths: 4 });
    assert!(log[2_000] == 1_000, "{}", log[2_000]);
    // Two standard deviations are four flips: two doublings.
    assert!(log[100] <= 400 && log[3_900] >= 2_500, "{} {}", log[100], log[3_900]);
    let heavy = draw(Latency::HeavyTail { least: 1_000 });
    assert!(heavy[0] >= 1_000 && (1_900..2_100).contains(&heavy[2_000]), "{}", heavy[2_000]);
    assert!(heavy[3_999] > 300_000);
    let far = draw(Latency::Regions { of: vec![0, 4] });
    assert!(far[0] >= 110 * MILLI && far[4_000] <= 121 * MILLI);
}

#[test]
fn a_time_is_stretched_by_eighths_of_a_doubling() {
    assert_eq!([0, 8, -8, 4, -4].map(|e| stretch(1_000, e)), [1_000, 2_000, 500, 1_414, 707]);
    assert_eq!((stretch(1, -800), stretch(1 << 40, 4_000)), (1, u64::MAX));
}
