//! A member that lost everything is replaced.

use rand::SeedableRng as _;

use super::world::{World, party};
use super::*;
use crate::committee::PartySet;
use crate::crypto::seal::SealingKey;
use crate::decision::certificate::Outcome;
use crate::decision::proposal::{Renewal, Replacement};
use crate::keys::ceremony::Envelope;
use crate::keys::refresh::Message as InRefresh;
use crate::math::{Field as _, Fl, lagrange_row};
use crate::party::epochs::entering::{Entering, EnteringConfig, Entrance};
use crate::sharing::acss;

/// Who is to sit at a seat, with keys of its own.
pub(super) struct Newcomer {
    pub seat: PartyId,
    card: Arc<Keyring>,
    identities: Arc<Identities>,
    /// The epoch with which it comes in.
    pub since: u64,
    entrance: Entrance,
    pub entering: Option<Entering>,
}

/// The keys that somebody made for a seat.
fn card(n: usize, seat: PartyId, number: u64) -> Arc<Keyring> {
    Arc::clone(&Keyring::for_tests(n, 1000 + number)[seat.index()])
}

fn replacement(card: &Keyring) -> Renewal {
    Renewal::Replace(Box::new(Replacement {
        seat: card.me(),
        identity: card.identity().public(),
        sealing: *card.sealing().public(),
        transport: card.identity().public(),
        addresses: vec!["/ip4/192.0.2.1/tcp/7001".into()],
    }))
}

impl World {
    /// Has these members accept that somebody else sits at a seat; what follows has not happened yet.
    fn accept_replacement(&mut self, seat: u16, members: &[u16]) -> Arc<Keyring> {
        let card = card(self.committee.n(), party(seat), 1);
        let decision = self.propose_with(members[0], replacement(&card)).unwrap();
        self.run_untimed();
        self.vote_all(decision, members);
        card
    }

    /// The member with this card comes, with what `by` knows. Whoever sat there before is cut off.
    fn come_in(&mut self, card: Arc<Keyring>, by: usize) {
        let (seat, helper) = (card.me(), self.member(by));
        let entrance = helper.entrance().expect("somebody came in with the last refresh");
        let publics = identities_of(helper).publics().clone();
        let identity = card.identity().clone();
        let identities = Identities::new(self.committee, seat, identity, publics).unwrap();
        let since = entrance.epoch + 1;
        self.stop(seat);
        self.stores[seat.index()] = Default::default();
        let identities = Arc::new(identities);
        self.newcomer = Some(Newcomer { seat, card, identities, since, entrance, entering: None });
        self.start(seat);
    }

    pub(super) fn start_newcomer(&mut self) {
        let Some(newcomer) = &mut self.newcomer else { return };
        let (seat, records) = (newcomer.seat, self.stores[newcomer.seat.index()].records());
        if is_in(&records) {
            let config = EpochsConfig {
                network: Digest::from([7; 32]),
                policy: Policy::for_members(self.committee.n()),
                accountable: false,
                identities: Arc::clone(&newcomer.identities),
                first: None,
            };
            self.members[seat.index()] = Some(Epochs::new(config, records).unwrap());
        } else {
            let sealing = newcomer.card.sealing().to_bytes();
            let config = EnteringConfig {
                network: Digest::from([7; 32]),
                identities: Arc::clone(&newcomer.identities),
                sealing: SealingKey::from_bytes(sealing.expose()).unwrap(),
                entrance: newcomer.entrance.clone(),
            };
            newcomer.entering = Some(Entering::new(config, records).unwrap());
        }
        self.step(seat, EpochsEvent::Start);
    }

    /// What a member wants done that is up, on its way in or in.
    pub(super) fn effects_of(
        &mut self,
        p: PartyId,
        event: EpochsEvent,
    ) -> Option<Vec<EpochsEffect>> {
        let newcomer = self.newcomer.as_mut().filter(|newcomer| newcomer.seat == p);
        if let Some(newcomer) = newcomer
            && let Some(entering) = &mut newcomer.entering
        {
            let effects = entering.step(event);
            if !entering.is_in() {
                return Some(effects);
            }
            // It goes on where it is in, once all of this is done.
            let entering = newcomer.entering.take()?;
            for effect in effects {
                if let EpochsEffect::Party { effect: Effect::Persist(records), .. } = effect {
                    self.stores[p.index()].write(records);
                }
            }
            self.stores[p.index()].write(entering.enter(Secret::new([77; 32]))?);
            self.start(p);
            return None;
        }
        Some(self.members[p.index()].as_mut()?.step(event))
    }

