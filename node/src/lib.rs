//! One organisation's node: a party of the protocol on libp2p, with storage and an interface.

pub mod home;
pub mod net;
pub mod roster;
