//! A member's way into its network, for one that comes in for another: see
//! [`entering`](quorate_protocol::party::epochs::entering) in the protocol.
//!
//! It is gone before the member's node first runs. What is heard meanwhile is in a store of its own,
//! so that it can be stopped and goes on; at its end the node's store is made of it, and then the
//! member's part of the keys. On an old copy of the directory it stops: what it said on its way is all
//! in one refresh, in which it would have nothing to say any more.

use std::sync::Arc;
use std::time::Duration;

use libp2p::Multiaddr;
use quorate_protocol::frame;
use quorate_protocol::party::epochs::entering::{Entering, EnteringConfig};
use quorate_protocol::party::epochs::{Epochs, EpochsConfig, EpochsEffect, EpochsEvent};
use quorate_protocol::party::{Class, Effect, MessageOf, RealSuite, Record};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::record::Memory;
use quorate_protocol::secret::Secret;
use quorate_protocol::{PartyId, PartySet};
use tokio::time::MissedTickBehavior;

use super::{NodeError, Policy, identities, link, listen_addresses};
use crate::ceremony::serve::Judge;
use crate::home::{KeyPart, Unlocked};
use crate::net::{Inbound, Lane, LinkEvent, Links};
use crate::roster::EntranceFile;
use crate::store::Store;

/// How often what is missing is asked for again.
const ASK: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Approach {
    /// Members that were heard of.
    pub heard: PartySet,
    /// Whether our share is here.
    pub has_share: bool,
    /// Others that have the same keys.
    pub confirmed: PartySet,
}

/// Comes in; returns when this member can run its node. `told` hears how far it is.
///
/// # Errors
/// The file is not of our seat, a file cannot be written, or an address cannot be listened on.
pub async fn enter_network(
    home: &Unlocked,
    file: &EntranceFile,
    listen: Option<Vec<Multiaddr>>,
    mut told: impl FnMut(Approach),
) -> Result<(), NodeError> {
    let _lock = home.home().lock()?;
    let network = &file.network;
    let me = home.home().join(network)?;
    let epoch = file.entrance.epoch;
    let config = EnteringConfig {
        network: network.digest(),
        identities: Arc::new(identities(home, network, me, epoch + 1)?),
        sealing: home.first()?.sealing.clone(),
        entrance: file.entrance.clone(),
    };
    let store = home.open_entering(network)?;
    let entering = Entering::new(config, store.load_all()?)?;
    let listen = listen.unwrap_or_else(|| listen_addresses(home.home()));
    let lanes = Lane::DECIDING.to_vec();
    let (links, mut incoming) =
        link(home, network, me, lanes, (listen, Duration::ZERO), &Judge::default()).await?;
    let mut way = Way { entering, store, links, me };
    way.step(EpochsEvent::Start)?;
    let mut ask = tokio::time::interval(ASK);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let gone = || NodeError::Driver("the network has stopped");
    let mut before = Approach::default();
    while !way.entering.is_in() {
        tokio::select! {
            biased;
            frame = incoming.bulk.recv() => way.on_frame(frame.ok_or_else(gone)?)?,
            frame = incoming.decision.recv() => frame.ok_or_else(gone)?.taken.done(),
            Some(event) = incoming.events.recv() => match event {
                LinkEvent::OtherLives => return Err(NodeError::OtherLives),
                LinkEvent::NoneLives => return Err(NodeError::OldCopy),
                LinkEvent::Older { .. } => {}
                LinkEvent::Behind { .. } | LinkEvent::Restarted { .. } => {
                    way.step(EpochsEvent::Missed)?;
                }
            },
            _ = ask.tick() => way.step(EpochsEvent::Missed)?,
        }
        let now = way.approach();
        if now != before {
            told(now);
            before = now;
        }
    }
    let Way { entering, store, links, .. } = way;
    settle(home, file, me, entering, &store)?;
    links.close().await;
    drop(store);
    Ok(home.end_entering(network)?)
}

/// The way in.
struct Way {
    entering: Entering,
    store: Store,
    links: Links,
    me: PartyId,
}

impl Way {
    fn approach(&self) -> Approach {
        let us: PartySet = [self.me].into_iter().collect();
        Approach {
            heard: self.entering.up().difference(us),
            has_share: self.entering.has_share(),
            confirmed: self.entering.confirmed().difference(us),
        }
    }

    fn on_frame(&mut self, inbound: Inbound) -> Result<(), NodeError> {
        let Inbound { from, frame, taken } = inbound;
        if let Ok((epoch, decoded)) = frame::decode_any::<MessageOf<RealSuite>>(&frame) {
            for message in decoded.messages {
                self.step(EpochsEvent::Message { from, epoch, message })?;
            }
        }
        taken.done();
        Ok(())
    }

    /// What is said is durable before it leaves.
    fn step(&mut self, event: EpochsEvent) -> Result<(), NodeError> {
        for effect in self.entering.step(event) {
            let EpochsEffect::Party { epoch, effect } = effect else { continue };
            match effect {
                Effect::Persist(records) => self.store.commit(&records)?,
                Effect::Send { to, message } => {
                    for frame in frame::encode(epoch, [message]) {
                        self.send(to, &frame);
                    }
                }
                Effect::Fault(fault) => tracing::warn!("{fault}"),
                // It asks for nothing else.
                _ => {}
            }
        }
        Ok(())
    }

    fn send(&self, to: Recipient, frame: &[u8]) {
        for peer in self.entering.committee().parties() {
            if peer != self.me && (to == Recipient::All || to == Recipient::One(peer)) {
                self.links.send(peer, Class::Bulk, frame.to_vec());
            }
        }
    }
}

/// Makes the node's store and keeps our part of the keys, in this order.
fn settle(
    home: &Unlocked,
    file: &EntranceFile,
    me: PartyId,
    entering: Entering,
    store: &Store,
) -> Result<(), NodeError> {
    let (network, epoch) = (&file.network, file.entrance.epoch + 1);
    let unfinished = || NodeError::Driver("the share is not here");
    let mut all: Memory = store.load_all()?.into_iter().collect();
    all.write(entering.enter(Secret::new(rand::random())).ok_or_else(unfinished)?);
    let records: Vec<Record> = all.records();
    let config = EpochsConfig {
        network: network.digest(),
        policy: Policy::for_members(network.committee().n()),
        accountable: network.settings().accountable,
        identities: Arc::new(identities(home, network, me, epoch)?),
        first: None,
    };
    let member = Epochs::new(config, records.clone())?;
    let (refreshed, start) = member.reached(epoch).ok_or_else(unfinished)?;
    home.begin_entered(network, &records)?;
    let part = KeyPart::Later(Box::new(refreshed), start);
    Ok(home.save_key_part(&part, file.origin)?)
}
