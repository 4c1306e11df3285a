//! Refresh: new shares of the same keys, so that old ones are worth nothing.
//!
//! Every member shares its share anew, and the new share of each is a fixed linear combination of
//! what it got: Y. Desmedt, S. Jajodia, *Redistributing secret shares to new access structures*
//! (1997), with the asynchronous complete sharing of [`acss`] and a common subset; for a committee
//! that stays, or of which one member is [replaced](newcomer). A. Herzberg, S. Jarecki, H. Krawczyk, M. Yung, *Proactive secret sharing*
//! (CRYPTO 1995), is what it is for.
//!
//! # Model
//! `n >= 3t + 1` members, `t` of them Byzantine; asynchronous links that are authenticated and
//! encrypted. The committee has the keys of one epoch, and with them coins. Discrete logarithms are
//! hard; hashes are random oracles. The *tag* names network, epoch and occasion. The adversary may
//! corrupt other members in the next epoch than in this one; a member that is corrupt while the
//! refresh goes on, or that still holds shares of both epochs, counts in both.
//!
//! # Guarantees
//! - *Agreement*: all honest members output the same public keys and the same sealing keys.
//! - *The keys stay*: the certificate key, the document key and the secret behind the coin.
//! - *Independence*: `t` shares of the old epoch and `t` of the next, together, are independent of
//!   the keys; less than `t + 1` shares of one epoch are of no use, whatever they are mixed with.
//! - *Termination*: if all honest members start, all output, with probability 1.
//! - *Recovery*: a member needs no share of its own to get one of the next epoch.
//! - No honest member is ever blamed; who deals something else than its share is.
//!
//! Not guaranteed: that a member's sealing key changes. Up to `t` slow ones keep theirs, and whoever
//! learns it later can open what was sealed to them in the old epoch: they count as corrupt in both
//! if they are in one. Nor anything while old shares are kept: erasing them is the owner's.
//!
//! # Protocol
//! - R1 Start: share our three shares, of the coin key, the certificate key and the document key,
//!   with polynomials drawn from (seed, tag, shares); reliably broadcast our new sealing key, which
//!   is drawn from the seed as well.
//! - R2 ECHO the broadcast of a sealing key only if it is one.
//! - R3 A dealer is *sound* when its sharing is complete and the constants it committed to are its
//!   public shares. It is *usable* when it is sound and its sealing key is delivered: propose 1 in
//!   its agreement. Once `n - t` agreements decided 1: propose 0 in all without a proposal. Their
//!   coins are those of the epoch that ends.
//! - R4 With `Q` the agreed dealers and `l_j` the coefficient of j in interpolation at 0 from the
//!   points of `Q`: the new share of i is the sum of `l_j f_j(i)`, and the public shares are the same
//!   combination of the commitments, at every i.
//! - R5 Each member of `Q` has its new sealing key from here on, the others their old one.
//!
//! # Why it works
//! *The keys stay.* `f_j(0)` is the old share of j, so the sum of `l_j f_j` is a polynomial of degree
//! `t` whose constant is interpolated from old shares. R3 compares public values that all honest
//! members have alike, so they judge alike and *usable is total*.
//!
//! *Independence.* `Q` has `n - 2t >= t + 1` honest dealers and no `l_j` is zero, so all coefficients
//! but the constant are uniform, whatever the old shares were. Of each honest dealer's polynomial the
//! adversary has `t` values, and the constant only in the exponent.
//!
//! *Termination.* Honest dealers become usable everywhere. An agreement that has ended at an honest
//! member with 1 had it usable at one, hence at all.
//!
//! # Cost
//! Eight message delays without faults: six for a sharing, two for agreement. `n` sharings, each of
//! `3 (t + 1)` points and `n` sealed share vectors of 128 bytes; `n` short broadcasts; one common
//! subset.
//!
//! # Differences from the papers
//! Herzberg and others add sharings of zero to the old shares. Sharing the shares anew costs the same
//! and needs no old share of the receiver, so a member that lost its share, or was away for an epoch,
//! gets one.
//!
//! # End
//! After its output an instance must go on until [`Refresh::halted`]; then others need nothing new of
//! it, but may still have to get what it has sent.

