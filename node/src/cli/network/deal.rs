//! `quorate network deal`

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, slug};
use crate::roster::Network;

/// Deal all keys, as a trusted dealer: for experiments only
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The network file
    network: PathBuf,

    /// Yes, whoever runs this is trusted by all members: it sees every key
    #[arg(long)]
    insecure_dealer: bool,

    /// Where to write each member's key file
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
}

/// `quorate network deal`
pub fn deal(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if !arguments.insecure_dealer {
        return Err(Failure::new(
            Exit::Usage,
            "dealing shows every member's keys to whoever runs this command; with them one can \
             sign any outcome in the network's name, and stall it, but read no vote",
        )
        .hint("if all members trust you with that, add --insecure-dealer"));
    }
    let network = Network::read(&arguments.network)?;
    let files = key_files(&network, &arguments.out_dir);
    if let Some(file) = files.iter().find(|file| file.exists()) {
        let what = format!("{} exists already: keys were dealt before", file.display());
        return Err(Failure::new(Exit::Conflict, what)
            .hint("hand out the files of that deal, or deal into another --out-dir"));
    }
    let dealt = network.deal_keys_insecurely();
    let dealt = dealt.map_err(|error| Failure::new(Exit::Internal, error))?;
    std::fs::create_dir_all(&arguments.out_dir)
        .map_err(|e| Failure::unwritable(&arguments.out_dir, &e))?;
    for (keys, file) in dealt.iter().zip(&files) {
        keys.write(file)?;
    }
    let key_set = dealt.first().map(|keys| keys.key_set.to_string());
    told_dealt(context, &network, &files, &key_set.unwrap_or_default());
    Ok(Exit::Ok)
}

fn told_dealt(context: &Context, network: &Network, files: &[PathBuf], key_set: &str) {
    let terminal = &context.terminal;
    terminal.say(format_args!(
        "dealt the keys of {} members as a trusted dealer: whoever ran this could have kept them",
        files.len()
    ));
    terminal
        .say("each file is sealed to its member; send every member its file and the network file");
    terminal.say("all members compare the network digest before they join:");
    if terminal.json {
        terminal.object(&json!({
            "network": network.name(),
            "digest": network.digest().to_string(),
            "key_set": key_set,
            "dealt_keys": files,
        }));
        return;
    }
    for file in files {
        terminal.line(file.display());
    }
    terminal.line(format_args!("network digest: {}", network.digest()));
}

/// Where the members' keys go, in roster order.
fn key_files(network: &Network, dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for member in network.members() {
        let stem = slug(&member.name);
        let mut path = dir.join(format!("{stem}.keys"));
        // Names that differ only in what a file name leaves out.
        for number in 2.. {
            if !files.contains(&path) {
                break;
            }
            path = dir.join(format!("{stem}-{number}.keys"));
        }
        files.push(path);
    }
    files
}
