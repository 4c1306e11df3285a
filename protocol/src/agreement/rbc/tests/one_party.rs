//! One party, fed by hand.

use super::*;
use crate::testkit::Collected;
use crate::wire;

fn blamed(out: &Collected<Message>) -> Vec<(PartyId, RbcFault)> {
    let kind = |fault: &Fault| match fault.kind {
        FaultKind::Rbc(kind) => (fault.party, kind),
        _ => unreachable!("faults of a broadcast"),
    };
    out.faults.iter().map(kind).collect()
}

/// Party 1 of 4, and what it puts out.
struct One(Rbc, Collected<Message>);

impl One {
    fn new(mode: Mode) -> Self {
        Self(Rbc::new(keyrings(4)[1].clone(), SENDER, tag(), mode), Collected::default())
    }

    fn gets(&mut self, from: u16, message: Message) -> Option<Delivery> {
        self.0.handle(p(from), message, &mut self.1)
    }

    fn sent(&mut self) -> Vec<(Recipient, Message)> {
        std::mem::take(&mut self.1.sent)
    }
}

#[test]
fn a_second_echo_or_ready_is_blamed_and_does_not_count() {
    let [a, b] = [Digest::from([1; 32]), Digest::from([2; 32])];
    let mut one = One::new(SHORT);
    for from in [2, 2, 2, 3] {
        one.gets(from, Message::Echo(a));
        one.gets(from, Message::Echo(b));
    }
    assert!(one.sent().is_empty(), "two parties are no quorum, however often they echo");
    assert_eq!(
        blamed(&one.1),
        [2, 2, 2, 3].map(|q| (p(q), RbcFault::SecondEcho)),
        "a repeated ECHO is nobody's fault, another one is"
    );
    one.gets(0, Message::Echo(a));
    assert_eq!(one.sent(), [(Recipient::All, Message::Ready(a))]);

    let mut one = One::new(SHORT);
    for _ in 0..3 {
        one.gets(2, Message::Ready(a));
        one.gets(2, Message::Ready(b));
    }
    assert!(one.sent().is_empty(), "one party is not t + 1");
    assert_eq!(blamed(&one.1), [(p(2), RbcFault::SecondReady); 3]);
    one.gets(3, Message::Ready(a));
    assert_eq!(one.sent(), [(Recipient::All, Message::Ready(a))], "t + 1 READYs");
    one.gets(0, Message::Echo(a));
    assert!(one.sent().is_empty(), "one READY in all");
}

#[test]
fn a_malformed_shard_that_comes_first_spoils_nothing() {
    let sends = sends(4, LONG, b"payload");
    let shards: Vec<Shard> = sends
        .iter()
        .map(|send| match echo(send) {
            Message::EchoShard(shard) => shard,
            _ => unreachable!(),
        })
        .collect();
    let mut one = One::new(LONG);
    let changed =
        |bytes: Vec<u8>| Message::EchoShard(Shard { bytes: bytes.into(), ..shards[2].clone() });
    let whole = shards[2].bytes.to_vec();
    one.gets(2, changed(vec![]));
    one.gets(2, changed(whole[1..].to_vec()));
    one.gets(2, changed([&whole[..], &[0]].concat()));
    one.gets(2, changed(vec![0; 100_000]));
    one.gets(2, Message::EchoShard(shards[3].clone())); // another party's index
    one.gets(2, Message::EchoShard(Shard { path: shards[3].path.clone(), ..shards[2].clone() }));
    assert_eq!(blamed(&one.1), [(p(2), RbcFault::BadShard); 6]);
    for q in [2, 3] {
        assert_eq!(one.gets(q, echo(&sends[usize::from(q)])), None);
        assert_eq!(one.gets(q, Message::Ready(shards[0].root)), None);
    }
    let delivery = one.gets(0, Message::Ready(shards[0].root));
    assert_eq!(delivery, Some(Delivery::Payload(b"payload"[..].into())));
    assert_eq!(one.1.faults.len(), 6);
}