use std::fmt;
use std::sync::Arc;

use crate::agreement::acs::CommonSubset;
use crate::agreement::coin::{CoinPublic, DdhCoin};
use crate::agreement::rbc::{self, Delivery, Mode, Rbc};
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::group::{RistrettoPoint, VartimeMultiscalarMul};
use crate::crypto::point::Point;
use crate::crypto::seal::{SealingKey, SealingPublic};
use crate::crypto::{Digest, Identities, Keyring, Transcript};
use crate::error::Error;
use crate::fault::KeyFault;
use crate::keys::ceremony::Making;
use crate::keys::key_set::{GroupKey, KeySet, PublicKeys, SecretKeys};
use crate::math::{Field, Fl, lagrange_row};
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::acss::scalar::{Commitments, Curve, ScalarShares, Scalars, evaluate};
use crate::sharing::acss::{self, Acss};
use crate::tag::Tag;
use crate::wire;
use crate::zoo::{self, Mutant};

mod message;
pub mod newcomer;
mod public;
#[cfg(test)]
mod tests;

pub use message::Message;
pub(crate) use public::{dealing, sealing_broadcast, sealing_public};
use public::{dealing_tag, dealt};

/// Numbers of the shares in a dealing.
const COIN: usize = 0;
const CERTIFICATE: usize = 1;
const DOCUMENT: usize = 2;
/// The group of each.
const CURVES: [Curve; 3] = [Curve::Ristretto, Curve::Edwards, Curve::Edwards];

/// Bytes of a sealing key.
const SEALING_BYTES: usize = 32;

/// What a member has of an epoch that was reached by a refresh.
#[derive(Clone)]
pub struct Refreshed {
    /// Its shares, and the public keys.
    pub keys: KeySet,
    /// What is sealed to each member with.
    pub sealing: PartyMap<SealingPublic>,
    /// Our own sealing key.
    pub sealing_key: SealingKey,
}

impl Refreshed {
    /// The name of what all members have alike.
    pub fn digest(&self) -> Digest {
        Transcript::new(&Tag::root(&[0; 32], self.keys.epoch()), "refreshed")
            .bytes(self.keys.public().digest().as_bytes())
            .bytes(&wire::encode(&self.sealing))
            .digest()
    }

    /// The encoding, to be stored sealed.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let keys = self.keys.to_bytes();
        let sealing_key = self.sealing_key.to_bytes();
        let stored = (keys.expose().as_slice(), &self.sealing, sealing_key.expose());
        Secret::new(wire::encode(&stored))
    }

    /// Reads an encoding; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: (Vec<u8>, PartyMap<SealingPublic>, [u8; 32]) =
            wire::decode(bytes, bytes.len()).ok()?;
        let (keys, sealing, sealing_key) = stored;
        let (keys, sealing_key) = (Secret::new(keys), Secret::new(sealing_key));
        Some(Self {
            keys: KeySet::from_bytes(keys.expose()).ok()?,
            sealing,
            sealing_key: SealingKey::from_bytes(sealing_key.expose())?,
        })
    }

    /// Our keyring of the epoch.
    ///
    /// # Errors
    /// It is of another member.
    pub fn keyring(&self, identities: &Arc<Identities>) -> Result<Keyring, Error> {
        Keyring::with(Arc::clone(identities), self.sealing_key.clone(), self.sealing.clone())
    }
}

/// Nothing secret.
impl fmt::Debug for Refreshed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refreshed(epoch {})", self.keys.epoch())
    }
}

