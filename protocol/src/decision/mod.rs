//! The life of one decision.
//!
//! | module | what |
//! |---|---|
//! | [`proposal`] | the question, with its rule and deadline |
//! | [`renewal`] | what it may ask for beside: new shares, a member replaced |
//! | [`slot`], [`ledger`] | which position it gets |
//! | [`supply`] | the runs that make the material, and the nonce pairs for signatures |
//! | [`stock`] | the preprocessed material its position claims |
//! | [`ballot`] | what a voter broadcasts |
//! | [`life`] | votes, sealing, computation, certification |
//! | [`certifying`] | from an outcome to what the network signs |
//! | [`collect`] | agreement on which broadcast values count: for slots, and for votes |
//! | [`certificate`] | the signed outcome, for anybody to check offline |

pub(crate) mod armour;
pub mod ballot;
pub mod certificate;
pub mod certifying;
pub mod collect;
pub mod ledger;
pub mod life;
pub mod proposal;
pub mod renewal;
pub mod slot;
pub mod stock;
pub mod supply;
