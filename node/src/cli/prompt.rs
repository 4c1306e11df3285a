//! Reading what others must not see: a vote from a terminal without echo, from a file, or from
//! standard input; a passphrase from a terminal without echo.
//!
//! A vote never comes from the command line, where other users of the machine and the shell's
//! history would see it.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::Path;

use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use zeroize::Zeroizing;

use super::exit::{Exit, Failure};

/// Longest vote in bytes; every rule's votes are much shorter.
const MAX_VOTE: usize = 256;
/// Longest line that is typed, in bytes.
const MAX_LINE: usize = 1024;

/// The vote from `--from-file` (`-` is standard input), else from the terminal if there is one,
/// else from standard input. `ask` is what a terminal shows first.
///
/// # Errors
/// An unreadable file, an interrupted prompt, nothing at all.
pub fn read_vote(from_file: Option<&Path>, ask: &str) -> Result<Zeroizing<String>, Failure> {
    let stdin = io::stdin();
    let text = match from_file {
        Some(path) if path != Path::new("-") => {
            let mut file = File::open(path).map_err(|e| Failure::unreadable(path, &e))?;
            read_all(&mut file).map_err(|e| Failure::unreadable(path, &e))?
        }
        None if stdin.is_terminal() => hidden_line(ask)?,
        _ => {
            let mut stdin = stdin.lock();
            read_all(&mut stdin).map_err(|e| Failure::unreadable(Path::new("-"), &e))?
        }
    };
    let vote = Zeroizing::new(text.trim().to_owned());
    if vote.is_empty() {
        return Err(Failure::new(Exit::Invalid, "no vote was given, nothing was sent")
            .hint("type it at the prompt, or use --from-file FILE"));
    }
    Ok(vote)
}

fn read_all(source: &mut dyn Read) -> io::Result<Zeroizing<String>> {
    // One allocation, so that no copy of the vote is left behind by a growing buffer.
    let mut text = Zeroizing::new(String::with_capacity(MAX_VOTE + 1));
    source.take(MAX_VOTE as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_VOTE {
        return Err(io::Error::other("it is too long for a vote"));
    }
    Ok(text)
}

/// One line from the terminal, not shown while it is typed.
pub(super) fn hidden_line(ask: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |e: io::Error| {
        Failure::new(Exit::Internal, format!("the terminal cannot be read: {e}"))
            .hint("give a file instead: --help says how")
    };
    let mut screen = io::stderr();
    // The echo is off before anybody is asked to type.
    let raw = Unechoed::new().map_err(failed)?;
    write!(screen, "{ask}").and_then(|()| screen.flush()).map_err(failed)?;
    let line = edit_line(&mut io::stdin().lock().bytes());
    drop(raw);
    let _ = writeln!(screen);
    match line.map_err(failed)? {
        Some(line) => Ok(line),
        None => Err(Failure::new(Exit::Interrupted, "cancelled, nothing was done")),
    }
}

/// The line typed, or `None` if it was cancelled by Ctrl-C, or Ctrl-D on an empty line.
fn edit_line(
    keys: &mut dyn Iterator<Item = io::Result<u8>>,
) -> io::Result<Option<Zeroizing<String>>> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    const CTRL_U: u8 = 21;
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    for key in keys {
        match key? {
            b'\n' | b'\r' => {
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(Zeroizing::new(text.into_owned())));
            }
            CTRL_C => return Ok(None),
            CTRL_D if line.is_empty() => return Ok(None),
            CTRL_U => line.clear(),
            // Backspace takes away a whole character, not a byte of it.
            0x7f | 8 => while line.pop().is_some_and(|b| b & 0xc0 == 0x80) {},
            byte if line.len() < MAX_LINE => line.push(byte),
            _ => {}
        }
    }
    Ok(None)
}

/// The terminal without echo and signals, as it was again when dropped: Ctrl-C arrives as a key,
/// so that it cannot end the process with the echo off.
struct Unechoed {
    before: Termios,
}

impl Unechoed {
    fn new() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = termios::tcgetattr(&stdin)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<String> {
        edit_line(&mut keys.iter().map(|b| Ok(*b))).unwrap().map(|line| line.to_string())
    }

    #[test]
    fn a_typed_line_can_be_corrected_and_cancelled() {
        assert_eq!(typed(b"80\n").as_deref(), Some("80"));
        assert_eq!(typed(b"81\x7f0\r").as_deref(), Some("80"));
        assert_eq!(typed(b"nonsense\x15yes\n").as_deref(), Some("yes"));
        assert_eq!(typed("ä\u{7f}80\n".as_bytes()).as_deref(), Some("80"));
        assert_eq!(typed(b"80\x03"), None);
        assert_eq!(typed(b"\x04"), None);
        assert_eq!(typed(b"80"), None, "a terminal that goes away sends nothing");
    }

    #[test]
    fn a_vote_from_a_file_is_trimmed_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vote");
        std::fs::write(&path, " 80\n").unwrap();
        assert_eq!(read_vote(Some(&path), "").unwrap().as_str(), "80");
        std::fs::write(&path, "9".repeat(MAX_VOTE + 1)).unwrap();
        assert_eq!(read_vote(Some(&path), "").unwrap_err().exit, Exit::Invalid);
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(read_vote(Some(&path), "").unwrap_err().exit, Exit::Invalid);
        let missing = read_vote(Some(&folder.path().join("none")), "").unwrap_err();
        assert_eq!(missing.exit, Exit::NotFound);
    }
}