/// One member's instance of a refresh.
pub struct Refresh {
    keyring: Arc<Keyring>,
    /// Of the epoch that ends.
    epoch: u64,
    public: Arc<PublicKeys>,
    /// What we deal, and from what seed; a newcomer has nothing.
    own: Option<Own>,
    /// Whose seat goes to a newcomer.
    newcomer: Option<PartyId>,
    started: bool,
    dealings: PartyMap<Acss<Scalars>>,
    shares: PartyMap<Option<ScalarShares>>,
    broadcasts: PartyMap<Rbc>,
    /// Senders of what is no sealing key.
    malformed: PartySet,
    sealing: PartyMap<Option<SealingPublic>>,
    subset: CommonSubset<DdhCoin>,
    dealers: Option<PartySet>,
}

/// What a member brings along that was one in the epoch before.
struct Own {
    keys: Arc<KeySet>,
    seed: Secret<[u8; 32]>,
    /// Its sealing key in the next epoch, if its dealing counts.
    sealing_key: SealingKey,
}

/// What a corrupt member does otherwise, for tests and simulations. By default: nothing.
#[derive(Clone, Debug, Default)]
pub struct Deviation {
    /// In its dealing.
    pub dealing: acss::Deviation,
    /// Is added to the shares that it deals.
    pub shift: Option<Fl>,
    /// Is broadcast in place of its next sealing key.
    pub sealing: Option<[u8; SEALING_BYTES]>,
}

/// How far a refresh has come at one member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Members whose sharing is complete and sound here.
    pub complete: PartySet,
    /// Members whose new sealing key was delivered here.
    pub sealing: PartySet,
    /// Members about whose dealing is decided.
    pub resolved: PartySet,
    /// The dealers that the new shares are made of, once they are known.
    pub dealers: Option<PartySet>,
}

impl Refresh {
    /// The instance `tag`, from the epoch of `keys` to the next. `seed` is the root of all of this
    /// member's randomness in it and in the next epoch.
    ///
    /// # Errors
    /// The keys are of another member than the keyring.
    pub fn new(
        keyring: Arc<Keyring>,
        keys: Arc<KeySet>,
        tag: &Tag,
        seed: Secret<[u8; 32]>,
    ) -> Result<Self, Error> {
        let (committee, me) = (keyring.committee(), keyring.me());
        if keys.me() != me || keys.committee() != committee {
            return Err(Error::KeyMismatch { what: "the keys are of another member" });
        }
        let coin = Arc::new(keys.coin()?);
        let subset = CommonSubset::new(committee, me, tag.child("agreements"), coin);
        let mut drawn = Transcript::new(tag, "sealing key of the next epoch");
        let sealing_key = SealingKey::generate(&mut drawn.bytes(seed.expose()).rng());
        let (epoch, public) = (keys.epoch(), Arc::clone(keys.public()));
        let own = Some(Own { keys, seed, sealing_key });
        Ok(Self::of(keyring, (epoch, public), tag, own, subset))
    }

    /// The same for a [newcomer], which knows of the epoch that ends its number and what
    /// is public of its keys. The keyring has the newcomer at its seat, as the others'.
    pub fn entering(keyring: Arc<Keyring>, epoch: u64, public: Arc<PublicKeys>, tag: &Tag) -> Self {
        let (committee, me) = (keyring.committee(), keyring.me());
        let subset = CommonSubset::without_coins(committee, me, tag.child("agreements"));
        Self::of(keyring, (epoch, public), tag, None, subset).with_newcomer(me)
    }

    /// The same with a [newcomer] at this seat, whose keys the keyring has there.
    #[must_use]
    pub const fn with_newcomer(mut self, seat: PartyId) -> Self {
        self.newcomer = Some(seat);
        self
    }

