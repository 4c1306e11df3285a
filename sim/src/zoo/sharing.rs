//! Single verifiable sharings, of field elements and of scalars, in which the dealer lies or others do.

use std::sync::Arc;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::math::{F7, Field, Fl, Fp61, PrimeField, lagrange_row};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::acss::scalar::{Curve, Forgery, ScalarShares, Scalars};
use quorate_protocol::sharing::acss::{
    Acss, Complaint, Deviation, Elements, ElementsProof, Local, Message, NoStatement, Public,
    Scheme, Statement,
};
use quorate_protocol::sharing::shamir;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire;
use rand::{RngExt, SeedableRng};

use super::campaign::{CAMPAIGN, Verdict, fails, holds};
use super::net::{Collected, Net};
use crate::Rng;
use crate::adversary::made_up;

type Plain<F> = Elements<F, NoStatement>;

const DEALER: PartyId = PartyId::new(0);
const HELPER: PartyId = PartyId::new(1);

/// A kind of sharing as the campaigns deal by it.
trait Kind: Scheme + Sized {
    fn instance(keyring: Arc<Keyring>, dealer: PartyId, tag: Tag) -> Acss<Self>;
    fn secrets(rng: &mut Rng) -> Shares<Self::Field>;
    fn shares(output: &Self::Output) -> &Shares<Self::Field>;
    fn forgery(rng: &mut Rng) -> Option<Forgery>;
}

impl<F: PrimeField, S: Statement<F> + Default> Kind for Elements<F, S> {
    fn instance(keyring: Arc<Keyring>, dealer: PartyId, tag: Tag) -> Acss<Self> {
        Acss::new(keyring, dealer, tag, 3, S::default())
    }

    fn secrets(rng: &mut Rng) -> Shares<F> {
        (0..3).map(|_| F::random(rng)).collect()
    }

    fn shares(output: &Shares<F>) -> &Shares<F> {
        output
    }

    fn forgery(_: &mut Rng) -> Option<Forgery> {
        None
    }
}

impl Kind for Scalars {
    fn instance(keyring: Arc<Keyring>, dealer: PartyId, tag: Tag) -> Acss<Self> {
        Acss::scalars(keyring, dealer, tag, Self::new(vec![Curve::Edwards, Curve::Ristretto]))
    }

    fn secrets(rng: &mut Rng) -> Shares<Fl> {
        (0..2).map(|_| Fl::random(rng)).collect()
    }

    fn shares(output: &ScalarShares) -> &Shares<Fl> {
        &output.shares
    }

    fn forgery(rng: &mut Rng) -> Option<Forgery> {
        let all = [Forgery::Longer, Forgery::Shorter, Forgery::Empty];
        all.get(rng.random_range(0..6)).cloned()
    }
}

fn tag() -> Tag {
    Tag::root(&[5; 32], 0).child("sharing")
}

/// What a dealer that lies does otherwise.
fn deviation<K: Kind>(committee: Committee, rng: &mut Rng) -> Deviation {
    let some = |rng: &mut Rng| -> PartySet {
        committee.parties().filter(|p| *p != DEALER && rng.random_range(0..3) == 0).collect()
    };
    let mut deviation = Deviation { forgery: K::forgery(rng), ..Deviation::default() };
    match rng.random_range(0..6) {
        0 | 1 => deviation.wrong_share = some(rng),
        2 => deviation.junk = some(rng),
        3 => deviation.scattered = some(rng),
        4 => deviation.omitted = some(rng),
        _ => deviation.excess_degree = usize::from(deviation.forgery.is_none()),
    }
    deviation
}

/// The same with a byte changed.
fn changed(bytes: &[u8]) -> wire::Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    bytes.into()
}

