//! Reliable broadcast: one party, the *sender*, gives all honest parties the same payload or none.
//!
//! Bracha, *Asynchronous Byzantine agreement protocols* (1987); the long mode after Cachin and
//! Tessaro, *Asynchronous verifiable information dispersal* (2005).
//!
//! # Model
//! `n >= 3t + 1` parties, t of them Byzantine, perhaps the sender. Asynchronous authenticated links
//! that deliver in the end. Nobody waits for a clock.
//!
//! # Guarantees
//! - *Validity*: if the sender is honest, all honest parties deliver what it broadcast.
//! - *Agreement*: no two honest parties deliver differently.
//! - *Totality*: if one honest party delivers, all do.
//! - *Integrity*: a party delivers at most once, and from an honest sender only what it sent.
//!
//! Not guaranteed: any delivery if the sender is Byzantine; secrecy of the payload.
//!
//! # Protocol
//! A *digest* stands for the payload. In [`Mode::Short`] it is the hash of (tag, mode, length,
//! payload). In [`Mode::Long`] it is the Merkle root over the n shards of an erasure code of which
//! any `n - 2t` give the payload back. The sender signs it, bound to tag and mode.
//!
//! - R1. Sender: SEND the payload to all; Long: to each party its shard.
//! - R2. On the sender's first valid SEND: keep it, and ECHO its digest to all, Long: with one's
//!   shard. A *gated* instance withholds the ECHO until its owner approves of the payload. A
//!   validly signed SEND with another digest proves that the sender equivocates.
//! - R3. On `n - t` ECHO or `t + 1` READY of one digest, no READY sent yet: READY to all.
//! - R4. On `2t + 1` READY of one digest: it is *agreed*. Deliver its payload once it is here.
//! - R5. Long: it is here with `n - 2t` shards of ECHOs under the agreed root. Decode, encode again
//!   and compare the root: if it differs, the root is not of an encoding, and everybody delivers
//!   [`Delivery::BadSender`].
//! - R6. Short: agreed, but not here: PULL it from up to `t + 1` parties that echoed it, also if
//!   their ECHO arrives later.
//! - R7. Short: on a party's first PULL of a payload that is here: send it PAYLOAD.
//! - R8. Short: on PAYLOAD from a party that was asked: deliver if it has the agreed digest.
//! - R9. Short, if the instance takes *offers*: keep the first PAYLOAD of each party that was not asked,
//!   and deliver the one that has the agreed digest. For parties that will not be there to be asked.
//!
//! Of each party one ECHO and one READY count, its first. The gate acts on one's own ECHO only:
//! READY and delivery follow the others.
//!
//! # Why it works
//! Two sets of `n - t` ECHOs share an honest party, so the first honest READYs are all of one
//! digest, and all later ones copy them. `2t + 1` READYs hold `t + 1` honest ones, which make every
//! honest party send READY. Some honest READY came from `n - t` ECHOs, of which `n - 2t >= t + 1`
//! are honest: their shards reach everybody, and in short mode they have the payload and answer.
//!
//! # Cost
//! Three message delays; five if the payload is pulled. Without faults `(n - 1)(2n + 1)` messages:
//! `n - 1` SEND, `n(n - 1)` ECHO and `n(n - 1)` READY. Where READYs overtake SEND or the sender is
//! Byzantine, each party may pull: `t + 1` PULL and as many PAYLOAD more. Payload bytes: Short
//! `n - 1` times the payload, and `t + 1` times for each party that pulls; Long
//! `n(n - 1) / (n - 2t)` times, less than 3n. A digest is 32 bytes; a path in a tree of 64 shards
//! 192. State: n digests of each kind; Short two payloads, with offers n more; Long n shards until
//! delivery.
//!
//! # Differences from the papers
//! - READY carries a digest (Short): the payload is sent once to each party, not three times.
//! - Long: Cachin and Tessaro check the encoding before READY, and a bad one is never delivered.
//!   Here it is checked at delivery, once, and a bad one ends the broadcast at everybody.
//! - SEND is signed, so that equivocation can be shown to others.
//!
//! # End
//! After its delivery an instance must go on: others may still need its READY (R3) and, in short
//! mode, the payload (R7). It may be dropped when all parties are known to have delivered, or when
//! what it delivered can be had in another way.

mod equivocation;
mod long;
mod message;
mod mode;
mod short;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::equivocation::Equivocation;
use self::long::Long;
pub use self::message::{Message, Shard};
use self::message::{Vote, Votes};
pub use self::mode::Mode;
use self::short::Short;
use crate::committee::PartyId;
use crate::crypto::{Digest, Keyring, Signature};
use crate::error::Error;
use crate::fault::{Fault, Proof, RbcFault, Said};
use crate::protocol::{Outbox, Protocol};
use crate::tag::Tag;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

