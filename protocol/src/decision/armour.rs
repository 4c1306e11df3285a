//! Bytes as text that survives mail and copying: base 64 between two marked lines.
//!
//! ```text
//! -----BEGIN QUORATE CERTIFICATE-----
//! base 64 (RFC 4648, with padding), 64 characters a line
//! -----END QUORATE CERTIFICATE-----
//! ```
//!
//! Line ends and blanks around the whole are the only freedom: other base 64 of the same bytes
//! (missing padding, bits beyond the last byte) is refused.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LINE: usize = 64;

/// Wraps bytes as text called `name`.
pub(crate) fn wrap(name: &str, bytes: &[u8]) -> String {
    let mut text = begin(name);
    for (i, c) in encode(bytes).enumerate() {
        if i % LINE == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + "\n" + &end(name) + "\n"
}

/// The bytes wrapped as `name`; `None` if it is anything else, or over `limit` bytes.
pub(crate) fn unwrap(name: &str, text: &str, limit: usize) -> Option<Vec<u8>> {
    let blank = [' ', '\t', '\r', '\n'];
    let body = text.trim_matches(blank).strip_prefix(&begin(name))?.strip_suffix(&end(name))?;
    if body.len() > 2 * limit + 2 * LINE {
        return None;
    }
    let body: Vec<u8> = body.bytes().filter(|c| *c != b'\n' && *c != b'\r').collect();
    decode(&body).filter(|bytes| bytes.len() <= limit)
}

fn begin(name: &str) -> String {
    format!("-----BEGIN {name}-----")
}

fn end(name: &str) -> String {
    format!("-----END {name}-----")
}

fn encode(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.chunks(3).flat_map(|chunk| {
        let word = chunk.iter().chain(&[0; 2]).take(3).fold(0, |w, b| w << 8 | usize::from(*b));
        (0..4).map(move |i| match ALPHABET.get(word >> (18 - 6 * i) & 63) {
            Some(c) if i <= chunk.len() => char::from(*c),
            _ => '=',
        })
    })
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.chunks(4) {
        let digits = chunk.iter().take_while(|c| **c != b'=').count();
        let mut word = 0u32;
        for c in chunk.iter().take(digits) {
            word = word << 6 | (0..).zip(ALPHABET).find(|(_, a)| *a == c)?.0;
        }
        let [_, rest @ ..] = (word << (6 * (4 - digits))).to_be_bytes();
        bytes.extend(rest.iter().take(digits.saturating_sub(1)));
    }
    // One text for each byte string: padding in its place, and no bits beyond the last byte.
    encode(&bytes).map(u32::from).eq(text.iter().map(|c| u32::from(*c))).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "QUORATE TEST";

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()).collect::<String>(), text);
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v!", "=Zm8"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn text_wraps_at_64_characters_and_comes_back() {
        for len in [0, 1, 47, 48, 49, 96, 200] {
            let bytes: Vec<u8> = (0..len).collect();
            let text = wrap(NAME, &bytes);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(unwrap(NAME, &text, 200), Some(bytes.clone()));
            let mailed = format!("\r\n {}", text.replace('\n', "\r\n"));
            assert_eq!(unwrap(NAME, &mailed, 200), Some(bytes));
        }
        let text = wrap(NAME, &[1; 200]);
        assert_eq!(unwrap(NAME, &text, 199), None);
        assert_eq!(unwrap("OTHER", &text, 200), None);
        assert_eq!(unwrap(NAME, &text[1..], 200), None);
        assert_eq!(unwrap(NAME, &format!("{text}x"), 200), None);
        assert_eq!(unwrap(NAME, &text.replace('\n', "\n "), 200), None);
    }
}
