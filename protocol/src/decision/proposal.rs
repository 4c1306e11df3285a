//! The question that is put to the members.
//!
//! A proposal is reliably broadcast by its proposer and then ordered; from there on it is known by
//! its digest, which binds every field, the network and the epoch. People call it by the first
//! 40 bits of the digest, `dec_` and eight characters ([`DecisionId`]): enough to tell the
//! decisions of a network apart, never used where it matters that nobody can find two alike.
//!
//! A proposal from a peer is text from another organisation. [`Proposal::validate`] bounds it and
//! refuses characters that could make a terminal or a page show something else than what was
//! sent; it still is to be shown as a quotation, never interpreted.
//!
//! A proposal may ask for the network's signature over a *document*, a file of the proposer's. It
//! names the file by length and hash; the file itself travels beside it. Or a proposal may ask for a
//! *[renewal](super::renewal)*: new shares of the network's keys, which begin if it is accepted,
//! with the same members or with one of them replaced.
//!
//! # Encoding
//! Integers are little-endian, texts UTF-8.
//!
//! | bytes | field |
//! |---|---|
//! | 8 + length | length and bytes of the title |
//! | 8 + length | length and bytes of the text |
//! | 8 + length | length and text of the rule, canonical |
//! | 8 | deadline, milliseconds since 1970 UTC |
//! | 2 | minimum |
//! | 16 | nonce |
//! | 1 | 1 if a document is to be signed, else 0; if 1, then |
//! | 4 | length of the document |
//! | 32 | hash of the document |
//! | 1 | 0; 1 if the keys are to be refreshed; 2 if a member is to be replaced, and then [its new keys](super::renewal) |
//!
//! The digest is [`Transcript::new`]`(root, "proposal").bytes(encoding).digest()`.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId};
use crate::crypto::{Digest, Transcript};
pub use crate::decision::renewal::{Renewal, Replacement};
use crate::limits;
use crate::rule::{Rule, RuleError};
use crate::tag::Tag;
use crate::wire;

/// A question with its rule. The order of the fields is that of the encoding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// The question in one line.
    pub title: String,
    /// What is to be known about it; may be empty.
    pub text: String,
    /// Which votes accept it.
    pub rule: Rule,
    /// When members who have not voted are left out: milliseconds since 1970, UTC. Each by its
    /// own clock; which votes count is agreed on, not timed.
    pub deadline_ms: u64,
    /// Fewer counted votes than this, and the outcome is `expired`.
    pub minimum: u16,
    /// Makes equal questions different proposals.
    pub nonce: [u8; 16],
    /// What the network is to sign if it accepts.
    pub document: Option<DocumentRef>,
    /// What happens to the shares of the network's keys if it accepts. Nothing beside a document.
    pub renewal: Renewal,
}

/// Names a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentRef {
    /// Bytes it has.
    pub length: u32,
    /// Its BLAKE3 hash, plain, so that `b3sum` gives it: a file has one name everywhere.
    pub digest: Digest,
}

impl DocumentRef {
    /// The name of these bytes; `None` if they are too many.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let length = u32::try_from(bytes.len()).ok()?;
        let digest = Digest::from(*blake3::hash(bytes).as_bytes());
        (bytes.len() <= limits::MAX_DOCUMENT).then_some(Self { length, digest })
    }

    /// Whether it names these bytes.
    pub fn names(&self, bytes: &[u8]) -> bool {
        Self::of(bytes) == Some(*self)
    }
}

