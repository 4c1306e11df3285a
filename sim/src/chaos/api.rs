//! Asks a node through its control interface: HTTP on the loopback address, one connection for each
//! request.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest answer in bytes: a list of all decisions of a long run.
const MAX_ANSWER: usize = 256 << 20;

/// A field of an object; nothing if it is not there.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

/// A field that is a text; an empty one if it is not.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    field(object, name).as_str().unwrap_or_default()
}

/// The elements of a field that is a list.
pub(super) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    field(object, name).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Where a node answers, and what it asks for.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

/// What a node answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body, if the request was granted.
    pub(super) fn granted(self) -> io::Result<Vec<u8>> {
        if self.status == 200 {
            return Ok(self.body);
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        Err(io::Error::other(format!("the node answered {}: {body}", self.status)))
    }

    /// What is in the body.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Why it was refused, in a word.
    pub(super) fn code(&self) -> String {
        text(&self.json(), "code").to_owned()
    }
}

impl Api {
    /// Reads something.
    pub(super) fn get(&self, path: &str, patience: Duration) -> io::Result<Answer> {
        self.ask("GET", path, "", patience)
    }

    /// Reads something that must be there.
    pub(super) fn read(&self, path: &str, patience: Duration) -> io::Result<Value> {
        let body = self.get(path, patience)?.granted()?;
        serde_json::from_slice(&body).map_err(io::Error::other)
    }

    /// Asks for something to be done.
    pub(super) fn post(&self, path: &str, body: &Value, patience: Duration) -> io::Result<Answer> {
        self.ask("POST", path, &body.to_string(), patience)
    }

    fn ask(&self, method: &str, path: &str, body: &str, patience: Duration) -> io::Result<Answer> {
        let end = Instant::now() + patience;
        let mut stream = TcpStream::connect_timeout(&self.address, patience)?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(request.as_bytes())?;
        let mut all = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            let read = stream.read(&mut chunk)?;
            all.extend_from_slice(chunk.get(..read).unwrap_or_default());
            if let Some(answer) = parsed(&all)? {
                return Ok(answer);
            }
            if read == 0 || all.len() > MAX_ANSWER {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The answer, once it is whole.
fn parsed(all: &[u8]) -> io::Result<Option<Answer>> {
    let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = all.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let bad = || io::Error::other(format!("not an answer: {head}"));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).ok_or_else(bad)?;
    Ok(body.get(..length).map(|body| Answer { status, body: body.to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let text = b"HTTP/1.1 409 Conflict\r\nContent-Length: 16\r\n\r\n{\"code\":\"x\"}    ";
        for cut in 0..text.len() {
            assert!(parsed(&text[..cut]).unwrap().is_none(), "{cut}");
        }
        let answer = parsed(text).unwrap().unwrap();
        assert_eq!((answer.status, answer.code()), (409, "x".into()));
        assert!(answer.granted().is_err());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(parsed(b"something else\r\n\r\n").is_err());
        assert!(parsed(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