    fn of(
        keyring: Arc<Keyring>,
        (epoch, public): (u64, Arc<PublicKeys>),
        tag: &Tag,
        own: Option<Own>,
        subset: CommonSubset<DdhCoin>,
    ) -> Self {
        let committee = keyring.committee();
        let dealing = |dealer: PartyId| {
            let tag = dealing_tag(tag, dealer);
            Acss::scalars(Arc::clone(&keyring), dealer, tag, dealt()).taking_offers()
        };
        let broadcast = |sender: PartyId| {
            let tag = sealing_broadcast(tag, sender);
            let mode = Mode::Short { limit: SEALING_BYTES };
            Rbc::new(Arc::clone(&keyring), sender, tag, mode).gated().taking_offers()
        };
        Self {
            epoch,
            public,
            own,
            newcomer: None,
            started: false,
            dealings: PartyMap::from_fn(committee, dealing),
            shares: PartyMap::new(committee),
            broadcasts: PartyMap::from_fn(committee, broadcast),
            malformed: PartySet::EMPTY,
            sealing: PartyMap::new(committee),
            subset,
            dealers: None,
            keyring,
        }
    }

    /// R1. Deals our shares, and says what our next sealing key is. A newcomer does neither (W2).
    ///
    /// # Errors
    /// We have started before.
    pub fn start(&mut self, out: &mut dyn Outbox<Message>) -> Result<(), Error> {
        self.start_with(Deviation::default(), out)
    }