    /// Links to a seat are links to who sits there in the epoch of the other end.
    pub(super) fn are_linked(&self, a: PartyId, b: PartyId) -> bool {
        let Some(newcomer) = &self.newcomer else { return true };
        let knows = |p: PartyId| {
            let member = self.members[p.index()].as_ref();
            member.is_some_and(|member| member.epoch() >= newcomer.since)
        };
        (a != newcomer.seat || knows(b)) && (b != newcomer.seat || knows(a))
    }

    /// A decision of the current epoch with the votes of these.
    fn decide(&mut self, members: &[u16]) -> Digest {
        let decision = self.propose(members[0], false).unwrap();
        self.run_untimed();
        self.vote_all(decision, members);
        self.run();
        decision
    }
}

/// Who is who in a member's current epoch.
fn identities_of(member: &Epochs) -> &Identities {
    member.keys(member.epoch()).unwrap().keyring.identities()
}

/// Whether a store is that of a member which has come in.
fn is_in(records: &[Record]) -> bool {
    let name = crate::wire::encode(&Part::Restored(2));
    records.iter().any(|r| matches!(r, Record::Put { key, .. } if key.starts_with(&name[..4])))
}

/// A world in which one is lost and the others have let somebody else in.
fn replaced(n: usize, seed: u64) -> World {
    let mut world = World::new(n, seed);
    world.run_untimed();
    let lost = n as u16 - 1;
    world.stop(party(lost));
    let others: Vec<u16> = (0..lost).collect();
    let card = world.accept_replacement(lost, &others);
    world.run();
    assert!(world.members().all(|m| m.epoch() == 2));
    world.come_in(card, 0);
    world.run_untimed();
    world.assert_epoch(2);
    world
}

#[test]
fn a_member_that_comes_in_for_another_decides_and_its_shares_are_of_the_same_keys() {
    for n in [4, 7] {
        let mut world = replaced(n, 31);
        let all: Vec<u16> = (0..n as u16).collect();
        let decision = world.decide(&all);
        for member in world.members() {
            let certificate = member.certificate(&decision).unwrap();
            assert_eq!(certificate.statement.counted.len(), n, "the newcomer's vote counts");
            assert_eq!(certificate.verify(member.current().verifier()), Ok(()));
            assert_eq!(certificate.statement.key, {
                let old = &world.firsts[0].keys.public().certificate;
                old.to_bytes()
            });
        }
        let share = |p: usize, epoch| {
            let keys = &world.member(p).keys(epoch).unwrap().keys;
            (party(p as u16), *keys.secret().certificate.expose())
        };
        let at_zero = |shares: &[(PartyId, Fl)]| {
            let points: Vec<Fl> = shares.iter().map(|(p, _)| Fl::from_u64(p.point())).collect();
            let sum: Fl =
                lagrange_row(&points, Fl::ZERO).into_iter().zip(shares).map(|(l, s)| l * s.1).sum();
            Point::base(&sum)
        };
        let key = *world.firsts[0].keys.public().certificate.key();
        let few = world.committee.one_honest();
        let with: Vec<_> = (n - few..n).map(|p| share(p, 2)).collect();
        assert_eq!(at_zero(&with), key);
        // What the member before had is worth nothing beside t others' shares.
        let mut mixed = with;
        mixed.pop();
        mixed.push((party(n as u16 - 1), *world.firsts[n - 1].keys.secret().certificate.expose()));
        assert_ne!(at_zero(&mixed), key);
        world.assert_nobody_blamed();
        // And nothing of the old epoch is kept for anybody.
        assert!((0..n - 1).all(|p| world.erased.contains(&(party(p as u16), 1))));
    }
}

#[test]
fn all_restart_and_refresh_after_a_member_came_in() {
    let mut world = replaced(4, 32);
    world.decide(&[0, 1, 2, 3]);
    for p in world.committee.parties() {
        world.stop(p);
        world.start(p);
        world.run_untimed();
    }
    world.assert_epoch(2);
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run();
    world.assert_epoch(3);
    let decision = world.decide(&[3, 1, 2, 0]);
    for member in world.members() {
        let statement = &member.certificate(&decision).unwrap().statement;
        assert_eq!((statement.epoch, statement.counted.len()), (3, 4));
        // What was before the newcomer came is not there, and is not said to be.
        let known = member.decisions();
        let certified = known.iter().filter(|view| view.outcome.is_some()).count();
        assert_eq!(member.status().certified, certified as u64);
        assert_eq!((member.status().positions, member.status().open), (4, 0));
    }
    // The newcomer is needed, and has what it takes.
    assert_accepted_without_the_first(world);
}

