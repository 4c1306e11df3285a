//! Agreement among parties of which some are Byzantine, without any assumption on time.

pub mod aba;
pub mod acs;
pub mod coin;
pub mod rbc;