/// What a broadcast gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The payload.
    Payload(Bytes),
    /// Long mode only: what the sender committed to is no payload. So it is for everybody.
    BadSender,
}

/// How payloads get here.
#[derive(Debug)]
enum Carrier {
    Short(Short),
    Long(Long),
}

/// One party's instance of a reliable broadcast.
#[derive(Debug)]
pub struct Rbc {
    keyring: Arc<Keyring>,
    sender: PartyId,
    tag: Tag,
    mode: Mode,
    gated: bool,
    carrier: Carrier,
    broadcast: bool,
    /// The sender's first valid SEND.
    sent: Option<(Digest, Signature)>,
    equivocation: Option<Equivocation>,
    echoes: Votes,
    readies: Votes,
    echo_sent: bool,
    ready_sent: bool,
    agreed: Option<Digest>,
    delivery: Option<Delivery>,
}

impl Rbc {
    /// The instance `tag` in which `sender` broadcasts.
    pub fn new(keyring: Arc<Keyring>, sender: PartyId, tag: Tag, mode: Mode) -> Self {
        let committee = keyring.committee();
        let carrier = match mode {
            Mode::Short { .. } => Carrier::Short(Short::default()),
            Mode::Long { .. } => Carrier::Long(Long::new(committee, mode.limit(committee))),
        };
        Self {
            keyring,
            sender,
            tag,
            mode,
            gated: false,
            carrier,
            broadcast: false,
            sent: None,
            equivocation: None,
            echoes: Votes::new(committee),
            readies: Votes::new(committee),
            echo_sent: false,
            ready_sent: false,
            agreed: None,
            delivery: None,
        }
    }

    /// Withholds the ECHO until [`approve`](Self::approve). What the owner waits for must come true
    /// at every honest party once it is true at one, and stay so.
    ///
    /// # Panics
    /// In long mode, where nobody has the payload when it echoes.
    #[must_use]
    pub fn gated(mut self) -> Self {
        assert!(matches!(self.mode, Mode::Short { .. }), "only short broadcasts can be gated");
        self.gated = true;
        self
    }

    /// R9. From the start, keeps what is offered.
    ///
    /// # Panics
    /// In Long mode.
    #[must_use]
    pub fn taking_offers(mut self) -> Self {
        assert!(matches!(self.mode, Mode::Short { .. }), "only short payloads are offered");
        if let Carrier::Short(short) = &mut self.carrier {
            short.take_offers();
        }
        self
    }

    /// R1. Broadcasts our payload.
    ///
    /// # Errors
    /// We are not the sender, have broadcast before, or the payload is over the limit.
    pub fn broadcast(
        &mut self,
        payload: Bytes,
        out: &mut dyn Outbox<Message>,
    ) -> Result<(), Error> {
        if self.keyring.me() != self.sender {
            return Err(Error::NotYours { party: self.sender, what: "broadcast" });
        }
        if self.broadcast {
            return Err(Error::AlreadyGiven { what: "the payload of a broadcast" });
        }
        let limit = self.limit();
        if payload.len() > limit {
            let what = "bytes of a payload, at most";
            return Err(Error::WrongSize { what, expected: limit, got: payload.len() });
        }
        self.broadcast = true;
        match self.mode {
            Mode::Short { .. } => {
                let signature = self.sign(short::digest(&self.tag, &payload));
                out.multicast(Message::Send { payload, signature });
            }
            Mode::Long { .. } => {
                let committee = self.keyring.committee();
                let shards = long::shards(committee, &payload);
                let signature = shards.first().map(|shard| self.sign(shard.root));
                for ((party, shard), signature) in
                    committee.parties().zip(shards).zip(std::iter::repeat(signature).flatten())
                {
                    out.send_to(party, Message::SendShard { shard, signature });
                }
            }
        }
        Ok(())
    }

    /// The sender's payload, while its ECHO is withheld.
    pub fn held(&self) -> Option<&Bytes> {
        match &self.carrier {
            Carrier::Short(short) if !self.echo_sent => Some(&short.sent.as_ref()?.1),
            _ => None,
        }
    }

    /// R2. Approves of what is held, if anything: sends the withheld ECHO.
    pub fn approve(&mut self, out: &mut dyn Outbox<Message>) {
        if let Some((digest, _)) = self.sent.filter(|_| !self.echo_sent && self.gated) {
            self.echo_sent = true;
            out.multicast(Message::Echo(digest));
        }
    }