/// Why a proposal is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalError {
    /// No title.
    #[error("the title is empty")]
    NoTitle,
    /// A title or text over its limit.
    #[error("the {what} is {got} bytes long, at most {limit} are allowed")]
    TooLong {
        /// Title or text.
        what: &'static str,
        /// Most bytes allowed.
        limit: usize,
        /// Bytes given.
        got: usize,
    },
    /// A character that does not show, or changes how others show.
    #[error("the {what} has a control character at character {position}")]
    ControlCharacter {
        /// Title or text.
        what: &'static str,
        /// Which character, from 1.
        position: usize,
    },
    /// A minimum participation that cannot be.
    #[error("the minimum participation is {got}: it must be from {least} to {most}")]
    Minimum {
        /// Least allowed.
        least: usize,
        /// Number of members.
        most: usize,
        /// Given.
        got: usize,
    },
    /// A document that is empty or too long.
    #[error("the document is {got} bytes long: it must have from 1 to {limit}")]
    Document {
        /// Most bytes allowed.
        limit: usize,
        /// Bytes it has.
        got: u32,
    },
    /// It asks for two things.
    #[error("a refresh of the keys and a signature are decided one by one")]
    TwoActions,
    /// A replacement of nobody, in a network that needs everybody, or with addresses that are none.
    #[error("nobody can be replaced like this: no such seat or address, or all members are needed")]
    Replacement,
    /// A refresh that too few could bring about.
    #[error("a refresh of the keys is accepted by {quorum} or more: count(approve) >= {quorum}")]
    RefreshRule {
        /// As many as it takes to decide at all.
        quorum: usize,
    },
    /// A rule that makes no sense for this network.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl Proposal {
    /// A proposal as it was broadcast; `None` if it is none that is well formed.
    pub(crate) fn read(payload: &[u8], committee: Committee) -> Option<Self> {
        let proposal: Self = wire::decode(payload, limits::MAX_SHORT_PAYLOAD).ok()?;
        proposal.validate(committee).ok()?;
        Some(proposal)
    }

    /// Whether this is a question that `committee` can decide.
    ///
    /// # Errors
    /// The first of [`ProposalError`] that applies.
    pub fn validate(&self, committee: Committee) -> Result<(), ProposalError> {
        if self.title.trim().is_empty() {
            return Err(ProposalError::NoTitle);
        }
        check_text("title", &self.title, limits::MAX_TITLE, |_| false)?;
        check_text("text", &self.text, limits::MAX_TEXT, |c| c == '\n')?;
        // The outcome over a single honest vote and t others would tell what it was.
        let (least, most, got) = (committee.two_honest(), committee.n(), usize::from(self.minimum));
        if !(least..=most).contains(&got) {
            return Err(ProposalError::Minimum { least, most, got });
        }
        if let Some(document) = &self.document {
            let (limit, got) = (limits::MAX_DOCUMENT, document.length);
            if got == 0 || usize::try_from(got).is_ok_and(|got| got > limit) {
                return Err(ProposalError::Document { limit, got });
            }
        }
        if self.renewal.is_some() && self.document.is_some() {
            return Err(ProposalError::TwoActions);
        }
        if self.renewal.replacement().is_some_and(|new| !new.is_well_formed(committee)) {
            return Err(ProposalError::Replacement);
        }
        self.rule.check(committee.n())?;
        // So that honest members have agreed to it, each of whom has seen all others with their keys.
        let quorum = committee.quorum();
        let by_fewer = |yes: usize| self.rule.evaluate_clear(&vec![1; yes]);
        if self.renewal.is_some() && (self.rule.input().max() > 1 || (0..quorum).any(by_fewer)) {
            return Err(ProposalError::RefreshRule { quorum });
        }
        Ok(())
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// What the proposal is known by in one epoch of one network, whose root `root` is.
    pub fn digest(&self, root: &Tag) -> Digest {
        Transcript::new(root, "proposal").bytes(&self.to_bytes()).digest()
    }
}

fn check_text(
    what: &'static str,
    text: &str,
    limit: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<(), ProposalError> {
    if text.len() > limit {
        return Err(ProposalError::TooLong { what, limit, got: text.len() });
    }
    match text.chars().position(|c| misleading(c) && !allowed(c)) {
        Some(at) => Err(ProposalError::ControlCharacter { what, position: at + 1 }),
        None => Ok(()),
    }
}

// Control characters, line breaks of Unicode, marks that reorder text, invisible characters.
fn misleading(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Which broadcast a proposal came in: the proposer's `sequence`-th.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ProposalId {
    /// Whose proposal.
    pub proposer: PartyId,
    /// Number among that member's proposals, from 0.
    pub sequence: u64,
}

impl ProposalId {
    /// The name of its broadcast, in the epoch named `root`.
    pub(crate) fn broadcast(&self, root: &Tag) -> Tag {
        root.indexed("proposer", self.proposer.point()).indexed("proposal", self.sequence)
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.proposer, self.sequence)
    }
}

const PREFIX: &str = "dec_";
// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARACTERS: usize = 8;

/// What people call a decision: `dec_` and the first 40 bits of the proposal's digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId(u64);