/// Its old shares stay with the others until the newcomer has its own, or came in later.
#[test]
fn the_refresh_waits_for_the_member_that_comes_in_and_not_for_ever() {
    let mut world = World::new(4, 33);
    world.run_untimed();
    world.stop(party(3));
    let card = world.accept_replacement(3, &[0, 1, 2]);
    world.run();
    assert!(world.members().all(|m| m.epoch() == 2 && m.live.len() == 2 && m.archives.is_empty()));
    world.accept_refresh(&[0, 1, 2]);
    world.run();
    assert!(world.members().all(|m| m.epoch() == 3 && !m.live.contains_key(&1)));
    world.come_in(card, 1);
    world.run();
    world.assert_epoch(3);
    let decision = world.decide(&[0, 1, 2, 3]);
    assert!(world.members().all(|m| m.certificate(&decision).is_some()));
    world.assert_nobody_blamed();
}

/// A corrupt dealer gives the newcomer nothing: it comes late, and the others still help it.
#[test]
fn a_corrupt_dealer_does_not_keep_it_out() {
    let victim: PartySet = [party(6)].into_iter().collect();
    for dealing in [
        acss::Deviation { wrong_share: victim, ..Default::default() },
        acss::Deviation { junk: victim, ..Default::default() },
        acss::Deviation { scattered: victim, ..Default::default() },
    ] {
        let mut world = World::new(7, 34);
        world.run_untimed();
        world.stop(party(6));
        world.stop(party(0));
        world.deviations[0].dealing = dealing;
        world.start(party(0));
        world.run_untimed();
        let card = world.accept_replacement(6, &[0, 1, 2, 3, 4]);
        world.run();
        world.come_in(card, 1);
        world.run();
        assert!(world.members().all(|m| m.epoch() == 2));
        assert!(
            world.faults.iter().all(|(_, fault)| fault.party == party(0)),
            "{:?}",
            world.faults
        );
    }
}

/// Whatever one of them, or the newcomer, had written when it stopped.
#[test]
fn anybody_stops_between_two_effects_and_comes_back() {
    for (of, stride) in [(1, 131), (6, 23)] {
        let mut longest = 0;
        for at in (0..).map(|i| i * stride) {
            let mut world = World::new(7, 35);
            world.run_untimed();
            world.stop(party(6));
            let card = world.accept_replacement(6, &[0, 1, 2, 3, 4, 5]);
            if of < 6 {
                world.crash = Some((party(of), at));
            }
            world.run();
            assert!(world.members().all(|m| m.epoch() == 2), "{of} after {at}");
            if of == 6 {
                world.crash = Some((party(6), at));
            }
            world.come_in(card, 0);
            world.run();
            if world.crash.is_some() {
                break; // there are no more places
            }
            longest = at;
            world.start(party(of));
            world.run();
            world.assert_epoch(2);
            let decision = world.decide(&[6, 0, 1, 2, 3, 4, 5]);
            let knows = |m: &Epochs| m.certificate(&decision).is_some();
            assert!(world.members().all(knows), "{of} after {at}");
            world.assert_nobody_blamed();
        }
        assert!(longest > 100, "{of}: {longest}");
    }
}

/// A member that was away finds its way over it, and knows who sits there.
#[test]
fn a_member_that_was_away_learns_of_it_from_the_order() {
    let mut world = World::new(7, 36);
    world.run_untimed();
    world.stop(party(6));
    world.stop(party(5));
    let card = world.accept_replacement(6, &[0, 1, 2, 3, 4]);
    world.run();
    world.come_in(card, 0);
    world.run();
    world.start(party(5));
    world.run();
    world.assert_epoch(2);
    let identities = |p: usize| identities_of(world.member(p)).publics().clone();
    assert_eq!(identities(5), identities(0));
    assert_eq!(identities(6), identities(0));
    assert_ne!(identities(0)[party(6)], *world.firsts[0].keyring.identity_of(party(6)));
    assert_eq!(world.member(5).replaced().count(), 1);
    world.assert_nobody_blamed();
}

