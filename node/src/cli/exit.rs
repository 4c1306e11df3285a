//! How a command ends: its exit code, and what a failure says.
//!
//! A failure is at most two lines on standard error: `error:` says what happened and why, `hint:`
//! says what to type next. Nothing secret is ever part of either.

use std::fmt::{self, Display};
use std::io::ErrorKind;
use std::process::ExitCode;

use crate::NodeError;
use crate::files::{MAKE_ROOM, RESTORE};
use crate::home::HomeError;
use crate::roster::RosterError;

/// Exit codes, the same for all commands. Scripts may rely on them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done; for `wait`: accepted.
    Ok,
    /// A defect or an unexpected failure of the machine.
    Internal,
    /// The command line is wrong.
    Usage,
    /// There is no such decision, file or member.
    NotFound,
    /// The node refused the caller.
    NotAuthorised,
    /// Something given is not valid: a rule, a vote, a file.
    Invalid,
    /// No node answers.
    Unreachable,
    /// `wait` only: undecided when the time was up.
    Pending,
    /// Already voted, sealed, or otherwise in conflict with what was done before.
    Conflict,
    /// `wait` only: decided, rejected.
    Rejected,
    /// `wait` only: decided, too few took part.
    Expired,
    /// `verify` only: the certificate does not hold.
    VerificationFailed,
    /// The node refuses to run, to protect the group.
    SafetyStop,
    /// `doctor` only: somebody should look at something.
    DoctorWarnings,
    /// `doctor` only: the node cannot work so.
    DoctorFailures,
    /// Ended by a signal.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAuthorised => 4,
            Self::Invalid => 5,
            Self::Unreachable => 6,
            Self::Pending => 7,
            Self::Conflict => 8,
            Self::Rejected => 10,
            Self::Expired => 11,
            Self::VerificationFailed => 12,
            Self::SafetyStop => 13,
            Self::DoctorWarnings => 14,
            Self::DoctorFailures => 15,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The exit codes as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  done; `wait`: accepted; `verify`: the certificate holds
   1  internal error
   2  wrong command line
   3  not found
   4  not authorised: wrong or missing passphrase
   5  invalid input
   6  no node answers
   7  still undecided when the time was up (`wait`)
   8  conflict: already voted, sealed
  10  rejected (`wait`)
  11  expired, too few took part (`wait`)
  12  the certificate does not hold (`verify`)
  13  safety stop: the node refuses to run, to protect the group
  14  somebody should look at something (`doctor`)
  15  the node cannot work so (`doctor`)
 130  interrupted";