/// What a party that lies says in place of a message.
fn lie(message: Message, hasty: bool, rng: &mut Rng) -> Vec<Message> {
    let early = |rng: &mut Rng| match rng.random_range(0..12) {
        _ if !hasty => Vec::new(),
        0 => vec![Message::Ok, Message::Done],
        1 => vec![Message::Ok],
        2 => vec![Message::Done],
        _ => Vec::new(),
    };
    let mut said = early(rng);
    match message {
        Message::Ok | Message::Done if rng.random() => {}
        Message::Ok if rng.random() => said.extend(made_up(64, rng).map(Message::Complain)),
        Message::Forward(mut shard) if rng.random_range(0..3) == 0 => {
            shard.bytes = changed(&shard.bytes);
            said.push(Message::Forward(shard));
        }
        Message::Shards(mut shards) if rng.random_range(0..4) == 0 => {
            let wrong = rng.random_range(0..shards.len().max(1));
            if let Some(shard) = shards.get_mut(wrong) {
                shard.bytes = changed(&shard.bytes);
            }
            said.push(Message::Shards(shards));
        }
        Message::Reveal(share) if rng.random() => said.push(Message::Reveal(changed(&share))),
        Message::Reveal(_) if rng.random() => {}
        message => said.push(message),
    }
    said
}

/// Everybody's keys.
fn keyrings(n: usize) -> (Committee, Vec<Arc<Keyring>>) {
    let committee = Committee::new(n).expect("a committee of four or seven");
    (committee, Keyring::for_tests(n, 1))
}

/// One sharing among four, or, now and then, seven.
fn sharing<K: Kind>(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let (committee, keyrings) = keyrings(if seed % 8 == 7 { 7 } else { 4 });
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let bad_dealer: bool = rng.random();
    let first = if bad_dealer { 0 } else { 1 };
    let liars = committee.parties().skip(first).take(committee.t());
    let (secrets, deviation) = (K::secrets(&mut rng), deviation::<K>(committee, &mut rng));
    let deviation = if bad_dealer { deviation } else { Deviation::default() };
    let (dealt, hasty) = (secrets.to_vec(), rng.random());
    let mut net = Net::new(committee, rng, |party| K::instance(keyring(party), DEALER, tag()))
        .lying(liars, |_, _, message, rng| lie(message, hasty, rng));
    net.input(0, DEALER, move |acss, out| {
        let _dealt = acss.deal_with(secrets, &Secret::new([6; 32]), deviation, out);
        None
    });
    net.run()?;
    let complete = net.honest().any(|party| net.parties[party].complete());
    net.all_or_none(!bad_dealer || complete)?;
    let given: Vec<(PartyId, &Shares<K::Field>)> =
        net.given().into_iter().map(|(party, output)| (party, K::shares(output))).collect();
    consistent(committee, &given)?;
    let right = bad_dealer || opened(committee, &given) == Some(dealt);
    holds("correctness", right, "not what the honest dealer dealt")
}

/// Whether the shares are of polynomials of degree `t`.
fn consistent<F: Field>(committee: Committee, given: &[(PartyId, &Shares<F>)]) -> Verdict {
    let Some((base, others)) = given.split_at_checked(committee.one_honest()) else {
        return Ok(());
    };
    let points: Vec<F> = base.iter().map(|(party, _)| shamir::point(*party)).collect();
    for (party, shares) in others {
        let row = lagrange_row(&points, shamir::point(*party));
        for (place, share) in shares.iter().enumerate() {
            let at = |(_, shares): &(PartyId, &Shares<F>)| shares.get(place).copied();
            let expected: Option<F> =
                base.iter().map(at).zip(&row).map(|(share, weight)| Some(share? * *weight)).sum();
            holds("shares", expected == Some(*share), "a share is off the polynomial")?;
        }
    }
    Ok(())
}

/// The secrets behind the shares.
fn opened<F: Field>(committee: Committee, given: &[(PartyId, &Shares<F>)]) -> Option<Vec<F>> {
    let count = given.first()?.1.len();
    let secret = |place| {
        let shares: Option<Vec<(PartyId, F)>> =
            given.iter().map(|(party, shares)| Some((*party, *shares.get(place)?))).collect();
        shamir::reconstruct(committee, &shares?)
    };
    (0..count).map(secret).collect()
}

/// One sharing of field elements.
pub(super) fn elements(seed: u64) -> Verdict {
    sharing::<Plain<Fp61>>(seed)
}

/// One sharing of scalars.
pub(super) fn scalars(seed: u64) -> Verdict {
    sharing::<Scalars>(seed)
}