#[test]
fn a_replacement_that_is_rejected_changes_nothing_and_known_keys_are_refused() {
    let mut world = World::new(4, 37);
    world.run_untimed();
    let card = card(4, party(3), 1);
    let refused = world.propose_with(0, replacement(&card)).unwrap();
    world.run_untimed();
    (0..4).for_each(|p| world.vote(p, refused, 0));
    world.run();
    for member in world.members() {
        let outcome = member.certificate(&refused).unwrap().statement.outcome;
        assert_eq!((member.epoch(), outcome), (1, Outcome::Rejected));
        assert!(member.current().refresh().is_none() && member.replaced().count() == 0);
    }
    assert!(world.replaced.is_empty());
    let theirs = Arc::clone(&world.firsts[1].keyring);
    assert!(world.propose_with(0, replacement(&theirs)).is_err(), "an identity that is known");
    let Renewal::Replace(mut nobody) = replacement(&card) else { unreachable!() };
    nobody.seat = party(4);
    assert!(world.propose_with(0, Renewal::Replace(nobody)).is_err());
}

/// One of them takes effect, the same at all members, and the other does nothing.
#[test]
fn of_two_replacements_in_an_epoch_one_takes_effect() {
    let mut world = World::new(7, 38);
    world.run_untimed();
    let cards = [card(7, party(6), 1), card(7, party(5), 2)];
    let both: Vec<Digest> = [0u16, 1]
        .into_iter()
        .zip(&cards)
        .map(|(p, card)| world.propose_with(p, replacement(card)).unwrap())
        .collect();
    world.run_untimed();
    both.iter().for_each(|decision| world.vote_all(*decision, &[0, 1, 2, 3, 4, 5, 6]));
    world.run();
    // The first slot that names one of them decides, see E1.
    let replaced = |m: &Epochs| m.replaced().next().map(|(_, c)| c.proposal.renewal.clone());
    let effective = world.members().find_map(replaced).expect("one of them");
    let first = usize::from(effective == replacement(&cards[1]));
    let seat = cards[first].me();
    for p in world.committee.parties().filter(|p| *p != seat) {
        let member = world.member(p.index());
        assert_eq!(member.epoch(), 2);
        let replaced: Vec<_> = member.replaced().map(|(e, c)| (e, c.proposal.clone())).collect();
        let [(2, proposal)] = &replaced[..] else { panic!("{replaced:?}") };
        assert_eq!(proposal.renewal, replacement(&cards[first]));
    }
    assert_eq!(world.replaced, [seat], "it is told, and stays where it was");
    assert_eq!(world.member(seat.index()).epoch(), 1);
    world.come_in(Arc::clone(&cards[first]), 1);
    world.run();
    world.assert_epoch(2);
    world.assert_nobody_blamed();
}

/// The member before is told once it hears of it, also after a restart, and does no harm: what it says
/// for the epochs to come is not kept for who sits there then.
#[test]
fn the_member_before_says_nothing_any_more() {
    let mut world = World::new(4, 39);
    world.run_untimed();
    // As if it had gone ahead: it opens a proposal in the next epochs before the others are there.
    let said = world.propose(3, false).unwrap();
    let ahead: Vec<MessageOf<RealSuite>> = world
        .letters()
        .iter()
        .filter(|(from, to, _, m)| {
            *from == party(3) && *to == party(0) && matches!(m, Message::Proposal(..))
        })
        .map(|(.., m)| m.clone())
        .collect();
    assert!(!ahead.is_empty());
    world.run_untimed();
    world.vote_all(said, &[0, 1, 2]);
    world.run();
    let mut slots = world
        .heard
        .iter()
        .filter(|(from, _, m)| *from == party(3) && matches!(m, Message::Slot(..)));
    let old = slots.next_back().unwrap().2.clone();
    for epoch in [2, 3] {
        for message in &ahead {
            let (from, message) = (party(3), message.clone());
            world.step(party(0), EpochsEvent::Message { from, epoch, message });
        }
    }
    assert!(world.member(0).kept_bytes(party(3)) > 0);
    let card = world.accept_replacement(3, &[0, 1, 2]);
    world.run();
    assert_eq!(world.replaced, [party(3)]);
    world.stop(party(3));
    world.start(party(3));
    assert_eq!(world.replaced, [party(3), party(3)]);
    assert!((0..3).all(|p| world.member(p).epoch() == 2) && world.member(3).epoch() == 1);
    let proposed = |world: &World| {
        world.member(0).decisions().iter().filter(|d| d.proposer == party(3)).count()
    };
    assert_eq!((world.member(0).kept_bytes(party(3)), proposed(&world)), (0, 1));
    world.stop(party(0));
    world.start(party(0));
    assert_eq!((world.member(0).kept_bytes(party(3)), proposed(&world)), (0, 1));
    // In the epochs before, the seat may only ask.
    let member = world.members[0].as_mut().unwrap();
    let event = EpochsEvent::Message { from: party(3), epoch: 1, message: old };
    assert!(member.step(event).is_empty());
    world.come_in(card, 2);
    world.run();
    world.assert_epoch(2);
    world.assert_nobody_blamed();
}

