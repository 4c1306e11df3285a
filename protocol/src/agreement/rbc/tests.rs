use super::*;
use crate::committee::{Committee, PartySet};
use crate::crypto::merkle::{Path, Tree};
use crate::fault::{Fault, FaultKind};
use crate::protocol::Recipient;
use crate::testkit::{Collected, Network, Order};
use crate::wire;

const SHORT: Mode = Mode::Short { limit: 1000 };
const LONG: Mode = Mode::Long { limit: 1000 };
const ORDERS: [Order; 3] = [Order::Fifo, Order::Lifo, Order::Random];
const SENDER: PartyId = PartyId::new(0);

fn p(index: u16) -> PartyId {
    PartyId::new(index)
}

fn tag() -> Tag {
    Tag::root(&[0; 32], 0).indexed("rbc", 7)
}

fn network(n: usize, mode: Mode, order: Order, seed: u64) -> Network<Rbc> {
    let keyrings = Keyring::for_tests(n, 1);
    let make = |party: PartyId| Rbc::new(keyrings[party.index()].clone(), SENDER, tag(), mode);
    Network::new(keyrings[0].committee(), order, seed, make)
}

fn run(net: &mut Network<Rbc>) {
    net.run(100_000);
    net.assert_no_honest_blamed();
}

/// What the honest parties delivered: all the same, or none anything.
fn agreed(net: &Network<Rbc>) -> Option<Delivery> {
    let outputs: Vec<_> = net.honest().map(|q| net.outputs[q.index()].clone()).collect();
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{outputs:?}");
    outputs[0].clone()
}

#[test]
fn validity_and_the_number_of_messages() {
    for n in [1, 4, 5, 7, 10] {
        for mode in [SHORT, LONG] {
            for order in ORDERS {
                let mut net = network(n, mode, order, 3);
                let payload = Bytes::from(vec![5; 999]);
                net.act(SENDER, |rbc, out| rbc.broadcast(payload.clone(), out)).unwrap();
                run(&mut net);
                assert_eq!(agreed(&net), Some(Delivery::Payload(payload.clone())));
                assert_eq!(net.parties[n - 1].delivered(), Some(&payload));
                assert_eq!(net.faults, []);
                let expected = (n - 1) * (2 * n + 1);
                let most = if mode == LONG || order == Order::Fifo {
                    expected
                } else {
                    // READYs may overtake a SEND, whose payload is then pulled.
                    expected + 2 * n * (n.div_ceil(3))
                };
                let counted = expected..=most;
                assert!(counted.contains(&net.delivered), "{n} {mode:?} {order:?}");
            }
        }
    }
}
