//! The organisations: their data directories, and their nodes, each a process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::api::{list, text};
use super::disk::Disk;
use super::links::{Door, Links, Proxies};
use super::member::{Member, Shared};
use super::{Error, ports};
use crate::ghost::Network;

/// What they are called; then they are numbered.
const NAMES: [&str; 7] = [
    "Acme Bank",
    "Borealis Re",
    "Cobalt Energy",
    "Delta Freight",
    "Ember Foods",
    "Fjord Shipping",
    "Granite Trust",
];

/// A network of processes on this machine.
pub(super) struct Cluster {
    pub(super) members: Vec<Member>,
    /// As a verifier knows it.
    pub(super) network: Network,
    /// How many may be faulty.
    pub(super) t: usize,
    /// Last, so that it outlives the processes.
    proxies: Option<Proxies>,
}

/// What a network is made of.
pub(super) struct Plan<'a> {
    pub(super) folder: &'a Path,
    pub(super) program: &'a Path,
    pub(super) n: usize,
    /// Whether each pair talks through a proxy, whose lot is drawn from this seed.
    pub(super) proxies: Option<u64>,
    /// Whose data directories are on small disks of their own.
    pub(super) disks: &'a [usize],
    /// What nodes are told besides.
    pub(super) arguments: &'a [&'a str],
}

impl Cluster {
    /// Sets up all organisations, with keys that are dealt. Nobody runs yet.
    pub(super) fn set_up(plan: &Plan<'_>) -> Result<Self, Error> {
        let shared = Shared::new(plan.folder, plan.program, plan.arguments)?;
        let mut members = Vec::new();
        let mut new = vec!["network".into(), "new".into(), "Chaos".to_owned()];
        for who in 0..plan.n {
            let name = name(who);
            let (port, held) = ports::held()?;
            drop(held);
            let disk = Disk::at(&plan.folder.join("members").join(slug(&name)))?;
            let disk = if plan.disks.contains(&who) { disk.mounted() } else { disk };
            let dir = disk.folder().join("data");
            let shown = dir.display().to_string();
            let port_text = port.to_string();
            let line = ["init", "--org", &name, "--data-dir", &shown, "--port", &port_text];
            let card = shared.run(&line)?;
            new.extend(["--member".into(), card.trim().to_owned()]);
            members.push(Member::new(&shared, who, name, port, disk));
        }
        let file = plan.folder.join("network.toml").display().to_string();
        new.extend(["-o".into(), file.clone()]);
        shared.run(&new.iter().map(String::as_str).collect::<Vec<_>>())?;
        let deal = plan.folder.join("deal").display().to_string();
        let line = ["network", "deal", &file, "--insecure-dealer", "--out-dir", &deal, "--json"];
        let dealt = parse(&shared.run(&line)?)?;
        for (member, keys) in members.iter_mut().zip(list(&dealt, "dealt_keys")) {
            let keys = keys.as_str().unwrap_or_default();
            let dir = member.dir().display().to_string();
            shared.run(&["join", &file, "--dealt-keys", keys, "--data-dir", &dir])?;
            member.learn_token()?;
        }
        let network = described(&shared, &file, &members)?;
        let proxies = plan.proxies.map(|seed| put_between(&members, &file, seed)).transpose()?;
        Ok(Self { t: (plan.n - 1) / 3, members, network, proxies })
    }

    /// The links, if they are ours.
    pub(super) fn links(&self) -> Option<&Links> {
        self.proxies.as_ref().map(Proxies::links)
    }
}

/// What a member is called.
fn name(who: usize) -> String {
    NAMES.get(who).map_or_else(|| format!("Organisation {who}"), |name| (*name).to_owned())
}

/// A name as one of a folder.
fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| format!("not what was asked for: {error}").into())
}

/// The network as a verifier knows it: from the network file, and from what a member says.
fn described(shared: &Shared, file: &str, members: &[Member]) -> Result<Network, Error> {
    let roster: toml::Table = toml::from_str(&fs::read_to_string(file)?)?;
    let identities = roster.get("members").and_then(toml::Value::as_array);
    let identities = identities.into_iter().flatten();
    let identities = identities
        .map(|member| {
            unhex(member.get("identity").and_then(toml::Value::as_str).unwrap_or_default())
        })
        .collect::<Result<_, Error>>()?;
    let first = members.first().ok_or("there is no member")?;
    let dir = first.dir().display().to_string();
    let shown = parse(&shared.run(&["key", "show", "--data-dir", &dir, "--json"])?)?;
    Ok(Network {
        digest: unhex(text(&shown, "network_digest"))?,
        key: unhex(text(&shown, "certificate_key"))?,
        identities,
        signers: 0,
    })
}

fn unhex(text: &str) -> Result<[u8; 32], Error> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
    let bytes = bytes.map_err(|error| format!("a key is none: {error}"))?;
    bytes.try_into().map_err(|_| "a key is none".into())
}

/// Puts a proxy between each member and each other one: its copy of the network file says that the
/// other is there. Addresses are not what members agree on.
fn put_between(members: &[Member], file: &str, seed: u64) -> Result<Proxies, Error> {
    let original = fs::read_to_string(file)?;
    let mut doors = Vec::new();
    for from in members {
        let mut roster: toml::Table = toml::from_str(&original)?;
        let cards = roster.get_mut("members").and_then(toml::Value::as_array_mut);
        for (to, card) in members.iter().zip(cards.into_iter().flatten()) {
            if from.who == to.who {
                continue;
            }
            let door = Door::open((from.who, to.who), to.port)?;
            let port = door.port;
            let at = [
                format!("/ip4/127.0.0.1/udp/{port}/quic-v1"),
                format!("/ip4/127.0.0.1/tcp/{port}"),
            ];
            if let Some(card) = card.as_table_mut() {
                card.insert("addresses".into(), at.to_vec().into());
            }
            doors.push(door);
        }
        fs::write(from.dir().join("network.toml"), toml::to_string(&roster)?)?;
    }
    Ok(Proxies::start(doors, seed)?)
}

impl Shared {
    fn new(folder: &Path, program: &Path, arguments: &[&str]) -> Result<Self, Error> {
        let passphrase = folder.join("passphrase");
        let mut options = OpenOptions::new();
        let mut file = options.create_new(true).write(true).mode(0o600).open(&passphrase)?;
        writeln!(file, "nothing is secret here")?;
        for name in ["logs", "copies"] {
            fs::create_dir_all(folder.join(name))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            program: program.to_owned(),
            passphrase,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        })
    }

    /// The command, with nothing of this machine's settings but where its passphrase is.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_remove("QUORATE_DATA_DIR").env_remove("QUORATE_LOG");
        command.env_remove("CREDENTIALS_DIRECTORY").env("XDG_DATA_HOME", "/nonexistent");
        command.env("QUORATE_PASSPHRASE_FILE", &self.passphrase).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; what it printed.
    fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let ended = self.command(arguments).output()?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            let line = arguments.join(" ");
            return Err(format!("quorate {line}: {}, and said: {said}", ended.status).into());
        }
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    }

    /// Where what a member's node says goes.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{}.log", slug(name)))
    }

    /// Where a copy of a member's data directory is kept.
    pub(super) fn copy(&self, name: &str) -> PathBuf {
        self.folder.join("copies").join(slug(name))
    }
}

/// Copies a data directory with its permissions.
pub(super) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The lines of a file that is written to its end.
pub(super) fn lines(source: impl io::Read) -> impl Iterator<Item = String> {
    BufReader::new(source).lines().map_while(Result::ok)
}

/// A file at whose end is written.
pub(super) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
