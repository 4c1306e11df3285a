//! `quorate verify`

use std::fmt::Display;
use std::path::{Path, PathBuf};

use quorate_protocol::crypto::Digest;
use quorate_protocol::keys::{GroupPublic, NotAKey};
use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, clean, names};
use crate::certificate_file::{CertificateFile, CertifiedDocument, Known, Unverified, Verified};
use crate::handed_file::{HandedFile, Unfit};
use crate::home::Home;
use crate::roster::Network;

/// Verify a certificate, offline
#[derive(clap::Args, Debug)]
#[command(after_help = "Without a key, digest or network file it is checked against this \
                        organisation's own network. How to check one without this program: \
                        docs/certificate.md")]
pub struct Arguments {
    /// The certificate file
    file: PathBuf,

    /// Against the network with this certificate key, known from elsewhere
    #[arg(long, value_name = "HEX")]
    network_key: Option<String>,

    /// Against the network of this file; without --network-key only if its certificates are signed
    /// by the members, too
    #[arg(long, value_name = "FILE", conflicts_with = "network_digest")]
    network: Option<PathBuf>,

    /// The same for the network with this digest
    #[arg(long, value_name = "HEX")]
    network_digest: Option<String>,
}

/// `quorate verify`
pub fn verify(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let known = known(context, arguments)?;
    let (path, hint) = (&arguments.file, "quorate cert ID -o FILE");
    let verify = |file: &CertificateFile| file.verify(&known);
    let (file, verified) = checked(context, path, hint, verify, failed)?;
    if terminal.json {
        terminal.object(&json!({
            "verified": true,
            "outcome": verified.outcome,
            "signed_by": file.signed_by,
            "members": verified.members,
            "id": file.id,
            "title": file.title,
            "rule": file.rule,
            "counted": file.counted,
            "document": file.document,
            "refresh": file.refresh,
            "replaces": file.replaces,
            "position": file.position,
            "epoch": file.network.epoch,
            "network_digest": file.network.digest,
            "network_key": file.network.key,
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
    if let Some(CertifiedDocument { bytes, blake3 }) = &file.document {
        field("document", &format!("{bytes} bytes, BLAKE3 {blake3}"));
    }
    let Verified { signatures, members, .. } = verified;
    let signed = signed_by(signatures, members);
    match file.signed_by.as_slice() {
        [] => field("signed", &signed),
        members => field("signed", &format!("{signed}: {}", names(members))),
    }
    let (name, position) = (clean(&file.network.name), file.position);
    field("network", &format!("{name}, ledger position {position}"));
    field("key", &file.network.key);
    field("digest", &file.network.digest);
    Ok(Exit::Ok)
}

/// What there is to check it against: what was given, or else this organisation's own network.
fn known(context: &Context, arguments: &Arguments) -> Result<Known, Failure> {
    let Arguments { network_key, network, network_digest, .. } = arguments;
    let key = network_key.as_deref().map(parse_key).transpose()?;
    let network = named_network(network.as_deref(), network_digest.as_deref())?;
    if key.is_some() || network.is_some() {
        return Ok(Known { key, network });
    }
    own(&context.global.data_dir()).ok_or_else(|| {
        let what = "there is nothing to check it against: no key was given, and there is no \
                    organisation with keys of a network on this machine";
        Failure::new(Exit::Usage, what)
            .hint(format!("quorate verify {} --network-key KEY", super::quoted(&arguments.file)))
    })
}

/// The network of a data directory.
fn own(data_dir: &Path) -> Option<Known> {
    let home = Home::open(data_dir).ok()?;
    let key = GroupPublic::from_bytes(&home.group_keys().ok()??.certificate)?;
    Some(Known { key: Some(key), network: Some(home.joined_network().ok()?.digest()) })
}

pub fn parse_key(text: &str) -> Result<GroupPublic, Failure> {
    text.trim().parse().map_err(|error: NotAKey| {
        Failure::new(Exit::Invalid, error.to_string()).hint("ask a member: quorate key show")
    })
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
    let known = Known { key: Some(*key), network: Some(*network) };
    file.verify(&known).map_err(|reason| failed(Path::new("certificate"), &reason))
}

fn failed(path: &Path, reason: &Unverified) -> Failure {
    let what = format!("{} is not verified: {reason}", path.display());
    let hint = match reason {
        Unverified::File(Unfit::OtherNetwork { .. }) => {
            "compare the network digest with somebody you trust"
        }
        Unverified::OtherKey { .. } => "compare the network's key with somebody you trust",
        Unverified::KeyNeeded => "give its key, known from a member: --network-key KEY",
        _ => "do not rely on it; ask for the file again",
    };
    Failure::new(Exit::VerificationFailed, what).hint(hint)
}

/// A network digest that somebody typed.
///
/// # Errors
/// It is none.
pub fn parse_digest(text: &str) -> Result<Digest, Failure> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(Digest::from).ok_or_else(|| {
        Failure::new(Exit::Invalid, "a network digest is 64 digits from 0 to 9, a to f")
            .hint("verify with --network FILE, or ask a member for the network digest")
    })
}

/// The digest of the network that somebody named, with its file or with the digest itself.
///
/// # Errors
/// It is none.
pub fn named_network(file: Option<&Path>, digest: Option<&str>) -> Result<Option<Digest>, Failure> {
    match (file, digest) {
        (Some(path), _) => Ok(Some(Network::read(path)?.digest())),
        (None, Some(digest)) => parse_digest(digest).map(Some),
        (None, None) => Ok(None),
    }
}

/// A file that somebody has handed to us, and what it says, if it holds. Says why it does not where
/// programs read it, too.
///
/// # Errors
/// It cannot be read, or is too large; then `hint` says how to get one. Or it does not hold.
pub fn checked<F: HandedFile, T, E: From<Unfit> + Display>(
    context: &Context,
    path: &Path,
    hint: &str,
    verify: impl FnOnce(&F) -> Result<T, E>,
    failed: impl FnOnce(&Path, &E) -> Failure,
) -> Result<(F, T), Failure> {
    let malformed = |reason: String| Unfit::Malformed { what: F::WHAT, reason };
    let checked = read_text(path, F::WHAT, hint)?
        .ok_or_else(|| malformed("it is not text".into()))
        .and_then(|text| F::parse(&text))
        .map_err(E::from)
        .and_then(|file| verify(&file).map(|says| (file, says)));
    checked.map_err(|reason| {
        if context.terminal.json {
            let reason = reason.to_string();
            context.terminal.object(&json!({ "verified": false, "reason": reason }));
        }
        failed(path, &reason)
    })
}

/// The text of a file that is called `name`, `None` if it is not text.
///
/// # Errors
/// It cannot be read, or is too large; then `hint` says how to get one.
pub fn read_text(path: &Path, name: &str, hint: &str) -> Result<Option<String>, Failure> {
    const MAX_FILE: u64 = 4 << 20;
    let size = std::fs::metadata(path).map_err(|e| Failure::unreadable(path, &e))?.len();
    if size > MAX_FILE {
        let what = format!("{} is too large for {name}", path.display());
        return Err(Failure::new(Exit::Invalid, what).hint(hint));
    }
    let bytes = std::fs::read(path).map_err(|e| Failure::unreadable(path, &e))?;
    Ok(String::from_utf8(bytes).ok())
}
