//! Files that a network is asked to sign.

use std::fs;
use std::path::Path;

use quorate_protocol::limits;

use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::api::model::Document;

/// Reads a file that the network is to sign, of any kind, within the limit.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |e| Failure::unreadable(path, &e);
    let length = fs::metadata(path).map_err(unreadable)?.len();
    let limit = limits::MAX_DOCUMENT;
    if length > limit as u64 {
        let what =
            format!("{} is {length} bytes long, at most {limit} can be signed", path.display());
        return Err(Failure::new(Exit::Invalid, what)
            .hint("have a list of hashes signed: sha256sum FILE.. > FILES"));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    if bytes.is_empty() || bytes.len() > limit {
        let what = format!("{} is empty: there is nothing to sign", path.display());
        return Err(Failure::new(Exit::Invalid, what).hint("give the file itself"));
    }
    Ok(bytes)
}

/// Saves what a node gave out, if it is what the proposal names.
pub fn save(path: &Path, named: &Document, bytes: &[u8]) -> Result<(), Failure> {
    if blake3::hash(bytes).to_hex().as_str() != named.blake3 {
        let what = "the node gave another file than the proposal names";
        return Err(Failure::new(Exit::Internal, what).hint("do not use it; report this"));
    }
    fs::write(path, bytes).map_err(|e| Failure::unwritable(path, &e))
}

/// What is signed, in words.
pub fn describe(document: &Document) -> String {
    let Document { bytes, blake3, here } = document;
    let here = if *here { "" } else { ", not here yet" };
    format!("a file of {bytes} bytes, BLAKE3 {blake3}{here}")
}

/// Tells whoever is to vote how to read it.
pub fn advise(terminal: &Terminal, id: &str, flag: &str) {
    terminal.say(format_args!(
        "  if it is accepted, the network signs a file; read it first: \
         quorate show {id} --save-document FILE{flag}"
    ));
}
