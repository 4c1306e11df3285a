//! `quorate member enter`

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::cli::ending::Endings;
use crate::cli::exit::{Exit, Failure};
use crate::cli::terminal::clean;
use crate::cli::{Context, init, log, passphrase, run, verify};
use crate::driver::{Approach, NodeError, enter_network};
use crate::home::Home;
use crate::roster::EntranceFile;

/// Come into the network at the seat that the members gave to this organisation's new keys
#[derive(clap::Args, Debug)]
#[command(after_help = "It can be stopped and goes on where it was. Once it is in: quorate run")]
pub struct Arguments {
    /// The file that a member wrote with `quorate member entrance`
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The network's certificate key, known from elsewhere than the file
    #[arg(long, value_name = "HEX")]
    network_key: String,

    /// Listen here instead of at the addresses of the member card: HOST:PORT or an address
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,

    /// Give up after this time: 30s, 10m [default: wait]
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,

    #[command(flatten)]
    passphrase: passphrase::Source,
}

/// `quorate member enter`
pub fn enter(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    log::start(context, "warn")?;
    let key = verify::parse_key(&arguments.network_key)?;
    let file = EntranceFile::read(&arguments.file)?;
    let forged = || {
        let what = "the file is not of the network with this key, or was changed";
        Failure::new(Exit::VerificationFailed, what)
            .hint("ask another member for a file, and for the key: quorate key show")
    };
    if file.entrance.public.certificate.to_bytes() != key.to_bytes() {
        return Err(forged());
    }
    file.network.check_replaced(key).map_err(|_| forged())?;
    let home = Home::open(&context.global.data_dir())?;
    home.place_in(&file.network)?;
    let wait = arguments.timeout.as_deref().map(crate::cli::time::parse_length).transpose();
    let wait =
        wait.map_err(|what| Failure::new(Exit::Invalid, what.to_string()).hint("--timeout 10m"))?;
    let listen = match arguments.listen.as_slice() {
        [] => None,
        texts => Some(init::addresses(texts)?),
    };
    let unlocked = arguments.passphrase.unlock(&home)?;
    let terminal = &context.terminal;
    let name = |member| file.network.member(member).map_or("", |card| card.name.as_str());
    let told = |approach: Approach| {
        let names = |members: quorate_protocol::PartySet| {
            let names: Vec<_> =
                members.iter().map(|member| clean(name(member)).to_string()).collect();
            if names.is_empty() { "nobody yet".to_owned() } else { names.join(", ") }
        };
        terminal.say(format_args!("heard of: {}", names(approach.heard)));
        if approach.has_share {
            terminal.say(format_args!(
                "our share is here; confirmed by: {}",
                names(approach.confirmed)
            ));
        }
    };
    let runtime = run::runtime()?;
    let entered = runtime.block_on(async {
        let mut endings = Endings::new()?;
        let stopped = |exit, what: &str| {
            let hint = "quorate member enter with the same file goes on where it was";
            Err(Failure::new(exit, what.to_owned()).hint(hint))
        };
        tokio::select! {
            entered = enter_network(&unlocked, &file, listen, told) => {
                entered.map_err(|error: NodeError| Failure::from(error))
            }
            () = endings.any() => stopped(Exit::Interrupted, "stopped before it was in"),
            () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)) => {
                stopped(Exit::Pending, "it is not in yet, and the time is up")
            }
        }
    });
    runtime.shutdown_background();
    entered?;
    let epoch = file.entrance.epoch + 1;
    terminal.say(format_args!("next: quorate run{}", context.global.data_dir_flag()));
    if terminal.json {
        terminal.object(&json!({ "network": file.network.name(), "epoch": epoch }));
    } else {
        terminal.line(format_args!("in: {}, epoch {epoch}", clean(file.network.name())));
    }
    Ok(Exit::Ok)
}