    /// The payload, if one was delivered.
    pub const fn delivered(&self) -> Option<&Bytes> {
        match &self.delivery {
            Some(Delivery::Payload(payload)) => Some(payload),
            _ => None,
        }
    }

    /// The proof that the sender equivocates, if it sent us one.
    pub const fn equivocation(&self) -> Option<&Equivocation> {
        self.equivocation.as_ref()
    }

    /// What shows that the sender signed the payload that it sent us, in short mode.
    pub fn signed(&self) -> Option<Proof> {
        let Carrier::Short(short) = &self.carrier else { return None };
        let ((_, signature), (_, payload)) = (self.sent?, short.sent.as_ref()?);
        Some(self.proof(Said::One(payload.clone(), signature)))
    }

    const fn proof(&self, said: Said) -> Proof {
        Proof { broadcast: self.tag, said }
    }

    fn limit(&self) -> usize {
        self.mode.limit(self.keyring.committee())
    }

    fn sign(&self, digest: Digest) -> Signature {
        self.keyring.identity().sign(&self.tag, self.mode.label(), digest.as_bytes())
    }

    /// R2, for both modes: whether this is the first valid SEND.
    fn accept(
        &mut self,
        digest: Digest,
        signature: Signature,
        out: &mut dyn Outbox<Message>,
    ) -> bool {
        if self.equivocation.is_some() || self.sent.is_some_and(|(first, _)| first == digest) {
            return false;
        }
        let key = self.keyring.identity_of(self.sender);
        let signed = key.verify(&self.tag, self.mode.label(), digest.as_bytes(), &signature);
        if !signed && !zoo::on(Mutant::RbcUnsigned) {
            out.blame(self.sender, RbcFault::BadSignature);
            return false;
        }
        if let Some(first) = self.sent.filter(|_| !zoo::on(Mutant::RbcOverwrites)) {
            let both = [first, (digest, signature)];
            self.equivocation = Some(Equivocation(both));
            let fault = Fault { party: self.sender, kind: RbcFault::Equivocation.into() };
            match self.mode {
                Mode::Short { .. } => out.convict(fault, self.proof(Said::Two(both))),
                Mode::Long { .. } => out.report(fault),
            }
            return false;
        }
        self.sent = Some((digest, signature));
        true
    }

    fn on_send(&mut self, payload: Bytes, signature: Signature, out: &mut dyn Outbox<Message>) {
        if payload.len() > self.limit() {
            out.blame(self.sender, RbcFault::TooLarge);
            return;
        }
        let digest = short::digest(&self.tag, &payload);
        let first = self.accept(digest, signature, out);
        let Carrier::Short(short) = &mut self.carrier else { return };
        if first {
            short.sent = Some((digest, payload));
            if !self.gated {
                self.echo_sent = true;
                out.multicast(Message::Echo(digest)); // R2
            }
        } else if self.agreed == Some(digest) {
            // From an equivocating sender, but what everybody delivers.
            short.pulled = Some((digest, payload));
        }
    }

    fn on_send_shard(&mut self, shard: Shard, signature: Signature, out: &mut dyn Outbox<Message>) {
        let Carrier::Long(long) = &self.carrier else { return };
        if !long.fits(&shard) {
            out.blame(self.sender, RbcFault::TooLarge);
        } else if !long.belongs(&shard, self.keyring.me()) {
            out.blame(self.sender, RbcFault::BadShard);
        } else if self.accept(shard.root, signature, out) {
            self.echo_sent = true;
            out.multicast(Message::EchoShard(shard)); // R2
        }
    }

    fn on_echo(&mut self, from: PartyId, digest: Digest, out: &mut dyn Outbox<Message>) {
        match self.echoes.cast(from, digest) {
            Vote::First => self.try_ready(digest, out),
            Vote::Again => {}
            Vote::Conflicting => out.blame(from, RbcFault::SecondEcho),
        }
    }

    fn on_echo_shard(&mut self, from: PartyId, shard: Shard, out: &mut dyn Outbox<Message>) {
        let Carrier::Long(long) = &mut self.carrier else { return };
        if self.echoes.judge(from, shard.root) == Vote::First {
            // A shard that is refused leaves the party its one ECHO.
            if !long.fits(&shard) || !long.belongs(&shard, from) {
                out.blame(from, RbcFault::BadShard);
                return;
            }
            if self.delivery.is_none() {
                long.keep(from, shard.bytes);
            }
        }
        self.on_echo(from, shard.root, out);
    }

