//! Kinds of messages: what a behaviour can be about.

use std::fmt;

use quorate_protocol::agreement::{acs, rbc};
use quorate_protocol::decision::{certifying, collect, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::mpc::preprocessing::{self, refine};
use quorate_protocol::party::Message;
use quorate_protocol::sharing::acss;
use serde::{Deserialize, Serialize};

use crate::Wire;

macro_rules! kinds {
    ($($variant:ident => $text:literal,)*) => {
        /// What a message says, whatever it is part of.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind {
            $(#[doc = $text] $variant,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl fmt::Display for Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

kinds! {
    Send => "SEND",
    Echo => "ECHO",
    Ready => "READY",
    Pull => "PULL",
    Payload => "PAYLOAD",
    E1 => "E1",
    E2 => "E2",
    E3 => "E3",
    Decide => "DECIDE",
    CoinShare => "coin shares",
    Resend => "RESEND",
    Shards => "SHARDS",
    Forward => "FORWARD",
    Ok => "OK",
    Done => "DONE",
    Complaint => "COMPLAIN",
    Reveal => "REVEAL",
    Opening => "shares of openings",
    SignatureShare => "shares of signatures",
    OwnSignature => "own signatures",
    Certificate => "certificates",
    Document => "documents",
    Sync => "answers about the past",
    RunDone => "ends of runs",
    Ceremony => "HELLO and CONFIRM",
}

impl Kind {
    /// The kind of a message; `None` for what never travels.
    pub fn of(message: &Wire) -> Option<Self> {
        Some(match message {
            Message::Proposal(_, m) => Self::of_broadcast(m),
            Message::Document(..) => Self::Document,
            Message::Slot(_, m) | Message::Decision(_, life::Message::Collect(m)) => match m {
                collect::Message::Value(_, m) => Self::of_broadcast(m),
                collect::Message::Subset(m) => Self::of_agreement(m),
            },
            Message::Run(_, supply::Message::Nonces(_, m)) => Self::of_sharing(m)?,
            Message::Run(_, supply::Message::Material(m)) => match m {
                preprocessing::Message::Deal(_, m) => Self::of_sharing(m)?,
                preprocessing::Message::Agree(m) => Self::of_agreement(m),
                preprocessing::Message::Refine(refine::Message::Open(..)) => Self::Opening,
                _ => return None,
            },
            Message::Run(_, supply::Message::Pairs(_)) => return None,
            Message::RunDone(_) => Self::RunDone,
            Message::Decision(_, life::Message::Mask(_) | life::Message::Compute(_)) => {
                Self::Opening
            }
            Message::Decision(_, life::Message::Certify(m)) => match m {
                certifying::Message::Share(..) => Self::SignatureShare,
                certifying::Message::Own(..) => Self::OwnSignature,
            },
            Message::Decision(_, life::Message::Certified(_)) => Self::Certificate,
            Message::Sync(_) => Self::Sync,
            Message::Refresh(envelope) => match &**envelope {
                Envelope::Hello { .. } | Envelope::Confirm { .. } => Self::Ceremony,
                Envelope::Said { message, .. } => match message {
                    refresh::Message::Dealing(_, m) => Self::of_sharing(m)?,
                    refresh::Message::Sealing(_, m) => Self::of_broadcast(m),
                    refresh::Message::Agreement(m) => Self::of_agreement(m),
                },
            },
        })
    }

    const fn of_broadcast(message: &rbc::Message) -> Self {
        match message {
            rbc::Message::Send { .. } | rbc::Message::SendShard { .. } => Self::Send,
            rbc::Message::Echo(_) | rbc::Message::EchoShard(_) => Self::Echo,
            rbc::Message::Ready(_) => Self::Ready,
            rbc::Message::Pull(_) => Self::Pull,
            rbc::Message::Payload(_) => Self::Payload,
        }
    }

    const fn of_agreement<S>(message: &acs::Message<S>) -> Self {
        match message {
            acs::Message::Votes { kind: acs::Kind::E1, .. } => Self::E1,
            acs::Message::Votes { kind: acs::Kind::E2, .. } => Self::E2,
            acs::Message::Votes { kind: acs::Kind::E3, .. } => Self::E3,
            acs::Message::Votes { kind: acs::Kind::Decide, .. } => Self::Decide,
            acs::Message::Shares { .. } => Self::CoinShare,
            acs::Message::Resend { .. } => Self::Resend,
        }
    }

    const fn of_sharing(message: &acss::Message) -> Option<Self> {
        Some(match message {
            acss::Message::Rbc(m) => Self::of_broadcast(m),
            acss::Message::Shards(_) => Self::Shards,
            acss::Message::Forward(_) => Self::Forward,
            acss::Message::Ok => Self::Ok,
            acss::Message::Done => Self::Done,
            acss::Message::Complain(_) => Self::Complaint,
            acss::Message::Reveal(_) => Self::Reveal,
            acss::Message::Local(_) => return None,
        })
    }
}
