//! What one may send to somebody who helps: how a node, its links and its machine are.
//!
//! # What is in it
//! Only what is put there by name: nothing is copied from a file whole, so that what is not known
//! here cannot come along. Organisations and addresses of their nodes are named. Not in it: votes,
//! keys, passphrases, the interface's token, what proposals say and what they are called, and where
//! the data directory is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::model::{Decision, Status};
use crate::cli::exit::Failure;
use crate::cli::time;
use crate::client::Client;
use crate::doctor::{Facts, Finding};
use crate::home::Home;
use crate::roster::text;

/// Decisions told of, the newest ones.
const DECISIONS: usize = 50;
/// What stands in the place of the data directory.
const DATA_DIR: &str = "DATA_DIR";
/// What stands in the place of what is not told.
const WITHHELD: &str = "[withheld]";

/// Files of a data directory that are known, beside key sets and the parts of the store.
const KNOWN: [&str; 11] = [
    "member.toml",
    "network.toml",
    "group-keys.toml",
    "history.toml",
    "keys.sealed",
    "first.sealed",
    "lock",
    "api.token",
    "api.addr",
    "start.number",
    "starts.seen",
];

/// A bundle: parts by name, in order.
#[derive(Serialize, Debug)]
#[serde(transparent)]
pub struct Bundle(Map<String, Value>);

/// What is in a part, in words.
pub const PARTS: [(&str, &str); 9] = [
    ("made", "when, by which version, on which kind of system"),
    ("doctor", "what `quorate doctor` finds"),
    ("network", "its name, digest, size, and the names of its members"),
    ("keys", "public keys, their epoch, when they were last backed up"),
    ("files", "names, sizes and permissions of files of the data directory"),
    ("status", "what `quorate status` says, without titles"),
    ("decisions", "the newest ones: rule, phase, who took part, outcome; no title and no text"),
    ("metrics", "what Prometheus scrapes"),
    ("not in it", "votes, keys, passphrases, the token, what proposals say"),
];

impl Bundle {
    /// Gathers everything about a data directory.
    pub async fn gather(dir: &Path) -> Self {
        // Where it is stands in what is found as a whole, however short it was typed.
        let dir = &std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let dir = &dir.components().collect::<PathBuf>();
        let facts = Facts::gather(dir, "").await;
        let mut parts = Map::new();
        let mut put = |name: &str, value: Value| drop(parts.insert(name.to_owned(), value));
        put(
            "made",
            json!({
                "at": time::moment(facts.now_ms),
                "version": env!("CARGO_PKG_VERSION"),
                "system": std::env::consts::OS,
                "processor": std::env::consts::ARCH,
            }),
        );
        put("doctor", findings(&facts.check()));
        if let Ok(home) = &facts.home {
            put("network", network(home));
            put("keys", keys(home));
        }
        put("files", files(dir));
        let asked = ask(dir).await;
        let (status, decisions, metrics) = match asked {
            Ok(told) => told,
            Err(failure) => {
                let why = json!({ "not told": failure.what });
                (why.clone(), why.clone(), why)
            }
        };
        put("status", status);
        put("decisions", decisions);
        put("metrics", metrics);
        let shown = dir.display().to_string();
        // As it is, and as it stands in a command.
        let hidden = [shown.replace('\'', "'\\''"), shown];
        Self(parts.into_iter().map(|(name, value)| (name, without(value, &hidden))).collect())
    }

    /// The parts in it, with what each is.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        PARTS.into_iter().filter(|(name, _)| self.0.contains_key(*name) || *name == "not in it")
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        // Values that were made here can be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

fn findings(findings: &[Finding]) -> Value {
    serde_json::to_value(findings).unwrap_or_default()
}

fn network(home: &Home) -> Value {
    let Ok(Some(network)) = home.network() else { return Value::Null };
    json!({
        "name": network.name(),
        "digest": network.digest().to_string(),
        "members": network.members().iter().map(|member| &member.name).collect::<Vec<_>>(),
        "this member": home.card().name,
    })
}

fn keys(home: &Home) -> Value {
    let (Ok(Some(keys)), Ok(history)) = (home.group_keys(), home.history()) else {
        return Value::Null;
    };
    json!({
        "epoch": keys.epoch,
        "made_by": keys.origin,
        "certificate_key": text::hex(&keys.certificate),
        "document_key": text::hex(&keys.document),
        "key_set": keys.digest.to_string(),
        "made": history.made,
        "began": history.began,
        "restored": history.restored,
        "backup": history.backup,
        "drill": history.drill,
    })
}

/// Sizes and permissions; the name of a file that is not known may say anything.
fn files(dir: &Path) -> Value {
    let mut known = Vec::new();
    let mut unknown = 0;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_key_set = name.strip_prefix("keys-").and_then(|n| n.strip_suffix(".sealed"));
        let is_key_set = is_key_set.is_some_and(|epoch| epoch.parse::<u64>().is_ok());
        let store = name.strip_prefix("store.").is_some_and(|rest| {
            let log = rest.strip_prefix("wal").is_some_and(|n| n.parse::<u64>().is_ok());
            log || ["redb", "new"].contains(&rest)
        });
        if !(is_key_set || store || KNOWN.contains(&name.as_str())) {
            unknown += 1;
        } else if let Ok(about) = entry.metadata() {
            let mode = format!("{:o}", about.permissions().mode() & 0o777);
            known.push(json!({ "name": name, "bytes": about.len(), "mode": mode }));
        }
    }
    json!({ "known": known, "others": unknown })
}

