//! Key generation: the committee makes its keys, and nobody ever holds one.
//!
//! After S. Das, T. Yurek, Z. Xiang, A. Miller, L. Kokoris-Kogias, L. Ren, *Practical Asynchronous
//! Distributed Key Generation*, IEEE S&P 2022.
//!
//! # Model
//! `n >= 3t + 1` members, `t` of them Byzantine; asynchronous links that are authenticated and
//! encrypted; nothing else was set up but members' own identity and sealing keys. Discrete
//! logarithms are hard; hashes are random oracles. The *tag* names network and ceremony.
//!
//! # Guarantees
//! - *Agreement*: all honest members output the same public keys.
//! - *Correctness*: any `t + 1` honest members' shares determine the secrets of these public keys,
//!   by polynomials of degree `t`.
//! - *Termination*: if all honest members start, all output, with probability 1.
//! - *Secrecy*: `t` members learn nothing of a secret but what its public key and their own choice
//!   of their part in it tell; nobody puts a key together.
//! - No honest member is ever blamed.
//!
//! Not guaranteed: that keys are uniform. Who deals last, knowing the others' commitments, can
//! choose among a few; that helps nobody to know a secret, and is harmless for Schnorr signatures and
//! the coin. Nor that every honest member's part is in: up to `t` slow ones are left out, and hold
//! shares like all others.
//!
//! # Protocol
//! - K1 Start: share four random scalars, drawn from (seed, tag): a part of the coin key, of the
//!   certificate key, of the document key, and of the *boot* keys that toss the coins in here.
//! - K2 A dealer is *complete* here when its sharing has given its output. Once `n - t` are:
//!   broadcast `T_me`, the set of those that are, once.
//! - K3 ECHO the broadcast of `T_j` only once it is well formed, of at least `n - t` dealers, and all
//!   of them are complete here. Until then it is kept.
//! - K4 `T_j` is *usable* when it is delivered and all its dealers are complete here: propose 1 in
//!   agreement j. Once `n - t` agreements decided 1: propose 0 in all without a proposal.
//! - K5 The coins of agreement j are those of the sum of the boot scalars of `T_j`, in the context of
//!   `H(T_j)`. They are there when `T_j` is usable; an agreement that needs one earlier waits.
//! - K6 Once all agreements have decided: the dealers are the union of all `T_j` of agreements that
//!   decided 1. Each key is the sum of their scalars; shares and public shares are added up alike.
//!
//! # Why it works
//! *Usable is total.* Whoever delivers `T_j` knows that `n - t` members echoed it, an honest one among
//! them, at which all its dealers were complete; so they become complete everywhere.
//!
//! *The coins come.* A real coin is needed only in an agreement in which an honest member proposed 1
//! (if all propose 0, 1 is never approved, and round 1 decides 0 with a coin that everybody knows);
//! there `T_j` was usable at an honest member. *They are coins*: `T_j` holds `n - 2t >= t + 1` honest
//! dealers, whose scalars nobody knows, and each agreement has a key or at least a name of its own;
//! what corrupt dealers add they know themselves, since they prove it, so it changes nothing.
//!
//! *Termination.* Each honest member's set has only dealers that become complete everywhere, so all
//! honest members echo it and it becomes usable everywhere; thus `n - t` agreements decide 1, then
//! all agreements have a proposal of every honest member, and end.
//!
//! *Secrecy.* Each dealer proves that it knows what it deals, bound to its name and this ceremony, so
//! nobody can deal the negative of another's secret. The sum holds a scalar of an honest dealer,
//! and no honest dealer's sharing is ever opened.
//!
//! # Cost
//! Eleven message delays without faults: six for a sharing, three for a broadcast, two for agreement.
//! `n` sharings, each of `4 (t + 1)` points and `n` sealed share vectors of 128 bytes; `n` short
//! broadcasts; one common subset. Bytes grow with `n^2 log n` for each member; figures are printed
//! by `benches/keygen.rs`. No coin is tossed unless members disagree on whose set is in.
//!
//! # Differences from the paper
//! - Sets have `n - t` dealers and more. With `t + 1` there would be an honest one in each as well;
//!   `n - t` are there at nearly the same time, and put more honest dealers in every key.
//! - 1 is proposed (K4) when the set is delivered *and* its dealers are complete here, as they will be
//!   wherever it is delivered. The coin is then there with the proposal.
//! - The agreements have two rounds with coins that everybody knows, so that boot keys are made only
//!   where members disagree about a set.
//! - Four independent scalars are in one sharing. The boot keys are used in here and nowhere else.
//! - The keys are the sums of the dealers' commitments, with the bias that this allows: nothing is
//!   published on another base afterwards.
//!
//! # End
//! After its output an instance must go on: others may still need what it says, and what it has
//! sent. It may be dropped when all members are known to have their keys.

