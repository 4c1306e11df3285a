//! What a command prints: data on standard output, talk on standard error.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;

use serde::Serialize;

use super::exit::{Exit, Failure, reason};

/// Where a command prints to, and how.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Data as JSON.
    pub json: bool,
    /// No talk.
    pub quiet: bool,
    out_colour: bool,
    err_colour: bool,
    err_redraws: bool,
}

/// How a word is shown where colour is wanted. The words carry the meaning without it.
#[derive(Clone, Copy, Debug)]
pub enum Paint {
    /// Headings, names.
    Strong,
    /// Good ends.
    Good,
    /// Bad ends.
    Bad,
    /// What waits.
    Waiting,
    /// What matters less.
    Faint,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Waiting => "33",
            Self::Faint => "2",
        }
    }
}

impl Terminal {
    /// As the flags, the environment and the terminal want it.
    pub fn new(json: bool, quiet: bool, no_color: bool) -> Self {
        let plain = no_color
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let err_redraws = io::stderr().is_terminal() && !plain;
        Self {
            json,
            quiet,
            out_colour: !plain && io::stdout().is_terminal(),
            err_colour: err_redraws,
            err_redraws,
        }
    }

    /// A line of data.
    pub fn line(&self, line: impl Display) {
        UNPRINTED.note(writeln!(io::stdout(), "{line}"));
    }

    /// Data for programs.
    pub fn object(&self, value: &impl Serialize) {
        UNPRINTED.note(pretty(io::stdout().lock(), value));
    }

    /// Something that has happened, as a line of JSON, where data is JSON.
    pub fn event(&self, about: &impl Serialize) {
        if self.json {
            let mut out = io::stdout().lock();
            let written = serde_json::to_writer(&mut out, about).map_err(io::Error::from);
            UNPRINTED.note(written.and_then(|()| writeln!(out)).and_then(|()| out.flush()));
        }
    }

    /// Why not all data has reached standard output, if it has not.
    pub fn unprinted(&self) -> Option<Failure> {
        UNPRINTED.failure()
    }

    /// A line of talk.
    pub fn say(&self, line: impl Display) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// A line of talk that takes the place of the one before on a terminal, and is a line of its
    /// own elsewhere. [`Terminal::settle`] ends it.
    pub fn progress(&self, line: impl Display) {
        if self.quiet {
            return;
        }
        let mut err = io::stderr().lock();
        let _ = match self.err_redraws {
            // Clipped by the terminal rather than wrapped, or the next one would leave it behind.
            true => write!(err, "\r\x1b[2K\x1b[?7l{line}\x1b[?7h").and_then(|()| err.flush()),
            false => writeln!(err, "{line}"),
        };
    }

    /// Whether a line of [`Terminal::progress`] takes the place of the one before.
    pub const fn redraws(&self) -> bool {
        self.err_redraws
    }

    /// Ends a line of [`Terminal::progress`].
    pub fn settle(&self) {
        if self.err_redraws && !self.quiet {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }

    /// A failure, in its one or two lines.
    pub fn failure(&self, failure: &Failure) {
        self.settle();
        let error = self.painted_talk(Paint::Bad, "error:");
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "{error} {}", failure.what);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(err, "hint: {hint}");
        }
    }

    /// A word of data in colour, if colour is wanted there.
    pub fn painted<T: Display>(&self, paint: Paint, word: T) -> Painted<T> {
        Painted { word, code: self.out_colour.then_some(paint.code()) }
    }

    /// A word of talk in colour, if colour is wanted there.
    pub fn painted_talk<T: Display>(&self, paint: Paint, word: T) -> Painted<T> {
        Painted { word, code: self.err_colour.then_some(paint.code()) }
    }
}

/// What kept data from standard output, of which a process has one.
static UNPRINTED: Unprinted = Unprinted(OnceLock::new());

/// The first failure to print data.
struct Unprinted(OnceLock<String>);

impl Unprinted {
    /// Whoever reads may have gone: that is not our failure. Anything else is.
    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.0.get_or_init(|| reason(&error));
        }
    }

    fn failure(&self) -> Option<Failure> {
        let reason = self.0.get()?;
        let what = format!("what was asked for is done, but could not be printed: {reason}");
        Some(Failure::new(Exit::Internal, what).hint("see what standard output leads to"))
    }
}

/// Data for programs.
fn pretty(mut out: impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// A word that may be in colour. Width and alignment are those of the word.
pub struct Painted<T> {
    word: T,
    code: Option<&'static str>,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => self.word.fmt(f),
            Some(code) => {
                write!(f, "\x1b[{code}m")?;
                self.word.fmt(f)?;
                f.write_str("\x1b[0m")
            }
        }
    }
}

/// Text from another organisation, on one line and unable to move the cursor, change colours, or
/// show itself in another order than it is written.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if is_odd(c) { '\u{fffd}' } else { c }).collect()
}

/// The same, with its line breaks.
pub fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(clean)
}

fn is_odd(c: char) -> bool {
    // Controls; marks and overrides of direction; invisible separators and joiners; line ends.
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A table with its columns as wide as they need to be, two blanks between, none at the ends.
pub fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| columns(c)).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, w)| format!("{cell}{}", " ".repeat(w - columns(cell))));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn columns(cell: &str) -> usize {
    cell.chars().count()
}

/// `Acme Bank`, `Acme Bank and Borealis Re`, `Acme Bank, Borealis Re and Cobalt`; `nobody`.
pub fn names(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => clean(one),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|name| clean(name)).collect();
            format!("{} and {}", first.join(", "), clean(last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_cannot_drive_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\rd"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        assert_eq!(clean("Größe — 中文"), "Größe — 中文");
        assert_eq!(clean_lines("a\nb\x07").collect::<Vec<_>>(), ["a", "b\u{fffd}"]);
    }

    #[test]
    fn a_full_disk_behind_the_output_is_a_failure_and_a_gone_reader_is_none() {
        let unprinted = Unprinted(OnceLock::new());
        unprinted.note(pretty(Vec::new(), &"data"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let gone = pretty(writer, &"data");
        assert!(gone.is_err(), "nobody reads");
        unprinted.note(gone);
        assert_eq!(unprinted.failure(), None);
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        unprinted.note(pretty(full(), &"data"));
        let failure = unprinted.failure().unwrap();
        assert_eq!(failure.exit, Exit::Internal);
        assert!(failure.what.ends_with("no space left on device"), "{failure}");
    }

    #[test]
    fn names_read_as_a_list() {
        let list = |n: &[&str]| names(&n.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&[]), "nobody");
        assert_eq!(list(&["A"]), "A");
        assert_eq!(list(&["A", "B"]), "A and B");
        assert_eq!(list(&["A", "B", "C\x07"]), "A, B and C\u{fffd}");
    }

    #[test]
    fn tables_line_up_and_end_clean() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(table(&[row("ä", "x"), row("long", "")]), ["ä     x", "long"]);
    }

    #[test]
    fn no_colour_means_no_escape() {
        let plain = Terminal::new(false, false, true);
        assert_eq!(plain.painted(Paint::Good, "accepted").to_string(), "accepted");
        let painted = Painted { word: "x", code: Some("1") };
        assert_eq!(painted.to_string(), "\x1b[1mx\x1b[0m");
    }
}