/// What honest parties get of an honest dealer of these secrets, and all that is said meanwhile.
#[expect(clippy::type_complexity, reason = "shares by party, and bytes")]
fn honestly<K: Kind>(
    secrets: Shares<K::Field>,
    seed: u64,
    dealing: Option<Deviation>,
) -> Result<(Vec<(PartyId, Shares<K::Field>)>, Vec<Vec<u8>>), crate::report::Violation> {
    let (committee, keyrings) = keyrings(4);
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let mut said = Vec::new();
    let liar: PartySet = dealing.iter().map(|_| DEALER).collect();
    let mut net = Net::new(committee, Rng::seed_from_u64(seed), |party| {
        K::instance(keyring(party), DEALER, tag().indexed("of", seed))
    })
    .lying(liar.iter(), |_, _, message, _| vec![message])
    .watched(|_, _, _, out| {
        let encoded = out.iter().map(|(_, message)| message);
        let encoded = encoded.filter(|m| !matches!(m, Message::Local(_)));
        said.extend(encoded.map(wire::encode));
        Ok(())
    });
    net.input(0, DEALER, move |acss, out| {
        let deviation = dealing.unwrap_or_default();
        let _dealt = acss.deal_with(secrets, &Secret::new([7; 32]), deviation, out);
        None
    });
    net.run()?;
    let given = net.given().into_iter();
    let given = given.map(|(party, output)| (party, K::shares(output).clone())).collect();
    drop(net);
    Ok((given, said))
}

/// Sharings of one number in a tiny field: each party's share is any number, whatever the secret.
pub(super) fn count(seed: u64) -> Verdict {
    const DEALINGS: u64 = 100;
    let secret = F7::from_u64(seed);
    let mut equal = [0; 4];
    let mut all = 0;
    for dealing in 0..DEALINGS / 3 {
        let secrets: Shares<F7> = vec![secret; 3].into();
        let seed = seed * DEALINGS + dealing;
        let (given, _) = honestly::<Plain<F7>>(secrets, seed, None)?;
        all += 3;
        for (party, shares) in &given {
            if let Some(equal) = equal.get_mut(party.index()) {
                *equal += shares.iter().filter(|share| **share == secret).count();
            }
        }
    }
    let likely = |equal: &usize| (1..all / 2).contains(equal);
    let likely = equal.iter().all(likely);
    holds("secrecy count", likely, "a share in a tiny field says something about the secret")
}

/// Dealings of too high a degree in a tiny field: they pass with the chance that two checks leave.
pub(super) fn soundness(seed: u64) -> Verdict {
    const DEALINGS: u64 = 60;
    let mut passed = 0;
    for dealing in 0..DEALINGS {
        let seed = seed * DEALINGS + dealing;
        let mut rng = Rng::seed_from_u64(seed);
        let deviation = Deviation { excess_degree: 1, ..Deviation::default() };
        let secrets = <Plain<F7> as Kind>::secrets(&mut rng);
        let (given, _) = honestly::<Plain<F7>>(secrets, seed, Some(deviation))?;
        passed += usize::from(!given.is_empty());
    }
    holds("soundness count", passed < 2, "dealings of too high a degree pass too often")
}

/// The same dealer shares two secrets under one name: nobody sees the difference.
pub(super) fn twice(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let secrets = <Plain<Fp61> as Kind>::secrets(&mut rng);
    let others: Shares<Fp61> = secrets.iter().map(|secret| *secret + Fp61::ONE).collect();
    let (first, _) = honestly::<Plain<Fp61>>(secrets, seed, None)?;
    let (second, _) = honestly::<Plain<Fp61>>(others, seed, None)?;
    let same = first.iter().zip(&second).any(|((_, first), (_, second))| {
        first.iter().zip(second.iter()).all(|(first, second)| *first + Fp61::ONE == *second)
    });
    holds("secrecy", !same, "shares of two secrets under one name differ by what the secrets do")
}

/// No share of an honest dealing travels in the clear.
pub(super) fn canary(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let (given, said) = honestly::<Plain<Fp61>>(Plain::<Fp61>::secrets(&mut rng), seed, None)?;
    let shares = given.iter().filter_map(|(_, shares)| Some(wire::encode(shares.first()?)));
    let shares: Vec<Vec<u8>> = shares.collect();
    let seen = |bytes: &Vec<u8>| {
        shares.iter().any(|share| bytes.windows(share.len()).any(|window| window == *share))
    };
    holds("canary", !said.iter().any(seen), "a share travels in the clear")
}

