//! Finds secrets in bytes and in text.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

/// Bytes by which a secret is recognised.
const WINDOW: usize = 8;

/// What kind of secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A key, or a root of randomness.
    Key,
    /// A share of a triple or of a bit.
    Material,
    /// A share of a nonce.
    Nonce,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "a key",
            Self::Material => "a share of material",
            Self::Nonce => "a share of a nonce",
        })
    }
}

/// Secrets, by their first eight bytes.
#[derive(Default)]
pub struct Net {
    secrets: BTreeMap<[u8; WINDOW], Kind>,
}

impl Net {
    /// From now on this is looked for. Too short or too plain a value is not: it would be found
    /// everywhere.
    pub fn plant(&mut self, kind: Kind, secret: &[u8]) {
        let Some(window) = secret.first_chunk::<WINDOW>() else { return };
        if window.iter().filter(|byte| **byte != 0).count() > WINDOW / 2 {
            self.secrets.insert(*window, kind);
        }
    }

    /// How many secrets there are.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// All secrets that stand in bytes as they are.
    pub fn in_bytes<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Kind> + use<'a> {
        bytes.windows(WINDOW).filter_map(|window| self.at(window))
    }

    /// The first secret that stands in text: as it is, in hex, in base64, as a number, or as a list of
    /// numbers of a byte each.
    pub fn in_text(&self, text: &str) -> Option<Kind> {
        self.in_bytes(text.as_bytes())
            .next()
            .or_else(|| self.in_hex(text))
            .or_else(|| self.in_base64(text))
            .or_else(|| self.in_numbers(text))
    }

    fn at(&self, window: &[u8]) -> Option<Kind> {
        self.secrets.get(window.first_chunk::<WINDOW>()?).copied()
    }

    fn in_hex(&self, text: &str) -> Option<Kind> {
        let runs = text.as_bytes().split(|byte| !byte.is_ascii_hexdigit());
        let mut windows = runs.flat_map(|run| run.windows(2 * WINDOW));
        windows.find_map(|digits| self.at(&HEXLOWER_PERMISSIVE.decode(digits).ok()?))
    }

    /// Sixteen digits are twelve bytes; the secret may begin with any of the first three.
    fn in_base64(&self, text: &str) -> Option<Kind> {
        let standard = |byte: &u8| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        };
        let text: Vec<u8> = text.as_bytes().iter().map(standard).collect();
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let runs = text.split(|byte| !is_digit(byte));
        let mut windows = runs.flat_map(|run| {
            // Eight bytes may be eleven digits: the rest is as good as any.
            let padded = [run, b"AAAAA"].concat();
            let windows: Vec<Vec<u8>> = padded.windows(16).map(<[u8]>::to_vec).collect();
            windows
        });
        windows.find_map(|digits| {
            let bytes = BASE64.decode(&digits).ok()?;
            bytes.windows(WINDOW).take(3).find_map(|window| self.at(window))
        })
    }

    fn in_numbers(&self, text: &str) -> Option<Kind> {
        let mut list = Vec::new();
        for number in text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()) {
            let Ok(number) = number.parse::<u64>() else { continue };
            let whole = [number.to_le_bytes(), number.to_be_bytes()];
            if let Some(kind) = whole.iter().find_map(|bytes| self.at(bytes)) {
                return Some(kind);
            }
            match u8::try_from(number) {
                Ok(byte) => list.push(byte),
                Err(_) => list.clear(),
            }
            let last = list.len().saturating_sub(WINDOW);
            if let Some(kind) = list.get(last..).and_then(|window| self.at(window)) {
                return Some(kind);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = *b"\xc3\x91 a canary of thirty-two bytes\xff";

    fn net() -> Net {
        let mut net = Net::default();
        net.plant(Kind::Key, &SECRET);
        net
    }

    #[test]
    fn a_canary_in_bytes_is_found() {
        let found = |bytes: &[u8]| net().in_bytes(bytes).count();
        assert_eq!(found(&[&[1, 2, 3], &SECRET[..], &[4]].concat()), 1);
        assert_eq!(found(&SECRET[1..]), 0);
        assert_eq!(found(&[]), 0);
    }

    #[test]
    fn a_canary_in_a_line_is_found_however_it_is_written() {
        let hex = HEXLOWER_PERMISSIVE.encode(&SECRET);
        let url = data_encoding::BASE64URL_NOPAD.encode(&SECRET);
        let mut written = vec![
            hex.to_uppercase(),
            url,
            BASE64.encode(&SECRET[..8]),
            format!("{SECRET:?}"),
            u64::from_le_bytes(SECRET[..8].try_into().unwrap()).to_string(),
            u64::from_be_bytes(SECRET[..8].try_into().unwrap()).to_string(),
            hex,
        ];
        for before in 0..3 {
            written.push(BASE64.encode(&[&vec![7; before], &SECRET[..]].concat()));
        }
        for text in written {
            let line = format!("1.234s 2 says {text}, and nothing more");
            assert_eq!(net().in_text(&line), Some(Kind::Key), "{line}");
        }
    }

    #[test]
    fn other_lines_are_let_go() {
        let line = "0.001s 1 -> 2  d7 acs/3/aba r2 AUX 1  116 bytes, c391, [195, 145, 32, 97], w5E";
        assert_eq!(net().in_text(line), None);
        let mut plain = Net::default();
        plain.plant(Kind::Key, &[0, 0, 0, 0, 0, 0, 0, 1]);
        plain.plant(Kind::Key, &[1, 2, 3]);
        assert!(plain.is_empty());
    }
}