    fn on_ready(&mut self, from: PartyId, digest: Digest, out: &mut dyn Outbox<Message>) {
        match self.readies.cast(from, digest) {
            Vote::First => {
                self.try_ready(digest, out);
                let committee = self.keyring.committee();
                let (right, few) = (committee.honest_majority(), committee.one_honest());
                let enough = zoo::instead(right, Mutant::RbcDeliversEarly, few);
                if self.agreed.is_none() && self.readies.count(digest) >= enough {
                    self.agreed = Some(digest); // R4
                }
            }
            Vote::Again => {}
            Vote::Conflicting => out.blame(from, RbcFault::SecondReady),
        }
    }

    /// R3
    fn try_ready(&mut self, digest: Digest, out: &mut dyn Outbox<Message>) {
        let committee = self.keyring.committee();
        let (right, few) = (committee.quorum(), committee.one_honest());
        let quorum = zoo::instead(right, Mutant::RbcEchoQuorum, few);
        let gated = self.gated && !self.echo_sent && zoo::on(Mutant::RbcGatedReady);
        let enough =
            self.echoes.count(digest) >= quorum || self.readies.count(digest) >= self.amplifying();
        if enough && !self.ready_sent && !gated {
            self.ready_sent = true;
            out.multicast(Message::Ready(digest));
        }
    }

    /// How many READY make us send READY (R3).
    fn amplifying(&self) -> usize {
        let committee = self.keyring.committee();
        let enough = zoo::instead(committee.one_honest(), Mutant::RbcReadyByOne, 1);
        zoo::instead(enough, Mutant::RbcNoAmplification, usize::MAX)
    }

    /// R7
    fn on_pull(&mut self, from: PartyId, digest: Digest, out: &mut dyn Outbox<Message>) {
        let Carrier::Short(short) = &mut self.carrier else { return };
        let forgotten = self.delivery.is_some() && zoo::on(Mutant::RbcForgetsPayload);
        if let Some(payload) = short.answer(from, digest).filter(|_| !forgotten) {
            out.send_to(from, Message::Payload(payload));
        }
    }

    /// R8, R9
    fn on_payload(&mut self, from: PartyId, payload: Bytes, out: &mut dyn Outbox<Message>) {
        let limit = self.limit();
        let Carrier::Short(short) = &mut self.carrier else { return };
        if !short.expects(from) {
            if payload.len() <= limit {
                short.offer(from, short::digest(&self.tag, &payload), payload);
            }
            return;
        }
        // Only the agreed digest is ever asked for.
        let fits = payload.len() <= limit;
        match self.agreed.filter(|agreed| fits && short::digest(&self.tag, &payload) == *agreed) {
            Some(agreed) => short.pulled = Some((agreed, payload)),
            None => out.blame(from, RbcFault::BadPayload),
        }
    }

    /// R4 to R6
    fn try_deliver(&mut self, out: &mut dyn Outbox<Message>) -> Option<Delivery> {
        let agreed = self.agreed.filter(|_| self.delivery.is_none())?;
        let committee = self.keyring.committee();
        let delivery = match &mut self.carrier {
            Carrier::Short(short) => {
                let payload = short.payload(agreed).cloned();
                if payload.is_none() {
                    for party in short.next_to_ask(committee, &self.echoes, agreed).iter() {
                        out.send_to(party, Message::Pull(agreed)); // R6
                    }
                }
                Delivery::Payload(payload?)
            }
            Carrier::Long(long) => {
                let delivery = long.decode(agreed, &self.echoes)?; // R5
                if delivery == Delivery::BadSender {
                    out.blame(self.sender, RbcFault::BadEncoding);
                }
                long.clear();
                delivery
            }
        };
        self.delivery = Some(delivery.clone());
        Some(delivery)
    }
}

impl Protocol for Rbc {
    type Message = Message;
    type Output = Delivery;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<Delivery> {
        let short = matches!(self.mode, Mode::Short { .. });
        match message {
            Message::Send { .. } | Message::SendShard { .. } if from != self.sender => {
                out.blame(from, RbcFault::NotSender);
            }
            Message::Send { payload, signature } if short => self.on_send(payload, signature, out),
            Message::SendShard { shard, signature } if !short => {
                self.on_send_shard(shard, signature, out);
            }
            Message::Echo(digest) if short => self.on_echo(from, digest, out),
            Message::EchoShard(shard) if !short => self.on_echo_shard(from, shard, out),
            Message::Ready(digest) => self.on_ready(from, digest, out),
            Message::Pull(digest) if short => self.on_pull(from, digest, out),
            Message::Payload(payload) if short => self.on_payload(from, payload, out),
            _ => out.blame(from, RbcFault::WrongMode),
        }
        self.try_deliver(out)
    }
}