/// A dealer that publishes what another dealer published: nobody lets it go on.
pub(super) fn rogue(seed: u64) -> Verdict {
    let (committee, keyrings) = keyrings(4);
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let mut rng = Rng::seed_from_u64(seed);
    let mut victim = Scalars::instance(keyring(HELPER), HELPER, tag());
    let mut out = Collected::default();
    let _dealt = victim.deal(Scalars::secrets(&mut rng), &Secret::new([8; 32]), &mut out);
    let Some(payload) = dealt(out) else { return fails(CAMPAIGN, "nothing to copy") };
    let forgery = Some(Forgery::Copied(payload));
    let deviation = Deviation { forgery, ..Deviation::default() };
    let secrets = Scalars::secrets(&mut rng);
    let mut net = Net::new(committee, rng, |p| Scalars::instance(keyring(p), DEALER, tag()))
        .lying([DEALER], |_, _, message, _| vec![message])
        .watched(|_, by, _, said| {
            let echoes = |m: &Message| matches!(m, Message::Rbc(rbc::Message::Echo(_)));
            if said.iter().any(|(_, message)| echoes(message)) {
                return fails("knowledge", format!("{by} echoes what its dealer does not know"));
            }
            Ok(())
        });
    net.input(0, DEALER, move |acss, out| {
        let _dealt = acss.deal_with(secrets, &Secret::new([6; 32]), deviation, out);
        None
    });
    net.run()
}

/// The public part of a dealing.
fn dealt(out: Collected<Message>) -> Option<wire::Bytes> {
    out.work().into_iter().find_map(|message| match message {
        Message::Local(Local::Dealt(dealing)) => Some(dealing.payload),
        _ => None,
    })
}

/// No share is in what is printed of a sharing.
pub(super) fn logs(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let (given, _) = honestly::<Plain<Fp61>>(Plain::<Fp61>::secrets(&mut rng), seed, None)?;
    for (_, shares) in &given {
        let (text, first) = (format!("{shares:?}"), shares.first().map(|share| share.to_u64()));
        let printed = first.is_some_and(|first| text.contains(&first.to_string()));
        holds("canary", !printed, "a share is in a log")?;
    }
    Ok(())
}

/// A dealer that copies an honest dealer's sealing key onto junk: nobody may complain with a key that
/// opens what the honest dealer sealed.
pub(super) fn copied(seed: u64) -> Verdict {
    let mut rng = Rng::seed_from_u64(seed);
    let (committee, keyrings) = keyrings(4);
    let keyring = |party: PartyId| keyrings.get(party.index()).map(Arc::clone).expect("one each");
    let victim = {
        let mut dealer = Plain::<Fp61>::instance(keyring(HELPER), HELPER, tag());
        let mut out = Collected::default();
        let secrets = <Plain<Fp61> as Kind>::secrets(&mut rng);
        let _dealt = dealer.deal(secrets, &Secret::new([8; 32]), &mut out);
        dealt(out)
    };
    let public: Option<Public<Vec<Digest>, ElementsProof<Fp61, ()>>> =
        victim.and_then(|payload| wire::decode(&payload, payload.len()).ok());
    let Some(public) = public else { return fails(CAMPAIGN, "no dealing to copy from") };
    let victims: PartySet = committee.parties().filter(|party| *party != DEALER).collect();
    let deviation =
        Deviation { junk: victims, header: Some(public.header), ..Deviation::default() };
    let secrets = <Plain<Fp61> as Kind>::secrets(&mut rng);
    let mut net =
        Net::new(committee, rng, |party| Plain::<Fp61>::instance(keyring(party), DEALER, tag()))
            .lying([DEALER], |_, _, message, _| vec![message])
            .watched(|_, by, _, said| {
                let opens = |message: &Message| {
                    matches!(message, Message::Complain(Complaint::BadShare { .. }))
                };
                if said.iter().any(|(_, message)| opens(message)) {
                    return fails(
                        "sealing",
                        format!("{by} gives away its key to an honest dealing"),
                    );
                }
                Ok(())
            });
    net.input(0, DEALER, move |acss, out| {
        let _dealt = acss.deal_with(secrets, &Secret::new([6; 32]), deviation, out);
        None
    });
    net.run()
}