/// Why a command did not do what it was asked to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened and why, lower case, without a final period.
    pub what: String,
    /// What to type next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, what: impl Display) -> Self {
        Self { exit, what: what.to_string(), hint: None }
    }

    /// The same with what to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// A file that cannot be used, whatever for.
    fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let failure = Self::unreadable(path, error);
        Self { what: format!("{}: {}", path.display(), reason(error)), ..failure }
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound => Exit::NotFound,
            std::io::ErrorKind::PermissionDenied => Exit::NotAuthorised,
            _ => Exit::Invalid,
        };
        Self::new(exit, format!("{} cannot be read: {}", path.display(), reason(error))).hint(
            match error.kind() {
                std::io::ErrorKind::InvalidData => "give a file of text in UTF-8",
                std::io::ErrorKind::IsADirectory => "give the path of a file, not of a directory",
                _ => "check the path and its permissions",
            },
        )
    }

    /// A file that cannot be written.
    pub fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::Invalid, format!("{} cannot be written: {}", path.display(), reason(error)))
            .hint("check that the folder exists and that you may write there")
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// The operating system's reason in plain words, without its error number.
pub fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::AlreadyExists => "it exists already".into(),
        ErrorKind::InvalidData => "it is not text".into(),
        _ => {
            let text = error.to_string().to_lowercase();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

impl From<RosterError> for Failure {
    fn from(error: RosterError) -> Self {
        let hint = error.hint();
        match &error {
            RosterError::File { path, source } => Self::file(path, source),
            RosterError::DuplicateName { .. } | RosterError::DuplicateAddress { .. } => {
                Self::new(Exit::Invalid, &error).hint("list every organisation once, as it is")
            }
            _ => Self::new(Exit::Invalid, &error).hint("correct it, or ask for the file again"),
        }
        .maybe_hint(hint)
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let hint = error.hint();
        let exit = match &error {
            HomeError::NotAMember { .. } => Exit::NotFound,
            HomeError::WrongPassphrase { .. } => Exit::NotAuthorised,
            HomeError::Exists { .. }
            | HomeError::OtherNetwork { .. }
            | HomeError::HasKeys { .. } => Exit::Conflict,
            HomeError::InUse { .. }
            | HomeError::IsCopy { .. }
            | HomeError::Exposed { .. }
            | HomeError::Store(_)
            | HomeError::KeysGone { .. }
            | HomeError::StoreGone { .. } => Exit::SafetyStop,
            _ => Exit::Invalid,
        };
        match error {
            HomeError::Roster(error) => error.into(),
            // It cannot write down what it is about to do.
            HomeError::File { path, source } if source.kind() == ErrorKind::StorageFull => {
                let what = format!("{} cannot be written: {}", path.display(), reason(&source));
                Self::new(Exit::SafetyStop, what).hint(MAKE_ROOM)
            }
            HomeError::File { path, source } => Self::file(&path, &source).maybe_hint(hint),
            error => Self::new(exit, &error).hint(RESTORE).maybe_hint(hint),
        }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let hint = error.hint();
        match error {
            NodeError::Home(error) => error.into(),
            NodeError::Listen { address, reason: cause } => {
                let what = format!("cannot listen on {address}: {}", reason(&cause));
                Self::new(Exit::Conflict, what).maybe_hint(hint)
            }
            NodeError::OtherLives
            | NodeError::OldCopy
            | NodeError::Older
            | NodeError::Replaced(_) => Self::new(Exit::SafetyStop, &error).maybe_hint(hint),
            // What was stored and what the network says do not go together.
            NodeError::Restore(_) | NodeError::Store(_) => Self::new(Exit::SafetyStop, &error)
                .hint("keep the data directory as it is, and ask for help")
                .maybe_hint(hint),
            _ => Self::new(Exit::Internal, &error)
                .hint("QUORATE_LOG=debug says more")
                .maybe_hint(hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_full_disk_is_a_safety_stop_that_says_what_to_do() {
        let full = || io::Error::from_raw_os_error(28);
        let home = HomeError::File { path: "a/start.number".into(), source: full() };
        let store = StoreError::File { path: "a/store.wal7".into(), source: full() };
        for failure in [Failure::from(home), Failure::from(NodeError::Store(store))] {
            assert_eq!(failure.exit, Exit::SafetyStop, "{failure}");
            assert_eq!(failure.hint.as_deref(), Some(MAKE_ROOM), "{failure}");
        }
        let gone = HomeError::File { path: "a".into(), source: io::Error::from_raw_os_error(2) };
        assert_eq!(Failure::from(gone).exit, Exit::NotFound);
    }

    #[test]
    fn a_damaged_file_is_not_replaced_by_an_old_copy() {
        let path = || Path::new("a/x").to_owned();
        let reason = "the file is damaged";
        for error in [
            HomeError::Malformed { path: path(), reason },
            HomeError::StoreGone { path: path() },
            HomeError::Store(StoreError::Changed { path: path() }),
        ] {
            let hint = Failure::from(error).hint.unwrap();
            assert!(hint.contains("Do not put an old copy in its place"), "{hint}");
            assert!(hint.ends_with("quorate key restore FILE --data-dir NEW"), "{hint}");
        }
        // Another token does no harm, and nothing has to be restored for it.
        let token = HomeError::Malformed { path: "a/api.token".into(), reason };
        let hint = Failure::from(token).hint.unwrap();
        assert!(hint.contains("openssl rand -hex 32 > a/api.token"), "{hint}");
    }

    #[test]
    fn file_failures_say_which_file_and_why_without_error_numbers() {
        let gone = Failure::unreadable(Path::new("a/b"), &io::Error::from_raw_os_error(2));
        assert_eq!(gone.what, "a/b cannot be read: there is no such file");
        assert_eq!(gone.exit, Exit::NotFound);
        let closed = Failure::unreadable(Path::new("a/b"), &io::Error::from_raw_os_error(13));
        assert_eq!(closed.exit, Exit::NotAuthorised);
        let folder = Failure::unreadable(Path::new("a"), &io::Error::from_raw_os_error(21));
        assert!(folder.hint.is_some_and(|hint| hint.contains("not of a directory")));
        let full = Failure::unwritable(Path::new("a/b"), &io::Error::from_raw_os_error(28));
        assert_eq!(full.what, "a/b cannot be written: no space left on device");
    }
}
