//! `quorate key ..`

mod refresh;

use std::fs::File;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::passphrase::{self, PassphraseFile};
use super::terminal::{Paint, clean};
use super::{Context, quoted, slug};
use crate::home::{Backup, GroupKeys, History, Home, HomeError, Passphrase, Rehearsal};
use crate::roster::text;

/// Show, back up and restore this organisation's keys
#[derive(clap::Subcommand, Debug)]
pub enum Subcommands {
    /// Show the network's public keys: what certificates and signatures are verified with
    Show(Show),
    /// Write an encrypted backup of this organisation's keys
    Backup(BackupFile),
    /// Try a backup out: restore it into a folder that is then removed
    Drill(Drill),
    /// Make a data directory from a backup
    Restore(Restore),
    /// Propose that all members make new shares of the network's keys
    Refresh(refresh::Arguments),
}

/// Show the network's public keys: what certificates and signatures are verified with
#[derive(clap::Args, Debug)]
pub struct Show {
    /// Print one key alone, as PEM for other tools
    #[arg(long, value_name = "KEY", value_enum)]
    pem: Option<Which>,
}

/// One of the network's two signing keys.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Which {
    /// What certificates are verified with
    Certificate,
    /// What signatures on documents are verified with
    Document,
}

/// Write an encrypted backup of this organisation's keys
#[derive(clap::Args, Debug)]
pub struct BackupFile {
    /// The backup to write [default: the organisation's name and the epoch]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    passphrase: passphrase::Source,

    #[command(flatten)]
    backup: BackupPassphrase,
}

/// Try a backup out: restore it into a folder that is then removed
#[derive(clap::Args, Debug)]
pub struct Drill {
    /// The backup
    backup: PathBuf,

    #[command(flatten)]
    passphrase: BackupPassphrase,
}

/// Make a data directory from a backup
#[derive(clap::Args, Debug)]
#[command(after_help = "The restored node says nothing in what the lost one may have begun, and \
                        takes part in all that begins after most others told it where they are. \
                        The old node must never run again: two nodes of one organisation would \
                        contradict each other.")]
pub struct Restore {
    /// The backup
    backup: PathBuf,

    #[command(flatten)]
    backup_passphrase: BackupPassphrase,

    #[command(flatten)]
    passphrase: passphrase::Source,
}

/// Where the passphrase of a backup comes from: a file or a prompt.
#[derive(clap::Args, Clone, Debug)]
struct BackupPassphrase {
    /// File with the passphrase of the backup [default: a prompt]
    #[arg(long, value_name = "FILE")]
    backup_passphrase_file: Option<PathBuf>,
}

impl BackupPassphrase {
    fn given(&self) -> Result<Option<Passphrase>, Failure> {
        self.backup_passphrase_file
            .as_deref()
            .map(|path| PassphraseFile::new(path).read())
            .transpose()
    }

    fn choose(&self) -> Result<Passphrase, Failure> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => passphrase::prompt_twice("new passphrase for the backup: ", FLAG),
        }
    }

    /// Of a backup that must be there.
    fn ask(&self, file: &Path) -> Result<Passphrase, Failure> {
        File::open(file).map_err(|error| Failure::unreadable(file, &error))?;
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => passphrase::prompt(&format!("passphrase of {}: ", file.display()), FLAG),
        }
    }
}

/// What to type where there is no terminal.
const FLAG: &str = "--backup-passphrase-file FILE";

/// `quorate key ..`
pub fn key(context: &Context, arguments: &Subcommands) -> Result<Exit, Failure> {
    match arguments {
        Subcommands::Show(arguments) => show(context, arguments),
        Subcommands::Backup(arguments) => backup(context, arguments),
        Subcommands::Drill(arguments) => drill(context, arguments),
        Subcommands::Restore(arguments) => restore(context, arguments),
        Subcommands::Refresh(arguments) => refresh::refresh(context, arguments),
    }
}