/// Whoever gives it false papers keeps it out, and no more.
#[test]
fn a_false_entrance_leads_nowhere() {
    let spoil: [fn(&mut Entrance, &World); 3] = [
        |entrance, _| entrance.position += 1,
        |entrance, world| {
            // Keys of other shares: its own dealer's.
            let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
            let keys = crate::keys::TrustedKeyDealer::deal(world.committee, 1, &mut rng).unwrap();
            entrance.public.coin = keys[0].public().coin.clone();
        },
        |entrance, _| {
            let public = &mut entrance.public;
            std::mem::swap(&mut public.certificate, &mut public.document);
        },
    ];
    for spoil in spoil {
        let mut world = World::new(4, 40);
        world.run_untimed();
        world.stop(party(3));
        let card = world.accept_replacement(3, &[0, 1, 2]);
        world.run();
        assert!(world.members().all(|m| m.epoch() == 2));
        world.come_in(card, 0);
        world.stop(party(3));
        let mut entrance = world.newcomer.as_ref().unwrap().entrance.clone();
        let right = entrance.clone();
        spoil(&mut entrance, &world);
        world.stores[3] = Default::default();
        world.newcomer.as_mut().unwrap().entrance = entrance;
        world.start(party(3));
        world.run();
        let came = world.members[3].is_some();
        assert!(!came, "it came in");
        assert!((0..3).all(|p| world.member(p).epoch() == 2));
        // With the right one, and what it heard thrown away, it comes in.
        world.stop(party(3));
        world.stores[3] = Default::default();
        world.newcomer.as_mut().unwrap().entrance = right;
        world.start(party(3));
        world.run();
        world.assert_epoch(2);
    }
}

/// It asks and confirms, and that is all that the others hear of it in the refresh.
#[test]
fn a_newcomer_only_asks_in_the_refresh() {
    let mut world = World::new(4, 41);
    world.run_untimed();
    world.stop(party(3));
    let card = world.accept_replacement(3, &[0, 1, 2]);
    world.run();
    world.come_in(card, 0);
    while world.deliver_one() {
        for (from, _, epoch, message) in world.letters() {
            if let (3, 1, Message::Refresh(message)) = (from.index(), *epoch, message) {
                let asks = match &**message {
                    Envelope::Hello { .. } | Envelope::Confirm { .. } => true,
                    Envelope::Said { message, .. } => {
                        matches!(message, InRefresh::Dealing(_, acss::Message::Complain(_)))
                    }
                };
                assert!(asks, "{message}");
            }
        }
    }
    world.assert_epoch(2);
}

/// The others have ended runs without it, and what they said to it then is gone.
#[test]
fn it_has_its_part_of_the_material_that_was_made_before_it_came() {
    let mut world = World::new(4, 37);
    world.run_untimed();
    world.stop(party(3));
    let card = world.accept_replacement(3, &[0, 1, 2]);
    world.run();
    let stock = |world: &World, who| {
        let status = world.member(who).current().status();
        (status.runs, status.bits_left, status.triples_left, status.pairs_left)
    };
    assert!(stock(&world, 0).0 > 0, "a run has ended");
    world.come_in(card, 1);
    world.run();
    assert_eq!(stock(&world, 3), stock(&world, 0));
    // It is needed for a decision with all of its steps.
    world.stop(party(1));
    let decision = world.propose(0, false).unwrap();
    world.run_untimed();
    world.vote_all(decision, &[0, 2, 3]);
    world.run();
    assert!(world.member(3).certificate(&decision).is_some());
}
