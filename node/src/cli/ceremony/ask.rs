//! Questions at the terminal, while everything else goes on.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::cli::exit::{Exit, Failure};

/// Bytes of an answer.
const LONGEST: usize = 1024;

/// Whether there is somebody to ask.
pub fn somebody() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and waits for a line; what came before the question is no answer to it.
///
/// # Errors
/// The terminal cannot be read, or has gone.
pub async fn line(question: &str) -> Result<String, Failure> {
    let question = question.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        let mut screen = io::stderr();
        write!(screen, "{question} ")?;
        screen.flush()?;
        let mut line = String::new();
        io::Read::take(io::stdin().lock(), LONGEST as u64).read_line(&mut line)?;
        Ok::<_, io::Error>(line)
    });
    let gone = || {
        Failure::new(Exit::Interrupted, "the terminal has gone, nothing is lost")
            .hint("quorate ceremony goes on where it was")
    };
    match asked.await {
        Ok(Ok(line)) if !line.is_empty() => Ok(line.trim().to_owned()),
        _ => Err(gone()),
    }
}

/// Asks until the answer is yes or no. There is no short form: whoever answers has read it.
///
/// # Errors
/// As [`line`].
pub async fn yes(question: &str) -> Result<bool, Failure> {
    loop {
        match line(&format!("{question} [yes/no]")).await?.to_lowercase().as_str() {
            "yes" => return Ok(true),
            "no" => return Ok(false),
            _ => {}
        }
    }
}
