//! A few lines that are shown again and again as they change.
//!
//! On a terminal they stay in their place, cut to its width and height. Elsewhere each line that was
//! not there before is printed once, so that a log tells what happened.

use std::io::{self, Write as _};

use super::terminal::Terminal;

/// Width and height of a terminal that does not say.
const USUAL: (usize, usize) = (80, 24);

/// Lines that change.
pub struct Screen {
    terminal: Terminal,
    /// What is shown.
    shown: Vec<String>,
}

impl Screen {
    /// Nothing is shown yet.
    pub const fn new(terminal: Terminal) -> Self {
        Self { terminal, shown: Vec::new() }
    }

    /// Columns that there are.
    pub fn width(&self) -> usize {
        size().0
    }

    /// Shows these lines in the place of those before.
    pub fn show(&mut self, lines: Vec<String>) {
        if self.terminal.quiet || lines == self.shown {
            return;
        }
        if self.terminal.redraws() {
            let (width, height) = size();
            let _ = io::stderr().write_all(redrawn(&self.shown, &lines, width, height).as_bytes());
            self.shown = cut(&lines, height);
        } else {
            lines.iter().filter(|l| !self.shown.contains(l)).for_each(|l| self.terminal.say(l));
            self.shown = lines;
        }
    }

    /// Leaves what is shown where it is; what comes next comes below.
    pub fn settle(&mut self) {
        self.shown.clear();
    }

    /// A line that stays, above what is shown.
    pub fn say(&mut self, line: &str) {
        let shown = std::mem::take(&mut self.shown);
        if self.terminal.redraws() && !self.terminal.quiet {
            let (width, height) = size();
            let _ = io::stderr().write_all(redrawn(&shown, &[], width, height).as_bytes());
            self.terminal.say(line);
            self.show(shown);
        } else {
            self.terminal.say(line);
            self.shown = shown;
        }
    }
}

/// What makes a terminal show `lines` where it showed `before`.
fn redrawn(before: &[String], lines: &[String], width: usize, height: usize) -> String {
    let mut out = String::new();
    if !before.is_empty() {
        out.push_str(&format!("\x1b[{}A", before.len()));
    }
    // Clipped by the terminal besides, should a character be wider than one column.
    out.push_str("\r\x1b[J\x1b[?7l");
    for line in cut(lines, height) {
        out.push_str(&clip(&line, width));
        out.push('\n');
    }
    out.push_str("\x1b[?7h");
    out
}

/// As many lines as a terminal can take back.
fn cut(lines: &[String], height: usize) -> Vec<String> {
    let room = height.saturating_sub(1).max(2);
    if lines.len() <= room {
        return lines.to_vec();
    }
    let kept = lines.iter().take(room - 1).cloned();
    kept.chain([format!("  .. and {} more lines", lines.len() - (room - 1))]).collect()
}

/// As many characters as there are columns; colours take none.
fn clip(line: &str, width: usize) -> String {
    let mut out = String::new();
    let mut columns = 0;
    let mut escaped = false;
    for c in line.chars() {
        if c == '\x1b' {
            escaped = true;
        } else if !escaped {
            columns += 1;
        }
        if columns > width && !escaped {
            continue;
        }
        out.push(c);
        if escaped && c.is_ascii_alphabetic() {
            escaped = false;
        }
    }
    out
}

fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => USUAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn lines_are_cut_to_the_terminal_and_colours_take_no_room() {
        assert_eq!(clip("abcdef", 3), "abc");
        assert_eq!(clip("ab", 3), "ab");
        assert_eq!(clip("\x1b[32mgood\x1b[0m end", 6), "\x1b[32mgood\x1b[0m e");
        assert_eq!(
            clip("\x1b[32mlong word\x1b[0m", 4),
            "\x1b[32mlong\x1b[0m",
            "it ends its colour"
        );
        let many = lines(&["1", "2", "3", "4", "5"]);
        assert_eq!(cut(&many, 6), many);
        assert_eq!(cut(&many, 4), lines(&["1", "2", "  .. and 3 more lines"]));
    }

    #[test]
    fn what_was_shown_is_taken_back_line_by_line() {
        let first = redrawn(&[], &lines(&["a", "b"]), 80, 24);
        assert_eq!(first, "\r\x1b[J\x1b[?7la\nb\n\x1b[?7h");
        let second = redrawn(&lines(&["a", "b"]), &lines(&["c"]), 80, 24);
        assert!(second.starts_with("\x1b[2A\r\x1b[J") && second.contains("c\n"));
    }
}
