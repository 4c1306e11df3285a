//! `quorate verify`

use std::path::{Path, PathBuf};

use quorate_protocol::crypto::Digest;
use quorate_protocol::keys::{GroupPublic, NotAKey};
use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean, names};
use crate::certificate_file::{CertificateFile, Unverified, Verified};
use crate::roster::Network;

/// Verify a certificate, offline
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("against").required(true))]
pub struct Arguments {
    /// The certificate file
    file: PathBuf,

    /// Against this network file
    #[arg(long, value_name = "FILE", group = "against")]
    network: Option<PathBuf>,

    /// Against the network with this digest, known from elsewhere
    #[arg(long, value_name = "HEX", group = "against")]
    network_digest: Option<String>,

    /// The network's certificate key, known from elsewhere
    #[arg(long, value_name = "HEX")]
    network_key: String,
}

/// `quorate verify`
pub fn verify(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let network = match (&arguments.network, &arguments.network_digest) {
        (Some(path), _) => Network::read(path)?.digest(),
        (None, digest) => parse_digest(digest.as_deref().unwrap_or_default())?,
    };
    let key: GroupPublic = arguments.network_key.trim().parse().map_err(|error: NotAKey| {
        Failure::new(Exit::Invalid, error.to_string()).hint("ask a member for the network's key")
    })?;
    let text = read_text(&arguments.file)?;
    let checked = CertificateFile::parse(&text)
        .and_then(|file| file.verify(&network, &key).map(|verified| (file, verified)));
    let (file, verified) = checked.map_err(|reason| {
        if terminal.json {
            terminal.object(&json!({ "verified": false, "reason": reason.to_string() }));
        }
        failed(&arguments.file, &reason)
    })?;
    if terminal.json {
        terminal.object(&json!({
            "verified": true,
            "outcome": verified.outcome,
            "signatures": verified.signatures,
            "members": verified.members,
            "id": file.id,
            "title": file.title,
            "rule": file.rule,
            "counted": file.counted,
            "position": file.position,
            "network_digest": file.network.digest,
        }));
        return Ok(Exit::Ok);
    }
    let good = terminal.painted(Paint::Good, "verified");
    terminal.line(format_args!("certificate: {good}"));
    let field = |name: &str, value: &str| terminal.line(format_args!("  {name:<9} {value}"));
    field("decision", &format!("{}  {}", file.id, clean(&file.title)));
    field("rule", &file.rule);
    field("outcome", verified.outcome.word());
    field("counted", &names(&file.counted));
    let Verified { signatures, members, .. } = verified;
    field("signed", &signed_by(signatures, members));
    let digest = &file.network.digest;
    let (name, position) = (clean(&file.network.name), file.position);
    field("network", &format!("{name}, ledger position {position}, digest {digest}"));
    Ok(Exit::Ok)
}

/// Who signed a certificate, in words.
pub fn signed_by(signatures: usize, members: usize) -> String {
    match signatures {
        0 => "by the network".to_owned(),
        some => format!("by the network, and by {some} of {members} members"),
    }
}

/// Checks a certificate file against a network's digest and key.
///
/// # Errors
/// It does not hold.
pub fn verify_certificate(
    file: &CertificateFile,
    network: &Digest,
    key: &GroupPublic,
) -> Result<Verified, Failure> {
    file.verify(network, key).map_err(|reason| failed(Path::new("certificate"), &reason))
}

fn failed(path: &Path, reason: &Unverified) -> Failure {
    let what = format!("{} is not verified: {reason}", path.display());
    let hint = match reason {
        Unverified::OtherNetwork { .. } => "compare the network digest with somebody you trust",
        _ => "do not rely on it; ask for the file again",
    };
    Failure::new(Exit::VerificationFailed, what).hint(hint)
}

fn parse_digest(text: &str) -> Result<Digest, Failure> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(Digest::from).ok_or_else(|| {
        Failure::new(Exit::Invalid, "a network digest is 64 digits from 0 to 9, a to f")
            .hint("verify with --network FILE, or ask a member for the network digest")
    })
}

fn read_text(path: &Path) -> Result<String, Failure> {
    const MAX_FILE: u64 = 4 << 20;
    let size = std::fs::metadata(path).map_err(|e| Failure::unreadable(path, &e))?.len();
    if size > MAX_FILE {
        let what = format!("{} is too large for a certificate", path.display());
        return Err(Failure::new(Exit::Invalid, what).hint("quorate cert ID -o FILE"));
    }
    std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, &e))
}