#[test]
fn the_senders_shard_must_be_the_recipients() {
    let sends = sends(4, LONG, b"payload");
    let mut one = One::new(LONG);
    one.gets(0, sends[2].clone());
    assert_eq!(blamed(&one.1), [(SENDER, RbcFault::BadShard)]);
    assert!(one.sent().is_empty());
    one.gets(0, sends[1].clone());
    assert_eq!(one.sent(), [(Recipient::All, echo(&sends[1]))]);
}

#[test]
fn a_send_counts_from_its_sender_only_signed_for_this_broadcast() {
    for mode in [SHORT, LONG] {
        let good = sends(4, mode, b"payload")[1].clone();
        let resigned = |signature| match good.clone() {
            Message::Send { payload, .. } => Message::Send { payload, signature },
            Message::SendShard { shard, .. } => Message::SendShard { shard, signature },
            _ => unreachable!(),
        };
        let keyrings = keyrings(4);
        let message = digest(&good);
        let elsewhere = tag().child("x");
        let wrong = [
            keyrings[2].identity().sign(&tag(), mode.label(), message.as_bytes()),
            keyrings[0].identity().sign(&elsewhere, mode.label(), message.as_bytes()),
            keyrings[0].identity().sign(&tag(), "rbc", message.as_bytes()),
            keyrings[0].identity().sign(&tag(), mode.label(), b""),
        ];
        let mut one = One::new(mode);
        for signature in wrong {
            one.gets(0, resigned(signature));
        }
        assert_eq!(blamed(&one.1), [(SENDER, RbcFault::BadSignature); 4]);
        one.gets(2, good.clone());
        assert_eq!(blamed(&one.1)[4..], [(p(2), RbcFault::NotSender)]);
        assert!(one.sent().is_empty());
        one.gets(0, good.clone());
        assert_eq!(one.sent(), [(Recipient::All, echo(&good))]);
        one.gets(0, good);
        assert!(one.sent().is_empty() && one.1.faults.len() == 5, "the same SEND again");
    }
}

#[test]
fn a_second_send_is_proof_and_changes_nothing() {
    for mode in [SHORT, LONG] {
        let [first, second] = [&b"one"[..], b"two"].map(|m| sends(4, mode, m)[1].clone());
        let mut one = One::new(mode);
        one.gets(0, first.clone());
        one.gets(0, second.clone());
        one.gets(0, second);
        assert_eq!(one.sent(), [(Recipient::All, echo(&first))]);
        assert_eq!(blamed(&one.1), [(SENDER, RbcFault::Equivocation)]);
        let key = keyrings(4)[0].identity().public();
        assert!(one.0.equivocation().unwrap().verify(&key, &tag(), mode));
    }
}

#[test]
fn a_pull_goes_to_parties_that_echoed_also_late_and_not_to_more_than_needed() {
    let send = sends(4, SHORT, b"payload")[1].clone();
    let h = digest(&send);
    let mut one = One::new(SHORT);
    for q in [0, 2, 3] {
        one.gets(q, Message::Ready(h));
    }
    assert_eq!(one.sent(), [(Recipient::All, Message::Ready(h))], "agreed, nobody to ask");
    one.gets(2, Message::Echo(Digest::from([9; 32])));
    assert!(one.sent().is_empty(), "no ECHO of what is agreed");
    one.gets(3, Message::Echo(h));
    one.gets(3, Message::Echo(h));
    assert_eq!(one.sent(), [(Recipient::One(p(3)), Message::Pull(h))]);
    assert_eq!(one.gets(2, Message::Payload(b"payload"[..].into())), None, "was not asked");
    assert_eq!(one.gets(3, Message::Payload(b"junk"[..].into())), None);
    assert_eq!(one.gets(3, Message::Payload(b"payload"[..].into())), None, "answered before");
    assert_eq!(blamed(&one.1), [(p(3), RbcFault::BadPayload)]);
    one.gets(0, Message::Echo(h));
    assert_eq!(one.sent(), [(Recipient::One(p(0)), Message::Pull(h))]);
    let delivery = one.gets(0, Message::Payload(b"payload"[..].into()));
    assert_eq!(delivery, Some(Delivery::Payload(b"payload"[..].into())));
    assert_eq!(one.gets(0, send), None, "delivered once");
}

