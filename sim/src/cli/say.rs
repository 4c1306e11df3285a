//! What commands print. Who reads no further is told no more: a pipe that is closed ends nothing but
//! the printing, and the exit code still says how the run ended.

use std::fmt;
use std::io::{self, ErrorKind, Write};

/// Says a line on the standard output.
macro_rules! say {
    () => { $crate::cli::say::line(format_args!("")) };
    ($($text:tt)*) => { $crate::cli::say::line(format_args!($($text)*)) };
}

/// Says a line about the run itself on the standard error.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::say::aside(format_args!($($text)*)) };
}

pub(super) use {say, tell};

/// One line of what was asked for. If it cannot be written for another reason than that nobody
/// reads, the program ends.
pub(super) fn line(text: fmt::Arguments<'_>) {
    match written(&mut io::stdout().lock(), text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            aside(format_args!("error: the output cannot be written: {error}"));
            std::process::exit(super::UNUSABLE.into());
        }
        _ => {}
    }
}

/// One line about it.
pub(super) fn aside(text: fmt::Arguments<'_>) {
    drop(written(&mut io::stderr().lock(), text));
}

/// Whole lines, so that what several threads say does not mix.
fn written(out: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    out.write_all(format!("{text}\n").as_bytes())
}