    /// Starts the way a corrupt member would, for tests and simulations.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        &mut self,
        deviation: Deviation,
        out: &mut dyn Outbox<Message>,
    ) -> Result<(), Error> {
        if std::mem::replace(&mut self.started, true) {
            return Err(Error::AlreadyGiven { what: "the start of a refresh" });
        }
        let (me, Deviation { dealing, shift, sealing }) = (self.keyring.me(), deviation);
        let Some(Own { keys, seed, sealing_key }) = &self.own else { return Ok(()) };
        let SecretKeys { coin, certificate, document } = keys.secret();
        let shift = shift.unwrap_or(Fl::ZERO);
        let shares = [coin, certificate, document].map(|share| *share.expose() + shift);
        let wrap = move |m| Message::Dealing(me, m);
        let shares = shares.into_iter().collect();
        self.dealings[me].deal_with(shares, seed, dealing, &mut out.wrap(wrap))?;
        let sealing = sealing.unwrap_or_else(|| sealing_key.public().to_bytes());
        let wrap = move |m| Message::Sealing(me, m);
        self.broadcasts[me].broadcast(sealing.to_vec().into(), &mut out.wrap(wrap))?;
        self.subset.close(&mut out.wrap(Message::Agreement));
        Ok(())
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let there = |(party, some)| if some { Some(party) } else { None };
        let complete = self.shares.iter().map(|(party, shares)| (party, shares.is_some()));
        let sealing = self.sealing.iter().map(|(party, key)| (party, key.is_some()));
        Progress {
            complete: complete.filter_map(there).collect(),
            sealing: sealing.filter_map(there).collect(),
            resolved: self.subset.resolved(),
            dealers: self.dealers,
        }
    }

    /// Members who have not done their part in what is under way; nobody once there is output.
    pub fn waiting_for(&self) -> PartySet {
        if self.dealers.is_some() {
            return PartySet::EMPTY;
        }
        let Progress { complete, sealing, .. } = self.progress();
        let mut missing = self.committee().everyone().difference(complete.intersection(sealing));
        if let Some(newcomer) = self.newcomer {
            missing.remove(newcomer);
        }
        missing
    }

    /// Whether the output was given and nobody needs anything new from this instance.
    pub fn halted(&self) -> bool {
        self.subset.halted()
    }

    fn committee(&self) -> Committee {
        self.keyring.committee()
    }

    /// Whether the constants that `dealer` committed to are its public shares (R3).
    fn is_sound(&self, dealer: PartyId, commitments: &Commitments) -> bool {
        let public = &self.public;
        let constant = |secret| commitments.edwards(secret).and_then(<[Point]>::first);
        let coin = commitments.ristretto(COIN).and_then(<[RistrettoPoint]>::first);
        coin == public.coin.shares().values().get(dealer.index())
            && constant(CERTIFICATE) == Some(&public.certificate.shares()[dealer])
            && constant(DOCUMENT) == Some(&public.document.shares()[dealer])
    }

    fn on_dealing(
        &mut self,
        from: PartyId,
        dealer: PartyId,
        message: acss::Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<PartySet> {
        let wrap = move |m| Message::Dealing(dealer, m);
        let shares = self.dealings[dealer].handle(from, message, &mut out.wrap(wrap))?;
        let sound = self.is_sound(dealer, &shares.commitments);
        if !sound && !zoo::on(Mutant::RefreshAnything) {
            out.blame(dealer, KeyFault::AnotherShare);
            return None;
        }
        self.shares[dealer] = Some(shares);
        self.try_use(dealer, out)
    }

    fn on_sealing(
        &mut self,
        from: PartyId,
        sender: PartyId,
        message: crate::agreement::rbc::Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<PartySet> {
        let wrap = move |m| Message::Sealing(sender, m);
        let delivery = self.broadcasts[sender].handle(from, message, &mut out.wrap(wrap));
        self.try_echo(sender, out);
        if let Some(Delivery::Payload(payload)) = delivery {
            self.sealing[sender] = sealing_public(&payload);
        }
        self.try_use(sender, out)
    }

    /// R2
    fn try_echo(&mut self, sender: PartyId, out: &mut dyn Outbox<Message>) {
        let Some(payload) = self.broadcasts[sender].held() else { return };
        if sealing_public(payload).is_some() {
            let wrap = move |m| Message::Sealing(sender, m);
            self.broadcasts[sender].approve(&mut out.wrap(wrap));
        } else if self.malformed.insert(sender) {
            out.accuse(sender, KeyFault::BadSealingKey, self.broadcasts[sender].signed());
        }
    }

    /// R3
    fn try_use(&mut self, dealer: PartyId, out: &mut dyn Outbox<Message>) -> Option<PartySet> {
        if self.shares[dealer].is_none() || self.sealing[dealer].is_none() {
            return None;
        }
        self.subset.usable(dealer, &mut out.wrap(Message::Agreement))
    }

    /// R4 and R5. All of the agreed dealers are usable here.
    fn output(&mut self, agreed: PartySet) -> Option<Refreshed> {
        let (committee, public) = (self.committee(), &self.public);
        let dealt: Option<Vec<&ScalarShares>> =
            agreed.iter().map(|dealer| self.shares[dealer].as_ref()).collect();
        let dealt = dealt?;
        let points: Vec<Fl> = agreed.iter().map(|dealer| Fl::from_u64(dealer.point())).collect();
        let row = lagrange_row(&points, Fl::ZERO);
        let share = |secret: usize| {
            let mut sum = Secret::new(Fl::ZERO);
            for (coefficient, shares) in row.iter().zip(&dealt) {
                let share = shares.shares.get(secret).copied().unwrap_or_default();
                *sum.expose_mut() += *coefficient * share;
            }
            sum
        };
        let signing = |secret: usize, old: &GroupKey| {
            let columns = columns(committee, &dealt, |c| c.edwards(secret))?;
            let combined: Vec<Point> =
                columns.iter().map(|column| Point::combine(row.iter().copied(), column)).collect();
            let shares: Option<Vec<Point>> =
                committee.parties().map(|party| evaluate(&combined, party)).collect();
            let new = GroupKey::new(committee, PartyMap::from_vec(committee, shares?)?).ok()?;
            (new.key() == old.key()).then_some(new)
        };
        let coin = columns(committee, &dealt, |c| c.ristretto(COIN))?;
        let scalars = || row.iter().map(Fl::scalar);
        let coin: Vec<RistrettoPoint> = coin
            .iter()
            .map(|column| RistrettoPoint::vartime_multiscalar_mul(scalars(), column))
            .collect();
        let coin: Option<Vec<_>> =
            committee.parties().map(|party| evaluate(&coin, party)).collect();
        let new = PublicKeys {
            coin: CoinPublic::new(PartyMap::from_vec(committee, coin?)?),
            certificate: signing(CERTIFICATE, &public.certificate)?,
            document: signing(DOCUMENT, &public.document)?,
        };
        let secret = SecretKeys {
            coin: share(COIN),
            certificate: share(CERTIFICATE),
            document: share(DOCUMENT),
        };
        let me = self.keyring.me();
        let keys = KeySet::new(committee, me, self.epoch + 1, new, secret).ok()?;
        let of = |party| {
            let new = self.sealing[party].filter(|_| agreed.contains(party));
            new.unwrap_or_else(|| *self.keyring.sealing_of(party))
        };
        let new = self.own.as_ref().filter(|_| agreed.contains(me));
        let refreshed = Refreshed {
            keys,
            sealing: PartyMap::from_fn(committee, of),
            sealing_key: new.map_or(self.keyring.sealing(), |own| &own.sealing_key).clone(),
        };
        self.dealers = Some(agreed);
        Some(refreshed)
    }
}

impl Making for Refresh {
    type Deviation = Deviation;

    fn begin(&mut self, deviation: Deviation, out: &mut dyn Outbox<Message>) -> Result<(), Error> {
        self.start_with(deviation, out)
    }

    /// The public payloads: all else that an honest member lacks of a dealer that keeps to the protocol
    /// is said to it without being asked for.
    fn farewell(&self) -> Vec<Message> {
        let dealings = self.dealings.iter();
        let dealings = dealings.filter_map(|(p, acss)| Some(Message::Dealing(p, acss.offer()?)));
        let sealing = self.broadcasts.iter().filter_map(|(p, rbc)| {
            let payload = rbc.delivered()?.clone();
            Some(Message::Sealing(p, rbc::Message::Payload(payload)))
        });
        dealings.chain(sealing).collect()
    }

    fn digest(made: &Refreshed) -> Digest {
        made.digest()
    }

    fn to_bytes(made: &Refreshed) -> Secret<Vec<u8>> {
        made.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Refreshed> {
        Refreshed::from_bytes(bytes)
    }
}

/// The dealers' commitments to one share each, coefficient by coefficient.
fn columns<'a, G: Copy + 'a>(
    committee: Committee,
    dealt: &[&'a ScalarShares],
    of: impl Fn(&'a Commitments) -> Option<&'a [G]>,
) -> Option<Vec<Vec<G>>> {
    let rows: Option<Vec<&[G]>> = dealt.iter().map(|shares| of(&shares.commitments)).collect();
    let rows = rows?;
    let column = |k: usize| rows.iter().map(|row| row.get(k).copied()).collect();
    (0..=committee.degree()).map(column).collect()
}

impl Protocol for Refresh {
    type Message = Message;
    type Output = Refreshed;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<Refreshed> {
        let (committee, me) = (self.committee(), self.keyring.me());
        let out: &mut dyn Outbox<Message> = match self.newcomer {
            Some(seat) if seat == me => &mut newcomer::Asking(out), // W2
            // W3
            Some(seat) if seat == from && !newcomer::is_question(&message) => return None,
            _ => out,
        };
        let agreed = match message {
            Message::Dealing(about, _) | Message::Sealing(about, _)
                if !committee.contains(about) =>
            {
                out.blame(from, KeyFault::OutOfPlace);
                None
            }
            Message::Dealing(dealer, message) => self.on_dealing(from, dealer, message, out),
            Message::Sealing(sender, message) => self.on_sealing(from, sender, message, out),
            Message::Agreement(message) => {
                self.subset.handle(from, message, &mut out.wrap(Message::Agreement))
            }
        }?;
        self.output(agreed)
    }
}

/// Nothing secret.
impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh")
            .field("me", &self.keyring.me())
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