use std::fmt;
use std::sync::Arc;

use crate::agreement::acs::CommonSubset;
use crate::agreement::coin::{CoinPublic, CoinSecret, DdhCoin};
use crate::agreement::rbc::{Delivery, Mode, Rbc};
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::{Digest, Keyring, Transcript};
use crate::error::Error;
use crate::fault::KeyFault;
use crate::keys::key_set::{GroupKey, KeySet, PublicKeys, SecretKeys};
use crate::math::{Field, Fl};
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::sharing::acss::scalar::{Curve, ScalarShares, Scalars};
use crate::sharing::acss::{self, Acss};
use crate::tag::Tag;
use crate::wire;
use crate::zoo::{self, Mutant};

mod message;
mod sum;
#[cfg(test)]
pub(in crate::keys) mod tests;

pub use message::Message;

/// Numbers of the scalars in a dealing.
const COIN: usize = 0;
const CERTIFICATE: usize = 1;
const DOCUMENT: usize = 2;
const BOOT: usize = 3;
/// The group of each.
const CURVES: [Curve; 4] = [Curve::Ristretto, Curve::Edwards, Curve::Edwards, Curve::Ristretto];

/// Bytes of an encoded set of dealers.
const SET_BYTES: usize = 16;

/// One member's instance of key generation.
pub struct KeyGeneration {
    keyring: Arc<Keyring>,
    tag: Tag,
    epoch: u64,
    seed: Secret<[u8; 32]>,
    started: bool,
    dealings: PartyMap<Acss<Scalars>>,
    shares: PartyMap<Option<ScalarShares>>,
    complete: PartySet,
    broadcasts: PartyMap<Rbc>,
    set_sent: bool,
    /// Senders whose set is none, or is echoed: nothing more to be looked at.
    judged: PartySet,
    /// The sets that were delivered.
    sets: PartyMap<Option<PartySet>>,
    usable: PartySet,
    subset: CommonSubset<DdhCoin>,
    /// Who said something, and who did about the agreements.
    speakers: PartySet,
    voters: PartySet,
    dealers: Option<PartySet>,
}

/// What a corrupt member does otherwise, for tests and simulations. By default: nothing.
#[derive(Clone, Debug, Default)]
pub struct Deviation {
    /// In its dealing.
    pub dealing: acss::Deviation,
    /// Is broadcast at once, in place of the dealers that are complete in the end.
    pub set: Option<PartySet>,
}

/// How far a key generation has come at one member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Members that take part.
    pub speakers: PartySet,
    /// Dealers whose sharing is complete here.
    pub complete: PartySet,
    /// Members whose set of dealers was delivered here.
    pub sets: PartySet,
    /// Members about whose set is decided.
    pub resolved: PartySet,
    /// Members whose set counts.
    pub included: PartySet,
    /// Members that take part in the agreements.
    pub voters: PartySet,
    /// The dealers whose scalars are in the keys, once they are known.
    pub dealers: Option<PartySet>,
}

impl Progress {
    /// Whose part is here of what happens one after another: to take part, to deal, to say who is
    /// complete, to agree. Each goes on with `n - t`.
    pub const fn phases(&self) -> [PartySet; 4] {
        [self.speakers, self.complete, self.sets, self.voters]
    }
}

/// The sharing of `dealer` in the key generation `tag`.
pub fn dealing(keyring: &Arc<Keyring>, tag: &Tag, dealer: PartyId) -> Acss<Scalars> {
    let terms = Scalars::new(CURVES.to_vec());
    Acss::scalars(Arc::clone(keyring), dealer, tag.indexed("dealing", dealer.point()), terms)
}

/// The broadcast of the set of `sender` in the key generation `tag`.
pub fn set_broadcast(keyring: &Arc<Keyring>, tag: &Tag, sender: PartyId) -> Rbc {
    let mode = Mode::Short { limit: SET_BYTES };
    Rbc::new(Arc::clone(keyring), sender, tag.indexed("set", sender.point()), mode).gated()
}

impl KeyGeneration {
    /// The instance `tag`, which makes the keys of `epoch`. `seed` is the root of the randomness.
    pub fn new(keyring: Arc<Keyring>, tag: Tag, epoch: u64, seed: Secret<[u8; 32]>) -> Self {
        let (committee, me) = (keyring.committee(), keyring.me());
        Self {
            epoch,
            seed,
            started: false,
            dealings: PartyMap::from_fn(committee, |dealer| dealing(&keyring, &tag, dealer)),
            shares: PartyMap::new(committee),
            complete: PartySet::EMPTY,
            broadcasts: PartyMap::from_fn(committee, |j| set_broadcast(&keyring, &tag, j)),
            set_sent: false,
            judged: PartySet::EMPTY,
            sets: PartyMap::new(committee),
            usable: PartySet::EMPTY,
            subset: CommonSubset::without_coins(committee, me, tag.child("agreements")),
            speakers: PartySet::EMPTY,
            voters: PartySet::EMPTY,
            dealers: None,
            keyring,
            tag,
        }
    }

