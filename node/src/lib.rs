//! One organisation's node: a party of the protocol on libp2p, with storage and an interface.

pub mod driver;
pub mod home;
pub mod net;
pub mod roster;
pub mod store;

pub use driver::{
    CallError, Node, NodeError, NodeHandle, NodeOptions, NodeStatus, PeerStatus, run_node,
};
