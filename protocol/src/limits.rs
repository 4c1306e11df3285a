//! Every bound on what a peer can make a party do or store, each with its reason.

use std::time::Duration;

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

/// Addresses of a member that comes in for another: with all else they fit [`MAX_SHORT_PAYLOAD`].
pub const MAX_ADDRESSES: usize = 8;

/// Bytes of one of them.
pub const MAX_ADDRESS: usize = 120;

/// Bytes of a document that the network is asked to sign: a payment file or a manifest, not the
/// goods themselves. It is broadcast in shards and kept until its decision is certified.
pub const MAX_DOCUMENT: usize = 1 << 20;

/// Bytes of an encoded certificate: a proposal, the statement, and in the accountable form 64 for
/// each of up to [`MAX_PARTIES`] members' signatures.
pub const MAX_CERTIFICATE: usize = 16 << 10;

/// Names in one slot's value: each is 10 bytes, and a value is a short broadcast.
pub const MAX_SLOT_PROPOSALS: usize = 256;

/// Bytes of an encoded ballot: a variant, a length, and one bit for each mask.
pub const MAX_BALLOT: usize = 64;

/// Messages of a decision's circuit that are kept from one peer before the input set is fixed here:
/// one for each round of the deepest circuit.
pub const MAX_EARLY_OPENINGS: usize = 16;

/// Proposals one's own node lets be open at once.
pub const MAX_OWN_OPEN: usize = 8;

/// Open proposals of one member beyond which its next broadcast waits: more than
/// [`MAX_OWN_OPEN`], since others may see a decision end later than its proposer.
pub const MAX_OPEN_PER_MEMBER: usize = 16;

/// Proposals with documents that one's own node lets be open at once.
pub const MAX_OWN_DOCUMENTS: usize = 4;

/// Documents kept from one proposer before their proposals arrive: more than [`MAX_OWN_DOCUMENTS`],
/// since others may see a decision end later than its proposer. Others can be asked for again.
pub const EARLY_DOCUMENTS: usize = 8;

/// Documents of certified decisions that are kept for those who lag, and to be looked at.
pub const DOCUMENTS_KEPT: usize = 16;

/// How often one peer is sent one document: it may restart and ask again.
pub const DOCUMENT_ANSWERS: usize = 3;

/// Sequence numbers of a proposer, around the last one ordered, for which broadcasts are kept.
pub const SEQUENCE_WINDOW: u64 = 32;

/// Sequence numbers after the last one ordered that a member uses itself, more than
/// [`MAX_OWN_OPEN`]. The rest of the window is for others, who may lag.
pub const OWN_SEQUENCES: u64 = SEQUENCE_WINDOW / 2;

/// How far all windows of sequence numbers move on when the ledger takes note of members that came
/// back: so far that nothing that was on its way is within them.
pub const SKIP: u64 = 2 * SEQUENCE_WINDOW;

/// How often in one epoch the ledger takes note that the same member came back from a backup: a
/// malicious one could say so without end.
pub const MAX_RETURNS: u64 = 64;

/// Slots of one epoch that end with nothing, after which none begins only because a member came back:
/// malicious ones could tell some members and not others.
pub const MAX_IDLE_SLOTS: u64 = 256;

/// Slots ahead of the next one in which messages are handled.
pub const SLOT_WINDOW: u64 = 8;

/// Finished slots kept for laggards.
pub const SLOTS_KEPT: u64 = 16;

/// Preprocessing runs ahead of the next one in which messages are handled, and told again at a time.
pub const RUN_WINDOW: u64 = 4;

/// Finished runs that are kept for members that may not have their material yet, while decisions may
/// still use it. Each holds up to 4 MiB in memory among 16 members, and more in a larger committee.
pub const fn kept_runs(n: usize) -> usize {
    if n <= 16 { 16 } else { 4 }
}

/// Ledger positions ahead of the next one for which messages are kept, and behind it for which
/// laggards are sent the certificate.
pub const POSITION_WINDOW: u64 = 64;

/// Bytes kept from one peer, of each kind, for what has not begun here yet: positions, slots and
/// runs, and what it says of the past. Honest peers are a few messages ahead, and a dealing is the
/// largest of those.
pub const MAX_EARLY_BYTES: usize = 4 << 20;

/// Bytes kept from one peer in one epoch, of all kinds: of positions, slots and runs, of what it says
/// of the past, and documents.
pub const MAX_KEPT_BYTES: usize = 4 * MAX_EARLY_BYTES + EARLY_DOCUMENTS * MAX_DOCUMENT;

/// Epochs after the current one of which messages are kept: as many as one may be away for.
pub const EPOCH_WINDOW: u64 = REFRESHES_KEPT as u64;

/// Bytes kept from one peer for all epochs that have not begun here. Honest peers say more in an epoch
/// only if they make material more than once in it.
pub const MAX_AHEAD_BYTES: usize = REFRESHES_KEPT * MAX_EARLY_BYTES;

/// Bytes of one message of a decision's circuit that is kept before the input set is fixed here: a
/// circuit opens a few values at a time.
pub const MAX_EARLY_OPENING: usize = 16 << 10;

/// Slots or runs told to a peer that catches up, at a time.
pub const SYNC_SLOTS: u64 = 32;

/// Certificates told to a peer that catches up, at a time.
pub const SYNC_CERTIFICATES: usize = 256;

/// Ranges of positions in a question for the certificates that are lacking: more than are open at a
/// time among 16 members.
pub const SYNC_GAPS: usize = 256;

/// How long a preprocessing run waits for more than `n - t` dealers: all of them raise its yield.
pub const RUN_PATIENCE: Duration = Duration::from_millis(500);

/// How long after the deadline votes are still waited for.
pub const GRACE: Duration = Duration::from_secs(1);

/// How often a peer may ask what it missed before something new has ended, or it has taken in an answer.
pub const SYNC_ANSWERS: u64 = 16;

/// How often a peer that lost what it had may have everything said again to it before something new
/// has ended: each time, all that is open is made again from the log.
pub const SYNC_REPEATS: u64 = 2;

/// Messages that one member has for another in a key generation: for each of [`MAX_PARTIES`] members
/// about 11 of a dealing and 5 of a broadcast, and 5 for each round of an agreement; 64 rounds are
/// needed once in 2^62 times.
pub const MAX_CEREMONY_MESSAGES: u32 = 1 << 16;

/// Bytes that are taken from one member in a key generation: for each of [`MAX_PARTIES`] members the
/// public part of a dealing (10 KiB; once more if it was asked for, and once more in parting), its
/// sealed shares, and the coin shares of some 100 rounds.
pub const MAX_CEREMONY_BYTES: usize = 8 << 20;

/// Refreshes whose words are kept for members that did not confirm: so many epochs one may be away
/// and find its way through each. Of a refresh a member has said some hundred KiB.
pub const REFRESHES_KEPT: usize = 4;

/// Bytes of one member's messages in the log of a proposal's broadcast: it says [`MAX_SHORT_PAYLOAD`]
/// up to three times, and all of it again whenever it restarts.
pub const MAX_LOGGED_PROPOSAL: usize = 256 << 10;

/// Bytes of one member's messages in the log of a slot or a decision: for each of [`MAX_PARTIES`] values
/// a broadcast and an agreement, and all of it again whenever it restarts.
pub const MAX_LOGGED_AGREEMENT: usize = 4 << 20;

/// Bytes of one member's messages in the log of a preprocessing run: its dealings, its part in those of
/// others, and openings; all of it again whenever it restarts.
pub const MAX_LOGGED_RUN: usize = 64 << 20;