    /// K1. Deals our part.
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
        if self.started {
            return Err(Error::AlreadyGiven { what: "the start of a key generation" });
        }
        self.started = true;
        let (me, secrets) = (self.keyring.me(), self.secrets());
        let Deviation { dealing, set } = deviation;
        self.dealings[me].deal_with(
            secrets,
            &self.seed,
            dealing,
            &mut out.wrap(move |m| Message::Dealing(me, m)),
        )?;
        self.subset.close(&mut out.wrap(Message::Agreement));
        set.map_or(Ok(()), |set| self.broadcast(set, out))
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let delivered = self.sets.iter().filter(|(_, set)| set.is_some());
        Progress {
            speakers: self.speakers,
            complete: self.complete,
            sets: delivered.map(|(party, _)| party).collect(),
            resolved: self.subset.resolved(),
            included: self.subset.decided(),
            voters: self.voters,
            dealers: self.dealers,
        }
    }

    /// The members whose part in what is under way is not here: of them it takes as many as are
    /// missing to `n - t`. Nobody once there is output.
    pub fn waiting_for(&self) -> PartySet {
        if self.dealers.is_some() {
            return PartySet::EMPTY;
        }
        let (progress, quorum) = (self.progress(), self.committee().quorum());
        let under_way = progress.phases().into_iter().find(|done| done.len() < quorum);
        self.committee().everyone().difference(under_way.unwrap_or(progress.voters))
    }

    fn committee(&self) -> Committee {
        self.keyring.committee()
    }

    fn secrets(&self) -> Shares<Fl> {
        let mut transcript = Transcript::new(&self.tag, "key generation secrets");
        let mut rng = transcript.bytes(self.seed.expose()).rng();
        CURVES.iter().map(|_| Fl::random(&mut rng)).collect()
    }

    /// K2
    fn try_broadcast(&mut self, out: &mut dyn Outbox<Message>) {
        if self.started && !self.set_sent && self.complete.len() >= self.committee().quorum() {
            let sent = self.broadcast(self.complete, out);
            debug_assert!(sent.is_ok(), "one set, of a fixed size");
        }
    }

    fn broadcast(&mut self, set: PartySet, out: &mut dyn Outbox<Message>) -> Result<(), Error> {
        let me = self.keyring.me();
        self.set_sent = true;
        let out = &mut out.wrap(move |m| Message::Set(me, m));
        self.broadcasts[me].broadcast(wire::encode(&set).into(), out)
    }

    /// The set of dealers in a broadcast's payload, if it is one.
    fn read_set(&self, payload: &[u8]) -> Option<PartySet> {
        let set: PartySet = wire::decode(payload, SET_BYTES).ok()?;
        let least = zoo::instead(self.committee().quorum(), Mutant::SetsOfAnySize, 1);
        (set.within(self.committee()) && set.len() >= least).then_some(set)
    }

    /// Whether the dealings of a set's dealers are complete here.
    fn is_finished(&self, set: PartySet) -> bool {
        set.is_subset(self.complete) || zoo::on(Mutant::SetsUnfinished)
    }

    /// K3
    fn try_echo(&mut self, sender: PartyId, out: &mut dyn Outbox<Message>) {
        let Some(payload) = self.broadcasts[sender].held() else { return };
        match self.read_set(payload) {
            None => {
                if self.judged.insert(sender) {
                    out.blame(sender, KeyFault::MalformedSet);
                }
            }
            Some(set) if self.is_finished(set) => {
                self.judged.insert(sender);
                let out = &mut out.wrap(move |m| Message::Set(sender, m));
                self.broadcasts[sender].approve(out);
            }
            Some(_) => {}
        }
    }

    /// K4
    fn try_use(&mut self, sender: PartyId, out: &mut dyn Outbox<Message>) -> Option<PartySet> {
        let set = self.sets[sender]?;
        if !self.is_finished(set) || !self.usable.insert(sender) {
            return None;
        }
        self.subset.usable(sender, &mut out.wrap(Message::Agreement))
    }

    /// K5
    fn try_toss(&mut self, out: &mut dyn Outbox<Message>) -> Option<PartySet> {
        let mut output = None;
        for sender in self.subset.wants_coins().intersection(self.usable).iter() {
            let Some(coin) = self.boot_coin(sender) else { continue };
            let out = &mut out.wrap(Message::Agreement);
            output = output.or(self.subset.give_coin(sender, Arc::new(coin), out));
        }
        output
    }

    fn boot_coin(&self, sender: PartyId) -> Option<DdhCoin> {
        let set = self.sets[sender]?;
        let dealt = self.dealt_by(set)?;
        let commitments: Vec<_> = dealt.iter().map(|d| d.commitments.ristretto(BOOT)).collect();
        let public = CoinPublic::new(sum::public_shares(self.committee(), &commitments)?);
        let secret = CoinSecret::from(sum::share(&dealt, BOOT).expose());
        let coin = DdhCoin::new(self.keyring.me(), public, secret);
        debug_assert!(coin.is_ok(), "shares are checked against their commitments");
        Some(coin.ok()?.in_context(&self.name(set)))
    }

    /// H(T)
    fn name(&self, set: PartySet) -> Digest {
        Transcript::new(&self.tag, "set of dealers").bytes(&wire::encode(&set)).digest()
    }

    /// What the dealers of a set gave us; `None` unless all of them are complete.
    fn dealt_by(&self, set: PartySet) -> Option<Vec<&ScalarShares>> {
        set.iter().map(|dealer| self.shares[dealer].as_ref()).collect()
    }

    /// K6. `agreed`: whose sets are in; all of them are usable here.
    fn output(&mut self, agreed: PartySet) -> KeySet {
        let sets = agreed.iter().filter_map(|sender| self.sets[sender]);
        let dealers = sets.fold(PartySet::EMPTY, PartySet::union);
        self.dealers = Some(dealers);
        self.keys_of(dealers).expect(
            "the shares of complete dealers fit their commitments, and no sum is zero to which an \
             honest dealer's scalar is added",
        )
    }

    fn keys_of(&self, dealers: PartySet) -> Option<KeySet> {
        let (committee, me) = (self.committee(), self.keyring.me());
        let dealt = self.dealt_by(dealers)?;
        let signing = |secret| {
            let commitments: Vec<_> = dealt.iter().map(|d| d.commitments.edwards(secret)).collect();
            GroupKey::new(committee, sum::public_shares(committee, &commitments)?).ok()
        };
        let commitments: Vec<_> = dealt.iter().map(|d| d.commitments.ristretto(COIN)).collect();
        let public = PublicKeys {
            coin: CoinPublic::new(sum::public_shares(committee, &commitments)?),
            certificate: signing(CERTIFICATE)?,
            document: signing(DOCUMENT)?,
        };
        let secret = SecretKeys {
            coin: sum::share(&dealt, COIN),
            certificate: sum::share(&dealt, CERTIFICATE),
            document: sum::share(&dealt, DOCUMENT),
        };
        KeySet::new(committee, me, self.epoch, public, secret).ok()
    }

    /// A dealing has come to its end here: what waited for it goes on.
    fn on_complete(&mut self, out: &mut dyn Outbox<Message>) -> Option<PartySet> {
        self.try_broadcast(out);
        let mut agreed = None;
        for sender in self.committee().parties() {
            self.try_echo(sender, out);
            agreed = agreed.or(self.try_use(sender, out));
        }
        agreed
    }

    fn on_set(
        &mut self,
        from: PartyId,
        sender: PartyId,
        message: crate::agreement::rbc::Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<PartySet> {
        let wrap = move |m| Message::Set(sender, m);
        let delivery = self.broadcasts[sender].handle(from, message, &mut out.wrap(wrap));
        self.try_echo(sender, out);
        if let Some(Delivery::Payload(payload)) = delivery {
            // With at most t corrupt members only well-formed sets are echoed and delivered.
            self.sets[sender] = self.read_set(&payload);
        }
        self.try_use(sender, out)
    }
}

impl Protocol for KeyGeneration {
    type Message = Message;
    type Output = KeySet;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<KeySet> {
        let committee = self.committee();
        self.speakers.insert(from);
        let agreed = match message {
            Message::Dealing(about, _) | Message::Set(about, _) if !committee.contains(about) => {
                out.blame(from, KeyFault::OutOfPlace);
                None
            }
            Message::Dealing(dealer, message) => {
                let wrap = move |m| Message::Dealing(dealer, m);
                let shares = self.dealings[dealer].handle(from, message, &mut out.wrap(wrap))?;
                self.shares[dealer] = Some(shares);
                self.complete.insert(dealer);
                self.on_complete(out)
            }
            Message::Set(sender, message) => self.on_set(from, sender, message, out),
            Message::Agreement(message) => {
                self.voters.insert(from);
                self.subset.handle(from, message, &mut out.wrap(Message::Agreement))
            }
        };
        let tossed = self.try_toss(out);
        Some(self.output(agreed.or(tossed)?))
    }
}

/// Nothing secret.
impl fmt::Debug for KeyGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyGeneration")
            .field("me", &self.keyring.me())
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
