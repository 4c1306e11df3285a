//! Every bound on what a peer can make a party do or store, each with its reason.

/// Parties in a committee. Sets of parties are 128-bit maps; the protocols are tuned for up to 64.
pub const MAX_PARTIES: usize = 128;

/// Bytes of one encoded envelope: the largest message is an ACSS dispersal or a long broadcast's
/// shard, both well under it.
pub const MAX_ENVELOPE: usize = 4 << 20;

/// Bytes of a payload in a short reliable broadcast that any member may start.
pub const MAX_SHORT_PAYLOAD: usize = 4 << 10;

/// Bytes of an ACSS public payload: `n` commitments and roots, two checks of `t + 1` coefficients,
/// and for each chunk of triples three polynomials of `t + 1` coefficients over the extension.
pub const MAX_DEALING_PAYLOAD: usize = 256 << 10;

/// Bytes of a payload in a long (erasure-coded) reliable broadcast.
pub const MAX_LONG_PAYLOAD: usize = 16 << 20;

/// Secrets in one batch sharing.
pub const MAX_BATCH: usize = 1 << 16;

/// Rounds of a binary agreement ahead of one's own for which messages are kept. A peer further
/// ahead is asked to send again when its round is reached.
pub const ROUND_WINDOW: u32 = 8;

/// Bytes of a rule's text: enough for the longest name and number with blanks between.
pub const MAX_RULE: usize = 128;

/// Bytes of a proposal's title: a line or two.
pub const MAX_TITLE: usize = 200;

/// Bytes of a proposal's text: with everything else it fits [`MAX_SHORT_PAYLOAD`].
pub const MAX_TEXT: usize = 2 << 10;

/// Bytes of an encoded certificate: a proposal, the statement, and 66 for each of
/// [`MAX_PARTIES`] signatures.
pub const MAX_CERTIFICATE: usize = 16 << 10;