fn show(context: &Context, arguments: &Show) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let home = Home::open(&context.global.data_dir())?;
    let network = home.joined_network()?;
    let keys = home.group_keys()?;
    let keys = keys.ok_or_else(|| HomeError::NoKeys { name: home.card().name.clone() })?;
    let history = home.history()?;
    if let Some(which) = arguments.pem {
        let key = match which {
            Which::Certificate => keys.certificate,
            Which::Document => keys.document,
        };
        terminal.line(pem(&key).trim_end());
        return Ok(Exit::Ok);
    }
    if terminal.json {
        terminal.object(&json!({
            "network": network.name(),
            "network_digest": network.digest().to_string(),
            "epoch": keys.epoch,
            "made_by": keys.origin,
            "certificate_key": text::hex(&keys.certificate),
            "document_key": text::hex(&keys.document),
            "key_set": keys.digest.to_string(),
            "restored": history.restored,
            "backup": history.backup,
            "drill": history.drill,
        }));
        return Ok(Exit::Ok);
    }
    let field = |name: &str, value: &str| {
        let name = format!("{:<17}", format!("{name}:"));
        terminal.line(format_args!("{}{value}", terminal.painted(Paint::Faint, name)));
    };
    field("network", &clean(network.name()));
    field("epoch", &keys.epoch.to_string());
    field("made by", keys.origin.words());
    field("certificate key", &text::hex(&keys.certificate));
    field("document key", &text::hex(&keys.document));
    field("key set", &keys.digest.to_string());
    let flag = context.global.data_dir_flag();
    field("backup", &rehearsed(history.backup.as_ref(), &keys, "backup", &flag));
    field("drill", &rehearsed(history.drill.as_ref(), &keys, "drill FILE", &flag));
    if let History { restored: Some(at), .. } = &history {
        field("restored", at);
    }
    Ok(Exit::Ok)
}

/// When something was last done with a backup, and what to do if that is not enough.
fn rehearsed(last: Option<&Rehearsal>, keys: &GroupKeys, how: &str, flag: &str) -> String {
    match last {
        None => format!("never; next: quorate key {how}{flag}"),
        Some(last) if last.epoch != keys.epoch => {
            format!("{} of old keys; next: quorate key {how}{flag}", last.at)
        }
        Some(last) => last.at.clone(),
    }
}

/// An Ed25519 public key as RFC 8410 has it.
fn pem(key: &[u8; 32]) -> String {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let text = BASE64.encode(&[PREFIX.as_slice(), key].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

fn backup(context: &Context, arguments: &BackupFile) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let home = Home::open(&context.global.data_dir())?;
    let keys = home.group_keys()?;
    let keys = keys.ok_or_else(|| HomeError::NoKeys { name: home.card().name.clone() })?;
    let named = || format!("{}-epoch-{}.backup", slug(&home.card().name), keys.epoch).into();
    let path = arguments.output.clone().unwrap_or_else(named);
    if path.exists() {
        let what = format!("{} exists already", path.display());
        return Err(Failure::new(Exit::Conflict, what).hint("choose another name with -o"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let what = format!("there is no folder {}", folder.display());
        return Err(Failure::new(Exit::NotFound, what).hint("make it, or choose another with -o"));
    }
    let unlocked = arguments.passphrase.unlock(&home)?;
    let passphrase = arguments.backup.choose()?;
    unlocked.write_backup(&path, &passphrase)?;
    terminal
        .say("wrote this organisation's keys, encrypted: keep the file and its passphrase apart");
    terminal.say(format_args!(
        "next: quorate key drill {}{}",
        quoted(&path),
        context.global.data_dir_flag()
    ));
    if terminal.json {
        terminal.object(&json!({ "backup": path, "epoch": keys.epoch }));
    } else {
        terminal.line(path.display());
    }
    Ok(Exit::Ok)
}

fn drill(context: &Context, arguments: &Drill) -> Result<Exit, Failure> {
    let home = Home::open(&context.global.data_dir())?;
    let passphrase = arguments.passphrase.ask(&arguments.backup)?;
    home.drill(&arguments.backup, &passphrase)?;
    let terminal = &context.terminal;
    if terminal.json {
        terminal.object(&json!({ "drill": home.history()?.drill }));
    } else {
        let good = terminal.painted(Paint::Good, "good");
        terminal.line(format_args!("drill: {good}, every share fits the network's keys"));
    }
    Ok(Exit::Ok)
}

fn restore(context: &Context, arguments: &Restore) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let dir = context.global.data_dir();
    Home::check_free(&dir)?;
    let passphrase = arguments.backup_passphrase.ask(&arguments.backup)?;
    let backup = Backup::read(&arguments.backup, &passphrase)?;
    let (name, network) = (clean(&backup.card().name), clean(backup.network().name()));
    terminal.say(format_args!("a backup of {name} in {network}"));
    let unlocked = backup.restore(&dir, &arguments.passphrase.choose()?)?;
    terminal.say(format_args!(
        "restored {} to {}",
        terminal.painted_talk(Paint::Strong, &name),
        dir.display()
    ));
    terminal
        .say("make sure that the old node never runs again: the two would contradict each other");
    terminal.say(format_args!("next: quorate run{}", context.global.data_dir_flag()));
    if terminal.json {
        terminal.object(&json!({
            "organisation": unlocked.home().card().name,
            "network": unlocked.home().joined_network()?.name(),
            "data_dir": dir,
        }));
    } else {
        terminal.line(dir.display());
    }
    Ok(Exit::Ok)
}