#[test]
fn the_first_offer_of_each_party_is_kept_and_the_agreed_one_delivered() {
    let h = digest(&sends(4, SHORT, b"payload")[1]);
    let payload = |bytes: &[u8]| Message::Payload(Bytes::from(bytes.to_vec()));
    for (honest, delivered) in [(2, true), (3, false)] {
        let mut one = One::new(SHORT);
        one.0 = one.0.taking_offers();
        // Party 3 offers junk first: what it offers then does not count.
        one.gets(3, payload(b"junk"));
        one.gets(honest, payload(b"payload"));
        let ready = [0, 2, 3].map(|q| one.gets(q, Message::Ready(h)));
        let expected = delivered.then(|| Delivery::Payload(b"payload"[..].into()));
        assert_eq!(ready, [None, None, expected.clone()], "not before it is agreed");
        // After that as well.
        let late = one.gets(0, payload(b"payload"));
        assert_eq!(late.is_some(), expected.is_none());
        assert_eq!(blamed(&one.1), [], "an offer is no answer");
    }
}

#[test]
fn the_payload_of_a_second_send_is_delivered_when_it_is_the_agreed_one() {
    let [first, second] = [&b"one"[..], b"two"].map(|m| sends(4, SHORT, m)[1].clone());
    for (late, delivered) in [(&second, Some(Delivery::Payload(b"two"[..].into()))), (&first, None)]
    {
        let mut one = One::new(SHORT);
        one.gets(0, first.clone());
        for q in [0, 2, 3] {
            one.gets(q, Message::Ready(digest(&second)));
        }
        assert_eq!(one.gets(0, late.clone()), delivered);
    }
}

#[test]
fn at_most_one_pull_more_than_the_faulty_are_sent() {
    let h = digest(&sends(4, SHORT, b"payload")[1]);
    let mut one = One::new(SHORT);
    for q in [0, 2, 3] {
        one.gets(q, Message::Echo(h));
        one.gets(q, Message::Ready(h));
    }
    let pulls = one.sent().into_iter().filter(|(_, m)| matches!(m, Message::Pull(_)));
    assert_eq!(pulls.count(), 2);
}

#[test]
fn a_pull_is_answered_once_for_each_party_before_and_after_delivery() {
    let send = sends(4, SHORT, b"payload")[1].clone();
    let h = digest(&send);
    let answer = |q| (Recipient::One(p(q)), Message::Payload(b"payload"[..].into()));
    let mut one = One::new(SHORT);
    one.gets(2, Message::Pull(h));
    assert!(one.sent().is_empty(), "nothing here yet");
    one.gets(0, send);
    one.sent();
    one.gets(3, Message::Pull(Digest::from([9; 32])));
    assert!(one.sent().is_empty(), "not what is here");
    one.gets(2, Message::Pull(h));
    one.gets(2, Message::Pull(h));
    assert_eq!(one.sent(), [answer(2)]);
    for q in [0, 2, 3] {
        one.gets(q, Message::Ready(h));
    }
    assert!(one.0.delivered().is_some());
    one.sent();
    one.gets(3, Message::Pull(h));
    one.gets(3, Message::Pull(h));
    one.gets(2, Message::Pull(h));
    assert_eq!(one.sent(), [answer(3)]);
}

