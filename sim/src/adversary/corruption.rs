//! What a Byzantine party does, all together, and how often it has really done it: what is said in place
//! of a letter counts only if it is something else.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::wire;
use serde::Serialize;

use super::parts::{Place, place, round};
use super::{Adversary, Behaviour, Deviations, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// The behaviours of a member, applied one after the other; of an honest one, none.
pub struct Corruption {
    me: PartyId,
    deeds: Vec<Deed>,
    twins: Twins,
}

struct Deed {
    behaviour: Behaviour,
    adversary: Option<Box<dyn Adversary>>,
    times: u64,
}

impl Corruption {
    /// Nothing was done yet.
    pub fn new(behaviours: &[Behaviour], insider: &Insider) -> Self {
        let deed = |behaviour: &Behaviour| Deed {
            behaviour: *behaviour,
            adversary: behaviour.adversary(insider),
            times: 0,
        };
        let deeds = behaviours.iter().map(deed).collect();
        Self { me: insider.keyring.me(), deeds, twins: Twins::default() }
    }

    /// Whether anything is done at all.
    pub const fn is_honest(&self) -> bool {
        self.deeds.is_empty()
    }

    /// An epoch begins: from here on this is what the member knows of itself.
    pub fn begins(&mut self, insider: &Insider) {
        self.twins = Twins::default();
        for adversary in self.deeds.iter_mut().filter_map(|deed| deed.adversary.as_mut()) {
            adversary.begins(insider);
        }
    }

    /// What is really sent in place of a message to one recipient, of the second of twins or not.
    pub fn rewrite(&mut self, twin: bool, letter: Letter, rng: &mut Rng) -> Vec<Wire> {
        let Letter { to, inner, message } = letter;
        let mut messages = vec![message];
        for Deed { behaviour, adversary, times } in &mut self.deeds {
            let mut said = Vec::new();
            for message in messages {
                let letter = Letter { to, inner, message };
                let rewritten = adversary.as_mut().and_then(|a| a.rewrite(&letter, rng));
                let seen = match (&rewritten, &behaviour) {
                    (Some(rewritten), _) => differs(&letter.message, rewritten),
                    (None, Behaviour::Twins) => self.twins.contradict(twin, &letter),
                    (None, behaviour) => behaviour.is_in(self.me, &letter.message),
                };
                *times += u64::from(seen);
                match rewritten {
                    Some(rewritten) => said.extend(rewritten),
                    None => said.push(letter.message),
                }
            }
            messages = said;
        }
        messages
    }

    /// What is made of a result of one's own work.
    pub fn done(&mut self, message: &mut Wire, rng: &mut Rng) {
        for Deed { adversary, times, .. } in &mut self.deeds {
            if let Some(other) = adversary.as_mut().and_then(|a| a.done(message, rng)) {
                *times += 1;
                *message = other;
            }
        }
    }

    /// What is said, and to whom, because of what was heard.
    pub fn hear(&mut self, from: PartyId, message: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let mut all = Vec::new();
        for Deed { adversary, times, .. } in &mut self.deeds {
            let Some(adversary) = adversary else { continue };
            let said = adversary.hear(from, message, rng);
            *times += said.len() as u64;
            all.extend(said);
        }
        all
    }

    /// How often each behaviour was really seen.
    pub fn deviations(&self) -> Deviations {
        let mut deviations = Deviations::default();
        self.deeds.iter().for_each(|deed| deviations.count(&deed.behaviour, deed.times));
        deviations
    }
}

/// Whether what is said in place of a message is anything but that message.
pub fn differs<M: Serialize>(meant: &M, said: &[M]) -> bool {
    match said {
        [said] => wire::encode(said) != wire::encode(meant),
        _ => true,
    }
}

/// What an honest party says to somebody once: what of, of which kind, in which round.
type Once = (PartyId, Place, Kind, Option<u32>);

/// What each of twins said where an honest party says one thing.
#[derive(Default)]
struct Twins(BTreeMap<Once, [Option<Vec<u8>>; 2]>);

impl Twins {
    /// One of them says something: whether the other has said otherwise.
    fn contradict(&mut self, twin: bool, letter: &Letter) -> bool {
        let kind = Kind::of(&letter.message).filter(|kind| {
            matches!(kind, Kind::Send | Kind::Echo | Kind::Ready | Kind::Opening | Kind::Decide)
        });
        let (Some(kind), Some(place)) = (kind, place(&letter.message)) else { return false };
        let said = self.0.entry((letter.to, place, kind, round(&letter.message))).or_default();
        let [mine, other] = if twin { [1, 0] } else { [0, 1] };
        let bytes = wire::encode(&letter.message);
        let contradicts = said.get(other).and_then(Option::as_ref).is_some_and(|o| *o != bytes);
        if let Some(place) = said.get_mut(mine) {
            *place = Some(bytes);
        }
        contradicts
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_protocol::agreement::acs;
    use quorate_protocol::agreement::coin::{DdhCoin, TrustedCoinDealer};
    use quorate_protocol::agreement::rbc;
    use quorate_protocol::committee::{Committee, PartySet};
    use quorate_protocol::crypto::{Digest, Keyring};
    use quorate_protocol::decision::collect;
    use quorate_protocol::decision::stock::Policy;
    use quorate_protocol::party::Message;
    use quorate_protocol::secret::Secret;
    use quorate_protocol::tag::Tag;
    use rand::SeedableRng;

    use super::*;
    use crate::adversary::Spoil;

    fn insider() -> Insider {
        let committee = Committee::new(4).unwrap();
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let (public, mut secrets) = TrustedCoinDealer::deal(committee, &mut rng);
        let coin = DdhCoin::new(PartyId::new(0), public, secrets.swap_remove(0)).unwrap();
        Insider {
            keyring: Arc::clone(&Keyring::for_tests(4, 1)[0]),
            coin: Arc::new(coin),
            root: Tag::root(&[0; 32], 0),
            policy: Policy::for_members(4),
            seed: Secret::new([0; 32]),
        }
    }

    fn slot(message: acs::Message<quorate_protocol::agreement::coin::DdhShare>) -> Wire {
        Message::Slot(3, collect::Message::Subset(message))
    }

    /// A vote about members 1 and 2.
    fn vote(kind: acs::Kind, one: bool) -> Wire {
        let of: PartySet = [PartyId::new(1), PartyId::new(2)].into_iter().collect();
        let (zero, one) = if one { (PartySet::EMPTY, of) } else { (of, PartySet::EMPTY) };
        slot(acs::Message::Votes { round: 0, kind, zero, one, bot: PartySet::EMPTY })
    }

    fn letter(message: Wire) -> Letter {
        Letter { to: PartyId::new(1), inner: false, message }
    }

    fn times(behaviour: Behaviour, said: &[(bool, Wire)]) -> u64 {
        let mut corruption = Corruption::new(&[behaviour], &insider());
        let mut rng = Rng::seed_from_u64(1);
        for (twin, message) in said {
            corruption.rewrite(*twin, letter(message.clone()), &mut rng);
        }
        let deviations = corruption.deviations();
        deviations.all().map(|(.., times)| times).sum()
    }

    #[test]
    fn only_what_differs_from_the_letter_is_a_deviation() {
        let splits = Behaviour::SplitEstimates { part: [PartyId::new(1)].into_iter().collect() };
        assert_eq!(times(splits, &[(false, vote(acs::Kind::E1, true))]), 0, "it was that vote");
        assert_eq!(times(splits, &[(false, vote(acs::Kind::E1, false))]), 1);
        assert_eq!(times(Behaviour::Silent, &[(false, vote(acs::Kind::E1, false))]), 1);
    }

    #[test]
    fn twins_deviate_where_one_contradicts_the_other() {
        let echo = |last: u8| {
            let echo = rbc::Message::Echo(Digest::from([last; 32]));
            Message::Slot(3, collect::Message::Value(PartyId::new(1), echo))
        };
        let said = |a, b| times(Behaviour::Twins, &[(false, echo(a)), (true, echo(b))]);
        assert_eq!((said(1, 1), said(1, 2)), (0, 1));
        let both = [(false, vote(acs::Kind::E1, true)), (true, vote(acs::Kind::E1, false))];
        assert_eq!(times(Behaviour::Twins, &both), 0, "an honest party may say E1 for both");
    }

    #[test]
    fn a_refresh_is_spoilt_by_ones_own_dealing_and_not_by_others() {
        let payload = |dealer, m| {
            use quorate_protocol::keys::{ceremony::Envelope, refresh};
            use quorate_protocol::sharing::acss;
            let message = refresh::Message::Dealing(PartyId::new(dealer), acss::Message::Rbc(m));
            Message::Refresh(Box::new(Envelope::Said { number: 0, message }))
        };
        let echo = rbc::Message::Echo(Digest::from([1; 32]));
        let signature = quorate_protocol::crypto::Signature::from_bytes([0; 64]);
        let send = rbc::Message::Send { payload: Vec::new().into(), signature };
        let spoilt = |message| times(Behaviour::Spoil(Spoil::Shifted), &[(false, message)]);
        assert_eq!(spoilt(payload(1, echo.clone())), 0);
        assert_eq!(spoilt(payload(0, echo)), 0);
        assert_eq!(spoilt(payload(0, send)), 1);
    }

    #[test]
    fn who_left_early_speaks_again_in_the_next_epoch() {
        let mut corruption = Corruption::new(&[Behaviour::LeaveEarly], &insider());
        let mut rng = Rng::seed_from_u64(1);
        let mut says = |corruption: &mut Corruption, kind| {
            corruption.rewrite(false, letter(vote(kind, true)), &mut rng).len()
        };
        assert_eq!(says(&mut corruption, acs::Kind::Decide), 1);
        assert_eq!(says(&mut corruption, acs::Kind::E1), 0);
        corruption.begins(&insider());
        assert_eq!(says(&mut corruption, acs::Kind::E1), 1);
    }
}