async fn ask(dir: &Path) -> Result<(Value, Value, Value), Failure> {
    let client = Client::open(dir)?;
    let (status, decisions) = (client.status().await?, client.decisions().await?);
    let metrics = client.metrics().await?;
    let decisions: Vec<_> = decisions.iter().take(DECISIONS).map(decision).collect();
    Ok((told(status), decisions.into(), metrics.lines().collect::<Vec<_>>().into()))
}

fn told(mut status: Status) -> Value {
    for open in &mut status.open {
        WITHHELD.clone_into(&mut open.title);
    }
    serde_json::to_value(status).unwrap_or_default()
}

fn decision(decision: &Decision) -> Value {
    json!({
        "id": decision.id,
        "position": decision.position,
        "proposer": decision.proposer,
        "rule": decision.rule,
        "deadline": decision.deadline,
        "document": decision.document.is_some(),
        "refresh": decision.refresh,
        "replaces": decision.replaces.as_ref().map(|new| &new.member),
        "phase": decision.phase,
        "voted": decision.voted,
        "abstained": decision.abstained,
        "counted": decision.counted,
        "outcome": decision.outcome,
        "following": decision.following,
        "waiting": decision.waiting,
    })
}

/// The same without a path wherever it stands.
fn without(value: Value, hidden: &[String]) -> Value {
    match value {
        Value::String(text) => {
            hidden.iter().fold(text, |text, path| without_path(&text, path)).into()
        }
        Value::Array(values) => values.into_iter().map(|v| without(v, hidden)).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(name, value)| (name, without(value, hidden))).collect()
        }
        other => other,
    }
}

/// A text without an absolute path: where the path is the end of a longer one, or its last name the
/// beginning of another, something else is meant.
fn without_path(text: &str, hidden: &str) -> String {
    let named = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if !hidden.chars().any(char::is_alphanumeric) {
        return text.to_owned();
    }
    let (mut told, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(hidden) {
        told.push_str(before);
        let inside = told.ends_with(named) || after.trim_start_matches('.').starts_with(named);
        told.push_str(if inside { hidden } else { DATA_DIR });
        rest = after;
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_withheld_whole_and_nothing_else() {
        let of = |text: &str| without_path(text, "/srv/a");
        assert_eq!(of("/srv/a/lock is gone"), "DATA_DIR/lock is gone");
        assert_eq!(of("in '/srv/a', /srv/a."), "in 'DATA_DIR', DATA_DIR.");
        for other in ["accepted", "a", "/srv/abc", "/srv/a.old/x", "/srv/a-b", "/data/srv/a", ""] {
            assert_eq!(of(other), other);
        }
        assert_eq!(without_path("a/b", "/"), "a/b");
        assert_eq!(without_path("a/b", ""), "a/b");
    }

    #[tokio::test]
    async fn a_bundle_is_whole_where_the_directory_is_a_short_relative_one() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let dir = folder.path().join("a");
        drop(Home::create_for_tests(&dir, "acme", vec![]));
        let relative = Path::new(folder.path().file_name().unwrap()).join("a");
        let text = Bundle::gather(&relative).await.to_text();
        assert!(text.contains("DATA_DIR") && text.contains("\"check\": \"roster\""), "{text}");
        let whole = std::path::absolute(&relative).unwrap();
        assert!(!text.contains(&whole.display().to_string()), "{text}");
        assert!(!text.contains(&relative.display().to_string()), "{text}");
    }
}