#[test]
fn a_gated_broadcast_echoes_on_approval_only_but_follows_the_others() {
    let send = sends(4, SHORT, b"payload")[1].clone();
    let h = digest(&send);
    let gated = || {
        let one = One::new(SHORT);
        One(one.0.gated(), one.1)
    };
    let mut one = gated();
    one.0.approve(&mut one.1);
    assert_eq!(one.0.held(), None);
    one.gets(0, send.clone());
    assert!(one.sent().is_empty());
    assert_eq!(one.0.held().map(|held| &held[..]), Some(&b"payload"[..]));
    one.0.approve(&mut one.1);
    one.0.approve(&mut one.1);
    assert_eq!(one.sent(), [(Recipient::All, Message::Echo(h))]);
    assert_eq!(one.0.held(), None);

    // Never approved: READY and delivery follow the others all the same.
    let mut one = gated();
    one.gets(0, send);
    for q in [0, 2] {
        assert_eq!(one.gets(q, Message::Ready(h)), None);
    }
    assert_eq!(one.sent(), [(Recipient::All, Message::Ready(h))]);
    assert!(one.gets(3, Message::Ready(h)).is_some());
    one.0.approve(&mut one.1);
    assert_eq!(one.sent(), [(Recipient::All, Message::Echo(h))], "late approval still echoes");
    assert_eq!(one.1.faults, []);
}

#[test]
fn inputs_are_the_senders_once_and_within_the_limit() {
    let mut out = Collected::default();
    let keyrings = keyrings(4);
    for mode in [SHORT, LONG] {
        let mut other = Rbc::new(keyrings[1].clone(), SENDER, tag(), mode);
        let refused = other.broadcast(Bytes::default(), &mut out);
        assert_eq!(refused, Err(Error::NotYours { party: SENDER, what: "broadcast" }));
        let mut sender = Rbc::new(keyrings[0].clone(), SENDER, tag(), mode);
        let refused = sender.broadcast(vec![0; 1001].into(), &mut out);
        assert!(matches!(refused, Err(Error::WrongSize { expected: 1000, got: 1001, .. })));
        assert!(out.sent.is_empty());
        assert_eq!(sender.broadcast(vec![0; 1000].into(), &mut out), Ok(()));
        let refused = sender.broadcast(Bytes::default(), &mut out);
        assert!(matches!(refused, Err(Error::AlreadyGiven { .. })));
        out.sent.clear();
    }
}

#[test]
fn messages_of_the_other_mode_are_blamed() {
    let digest = Digest::from([1; 32]);
    for (mode, other) in [(SHORT, LONG), (LONG, SHORT)] {
        let send = &sends(4, other, b"payload")[1];
        let mut one = One::new(mode);
        one.gets(0, send.clone());
        one.gets(2, echo(send));
        if mode == LONG {
            one.gets(2, Message::Pull(digest));
            one.gets(2, Message::Payload(Bytes::default()));
        }
        assert!(blamed(&one.1).iter().all(|(_, kind)| *kind == RbcFault::WrongMode));
        assert_eq!(one.1.faults.len(), if mode == LONG { 4 } else { 2 });
        assert!(one.sent().is_empty());
    }
}

#[test]
fn digests_of_different_instances_modes_and_lengths_differ() {
    let digests: std::collections::BTreeSet<Digest> = [
        short::digest(&tag(), b"payload"),
        short::digest(&tag().child("x"), b"payload"),
        short::digest(&tag(), b"payload\0"),
        short::digest(&tag(), b""),
        long::shards(Committee::new(4).unwrap(), b"payload")[0].root,
        long::shards(Committee::new(4).unwrap(), b"payload\0")[0].root,
    ]
    .into();
    assert_eq!(digests.len(), 6);
}

#[test]
fn messages_encode_and_print_their_kind() {
    let mut messages = vec![
        Message::Echo(Digest::from([1; 32])),
        Message::Ready(Digest::from([1; 32])),
        Message::Pull(Digest::from([1; 32])),
        Message::Payload(b"payload"[..].into()),
    ];
    for mode in [SHORT, LONG] {
        messages.push(sends(4, mode, b"payload")[1].clone());
        messages.push(echo(&sends(4, mode, b"payload")[1]));
    }
    let kinds: Vec<String> = messages.iter().map(ToString::to_string).collect();
    assert_eq!(kinds, ["ECHO", "READY", "PULL", "PAYLOAD", "SEND", "ECHO", "SEND", "ECHO"]);
    for message in messages {
        assert_eq!(wire::decode(&wire::encode(&message), 1000), Ok(message));
    }
}