impl DecisionId {
    /// The name of the decision on the proposal with this digest.
    pub fn of(digest: &Digest) -> Self {
        let [a, b, c, d, e, ..] = *digest.as_bytes();
        Self(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for i in (0..CHARACTERS).rev() {
            let digit = (self.0 >> (5 * i) & 31) as usize;
            f.write_char(ALPHABET.get(digit).copied().unwrap_or_default().into())?;
        }
        Ok(())
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no decision's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the name of a decision: those look like dec_7Q2K9X4M")]
pub struct NotADecision;

/// Takes either case, and O for 0, I and L for 1, as people read them.
impl FromStr for DecisionId {
    type Err = NotADecision;

    fn from_str(text: &str) -> Result<Self, NotADecision> {
        let text = text.trim().to_ascii_uppercase();
        let digits = text.strip_prefix("DEC_").ok_or(NotADecision)?;
        if digits.len() != CHARACTERS {
            return Err(NotADecision);
        }
        let mut value = 0;
        for c in digits.bytes() {
            let c = match c {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                c => c,
            };
            let digit = (0u64..).zip(ALPHABET).find(|(_, a)| **a == c).ok_or(NotADecision)?.0;
            value = value << 5 | digit;
        }
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal() -> Proposal {
        Proposal {
            title: "Extend the credit line to Orion?".into(),
            text: "Two paragraphs.\n\nWith ümlauts.".into(),
            rule: Rule::parse("mean(confidence) > 75").unwrap(),
            deadline_ms: 1_790_000_000_000,
            minimum: 3,
            nonce: [7; 16],
            document: None,
            renewal: Renewal::None,
        }
    }

    fn four() -> Committee {
        Committee::new(4).unwrap()
    }

    #[test]
    fn every_field_network_and_epoch_is_in_the_digest() {
        let root = Tag::root(&[1; 32], 0);
        let p = proposal();
        let mut digests = vec![
            p.digest(&root),
            p.digest(&Tag::root(&[2; 32], 0)),
            p.digest(&Tag::root(&[1; 32], 1)),
            Proposal { title: "?".into(), ..p.clone() }.digest(&root),
            Proposal { text: String::new(), ..p.clone() }.digest(&root),
            Proposal { rule: Rule::parse("mean(x) > 75").unwrap(), ..p.clone() }.digest(&root),
            Proposal { deadline_ms: 0, ..p.clone() }.digest(&root),
            Proposal { minimum: 4, ..p.clone() }.digest(&root),
            Proposal { nonce: [8; 16], ..p.clone() }.digest(&root),
            Proposal { document: DocumentRef::of(b"a"), ..p.clone() }.digest(&root),
            Proposal { document: DocumentRef::of(b"b"), ..p.clone() }.digest(&root),
            Proposal { renewal: Renewal::Refresh, ..p.clone() }.digest(&root),
        ];
        digests.sort();
        let count = digests.len();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }

    #[test]
    fn the_longest_proposal_fits_a_short_broadcast() {
        let p = Proposal {
            title: "t".repeat(limits::MAX_TITLE),
            text: "x".repeat(limits::MAX_TEXT),
            rule: Rule::parse(&format!("mean({}) >= 66.666667", "n".repeat(32))).unwrap(),
            document: DocumentRef::of(b"a"),
            ..proposal()
        };
        assert_eq!(p.validate(four()), Ok(()));
        let bytes = wire::encode(&p);
        assert!(bytes.len() <= limits::MAX_SHORT_PAYLOAD);
        assert_eq!(wire::decode(&bytes, limits::MAX_SHORT_PAYLOAD), Ok(p));
    }

    #[test]
    fn a_proposal_is_encoded_byte_for_byte_as_documented() {
        let p = proposal();
        let mut bytes = Vec::new();
        for text in [&p.title, &p.text, &p.rule.to_string()] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(p.deadline_ms.to_le_bytes());
        bytes.extend([3, 0]);
        bytes.extend([7; 16]);
        assert_eq!(p.to_bytes(), [&bytes[..], &[0, 0]].concat());
        let refresh = Proposal { renewal: Renewal::Refresh, ..p.clone() };
        assert_eq!(refresh.to_bytes(), [&bytes[..], &[0, 1]].concat());
        let with = Proposal { document: DocumentRef::of(b"abc"), ..p };
        let hash = *blake3::hash(b"abc").as_bytes();
        assert_eq!(with.to_bytes(), [&bytes[..], &[1, 3, 0, 0, 0], &hash, &[0]].concat());
    }

    #[test]
    fn documents_are_named_by_all_their_bytes_and_bounded() {
        let name = DocumentRef::of(b"pay 100").unwrap();
        assert!(name.names(b"pay 100"));
        assert!(!name.names(b"pay 101") && !name.names(b"pay 1000") && !name.names(b""));
        assert!(DocumentRef::of(&vec![0; limits::MAX_DOCUMENT]).is_some());
        assert_eq!(DocumentRef::of(&vec![0; limits::MAX_DOCUMENT + 1]), None);
        let of_length = |length| {
            let document = Some(DocumentRef { length, ..name });
            Proposal { document, ..proposal() }.validate(four())
        };
        let most = limits::MAX_DOCUMENT as u32;
        assert_eq!((of_length(1), of_length(most)), (Ok(()), Ok(())));
        assert!(of_length(0).is_err() && of_length(most + 1).is_err());
        let both = Proposal { document: Some(name), renewal: Renewal::Refresh, ..proposal() };
        assert_eq!(both.validate(four()), Err(ProposalError::TwoActions));
        let refresh = |rule| {
            let rule = Rule::parse(rule).unwrap();
            Proposal { renewal: Renewal::Refresh, rule, ..proposal() }.validate(four())
        };
        for rule in ["count(approve) >= 3", "count(approve) > 2", "count(approve) >= 4"] {
            assert_eq!(refresh(rule), Ok(()), "{rule}");
        }
        for rule in ["count(approve) >= 2", "count(approve) <= 3", "count(approve) < 2"] {
            assert_eq!(refresh(rule), Err(ProposalError::RefreshRule { quorum: 3 }), "{rule}");
        }
        assert!(refresh("mean(confidence) > 75").is_err());
    }

    #[test]
    fn malformed_proposals_are_refused_with_a_reason() {
        let refused = |p: Proposal| p.validate(four()).unwrap_err().to_string();
        let p = proposal();
        for (title, error) in [
            (String::new(), "the title is empty"),
            (" ".into(), "the title is empty"),
            ("a\nb".into(), "the title has a control character at character 2"),
            ("a\u{1b}[2J".into(), "the title has a control character at character 2"),
            ("ab\u{202e}c".into(), "the title has a control character at character 3"),
            ("t".repeat(201), "the title is 201 bytes long, at most 200 are allowed"),
        ] {
            assert_eq!(refused(Proposal { title, ..p.clone() }), error);
        }
        for (text, error) in [
            ("a\r\n".into(), "the text has a control character at character 2"),
            ("\u{200b}".into(), "the text has a control character at character 1"),
            ("t".repeat(2049), "the text is 2049 bytes long, at most 2048 are allowed"),
        ] {
            assert_eq!(refused(Proposal { text, ..p.clone() }), error);
        }
        for minimum in [0, 1, 2, 5] {
            assert_eq!(
                refused(Proposal { minimum, ..p.clone() }),
                format!("the minimum participation is {minimum}: it must be from 3 to 4")
            );
        }
        let rule = Rule::parse("count(x) >= 5").unwrap();
        assert_eq!(
            refused(Proposal { rule, ..p.clone() }),
            "a count of 4 members is never at least 5"
        );
        assert_eq!(p.validate(four()), Ok(()));
    }

    #[test]
    fn names_of_decisions_are_read_as_people_write_them() {
        let mut bytes = [0; 32];
        bytes[..5].copy_from_slice(&[0xff, 0, 1, 2, 3]);
        let id = DecisionId::of(&Digest::from(bytes));
        assert_eq!(id.to_string(), "dec_ZW0020G3");
        for text in ["dec_ZW0020G3", "DEC_zw0020g3", " dec_zwOo2og3 "] {
            assert_eq!(text.parse(), Ok(id), "{text}");
        }
        assert_eq!("dec_IL00ilI1".parse::<DecisionId>().unwrap().to_string(), "dec_11001111");
        for text in
            ["", "dec_", "dec_ZW0020G", "dec_ZW0020G33", "ZW0020G3", "dec_ZW0020GU", "dec_é00000"]
        {
            assert_eq!(text.parse::<DecisionId>(), Err(NotADecision), "{text}");
        }
        for i in 0..40 {
            let mut bytes = [0; 32];
            bytes[i / 8] = 1 << (i % 8);
            let id = DecisionId::of(&Digest::from(bytes));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
