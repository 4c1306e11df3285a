//! One organisation's node: a party of the protocol on libp2p, with storage and an interface.

#[cfg(any(quorate_ideal, zoo))]
compile_error!("builds with ideal groups or with known bugs are for simulations only");

pub mod api;
pub mod ceremony;
pub mod certificate_file;
pub mod cli;
pub mod client;
pub mod demo;
pub mod doctor;
pub mod driver;
pub mod evidence_file;
mod files;
pub mod handed_file;
pub mod home;
pub mod metrics;
pub mod net;
pub mod roster;
pub mod store;
mod stretch;
pub mod support;

pub use driver::{
    CallError, DecisionStanding, Node, NodeError, NodeHandle, NodeOptions, NodeStatus, PeerStatus,
    run_node,
};
