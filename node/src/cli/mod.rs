//! The command line.
//!
//! Data goes to standard output, talk to standard error. Every command that reads takes `--json`.
//! A failure is one line that says what happened and why, and one that says what to type next;
//! exit codes are in [`exit`]. A vote is never taken from the command line.

mod ceremony;
mod cert;
mod decision_text;
mod doctor;
mod document;
pub(crate) mod ending;
mod evidence;
pub mod exit;
mod explain;
mod init;
mod join;
mod key;
mod list;
mod log;
mod member;
mod network;
mod passphrase;
pub mod peers;
mod prompt;
mod propose;
mod run;
mod screen;
mod show;
mod status;
mod support;
pub mod terminal;
pub mod time;
mod verify;
mod vote;
mod wait;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::client::Client;
use crate::demo;
use exit::{EXIT_CODES, Exit, Failure};
use terminal::Terminal;

#[cfg(test)]
pub use decision_text::sample as sample_decision;
pub use init::{create_member, hold_free_port};
pub use join::{Registered, register};
pub use network::{Founding, invite_members};
pub use propose::parse_rule;
pub use run::mark_ephemeral;
pub use verify::{signed_by, verify_certificate};

/// Where `--help` shows what every command can be told.
const EVERYWHERE: &str = "Options of every command";

/// What every command can be told.
#[derive(clap::Args, Clone, Debug)]
pub struct Global {
    /// The organisation's data directory [default: ~/.local/share/quorate]
    #[arg(
        long,
        global = true,
        env = "QUORATE_DATA_DIR",
        value_name = "DIR",
        hide_env_values = true
    )]
    data_dir: Option<PathBuf>,

    /// Data as JSON
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,

    /// Nothing but data and errors
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    quiet: bool,

    /// No colours (also: NO_COLOR)
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    no_color: bool,
}

impl Global {
    /// The organisation's data directory.
    pub fn data_dir(&self) -> PathBuf {
        if let Some(dir) = &self.data_dir {
            return dir.clone();
        }
        let set =
            |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        data.unwrap_or_default().join("quorate")
    }

    /// The flags that lead another command to the same data directory, for hints.
    pub fn data_dir_flag(&self) -> String {
        match &self.data_dir {
            Some(dir) if std::env::var_os("QUORATE_DATA_DIR").is_none() => {
                format!(" --data-dir {}", quoted(dir))
            }
            _ => String::new(),
        }
    }

    fn terminal(&self) -> Terminal {
        Terminal::new(self.json, self.quiet, self.no_color)
    }
}

/// Private decisions between organisations that do not trust each other.
#[derive(Parser, Debug)]
#[command(name = "quorate", version, after_help = EXIT_CODES, arg_required_else_help = true)]
#[command(max_term_width = 100, subcommand_required = true)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// See it work: a whole network on this machine, one decision, its certificate
    Demo(demo::Arguments),
    /// Make this organisation's keys and its public member card
    Init(init::Arguments),
    /// Begin a network: invite its members, or write its file from their cards
    #[command(subcommand)]
    Network(network::Subcommands),
    /// Join the network of an invite, or of a network file
    Join(join::Arguments),
    /// Make the network's keys, together with the other members
    Ceremony(Box<ceremony::Arguments>),
    /// Run this organisation's node
    Run(run::Arguments),
    /// Show, back up and restore this organisation's keys
    #[command(subcommand)]
    Key(key::Subcommands),
    /// Replace a member that lost its keys, and come in as one
    #[command(subcommand)]
    Member(Box<member::Subcommands>),
    /// Propose something to be decided
    Propose(propose::Arguments),
    /// Enter this organisation's vote: at a prompt, from a file or from standard input
    Vote(vote::Arguments),
    /// List decisions
    List(list::Arguments),
    /// Show one decision
    Show(show::Arguments),
    /// Explain why a decision is not decided yet, and what would change that
    Explain(explain::Arguments),
    /// Show this node and its network, on one screen
    Status(status::Arguments),
    /// Show how the connections to the other members are
    Peers(peers::Arguments),
    /// Check this machine, data directory, node and its links, and say what to do
    Doctor(doctor::Arguments),
    /// Gather what helps somebody to help
    #[command(subcommand)]
    Support(support::Subcommands),
    /// Show, save and verify what proves that a member is faulty
    #[command(subcommand)]
    Evidence(evidence::Subcommands),
    /// Wait for a decision's outcome: exit 0 accepted, 10 rejected, 11 expired, 7 time is up
    Wait(wait::Arguments),
    /// Print or save a decision's certificate
    Cert(cert::Arguments),
    /// Verify a certificate, offline
    Verify(verify::Arguments),
}

/// What a command works with.
pub struct Context {
    /// What every command can be told.
    pub global: Global,
    /// Where it prints to.
    pub terminal: Terminal,
}

impl Context {
    /// The node of the data directory.
    ///
    /// # Errors
    /// No such directory, or no node runs on it.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::open(&self.global.data_dir())
    }

    /// The failure with a hint that can be typed as it is: for this data directory.
    fn complete(&self, mut failure: Failure) -> Failure {
        const AT_A_NODE: [&str; 10] = [
            "quorate evidence list",
            "quorate ceremony",
            "quorate key backup",
            "quorate list",
            "quorate show",
            "quorate vote",
            "quorate wait",
            "quorate status",
            "quorate cert",
            "quorate run",
        ];
        if let Some(hint) = &mut failure.hint
            && !hint.contains("--data-dir")
            && AT_A_NODE.iter().any(|command| hint.contains(command))
        {
            hint.push_str(&self.global.data_dir_flag());
        }
        failure
    }

    /// Runs a future of a command that only asks or waits.
    ///
    /// # Errors
    /// The future's, or the machine's.
    pub fn block_on<T>(
        &self,
        future: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().map_err(|error| {
            Failure::new(Exit::Internal, format!("the runtime cannot be started: {error}"))
        })?;
        let result = runtime.block_on(future);
        runtime.shutdown_background();
        result
    }
}

/// Reads the command line, does what it says, and reports how it ended.
pub fn main() -> ExitCode {
    let plain = std::env::args_os().any(|argument| argument == "--no-color");
    let choice = if plain { ColorChoice::Never } else { ColorChoice::Auto };
    let matches = CommandLine::command().color(choice).get_matches();
    let line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let terminal = line.global.terminal();
    let context = Context { global: line.global, terminal };
    let ended = dispatch(&context, line.command);
    match ended.and_then(|exit| terminal.unprinted().map_or(Ok(exit), Err)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let failure = context.complete(failure);
            terminal.failure(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(arguments) => demo::demo(context, arguments),
        Command::Init(arguments) => init::init(context, &arguments),
        Command::Network(arguments) => network::network(context, &arguments),
        Command::Join(arguments) => join::join(context, &arguments),
        Command::Ceremony(arguments) => ceremony::ceremony(context, &arguments),
        Command::Run(arguments) => run::run(context, &arguments),
        Command::Key(arguments) => key::key(context, &arguments),
        Command::Member(command) => member::member(context, &command),
        Command::Propose(arguments) => propose::propose(context, &arguments),
        Command::Vote(arguments) => vote::vote(context, &arguments),
        Command::List(arguments) => list::list(context, &arguments),
        Command::Show(arguments) => show::show(context, &arguments),
        Command::Doctor(arguments) => doctor::doctor(context, &arguments),
        Command::Support(arguments) => support::support(context, &arguments),
        Command::Evidence(arguments) => evidence::evidence(context, &arguments),
        Command::Explain(arguments) => explain::explain(context, &arguments),
        Command::Peers(arguments) => peers::peers(context, &arguments),
        Command::Status(arguments) => status::status(context, &arguments),
        Command::Wait(arguments) => wait::wait(context, &arguments),
        Command::Cert(arguments) => cert::cert(context, &arguments),
        Command::Verify(arguments) => verify::verify(context, &arguments),
    }
}

/// A path as one would type it.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@~".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A file name for an organisation or network: `Acme Bank & Söhne` becomes `acme-bank-söhne`.
pub fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    if slug.is_empty() { "unnamed".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::RESTORE;
    use crate::home::HomeError;
    use crate::roster::RosterError;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn what_hints_say_can_be_typed() {
        let name = || RosterError::OtherName { card: "a".into(), member: "b".into() };
        let hints = [
            name().hint().unwrap(),
            HomeError::NotAMember { dir: "a".into() }.hint().unwrap(),
            HomeError::KeysGone { path: "a/keys.sealed".into() }.hint().unwrap(),
            RESTORE.to_owned(),
        ];
        for hint in hints {
            let command = hint.find("quorate ").and_then(|start| hint.get(start..)).unwrap();
            let parsed = CommandLine::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{hint}: {parsed:?}");
        }
    }

    #[test]
    fn names_become_file_names() {
        assert_eq!(slug("Acme Bank & Söhne"), "acme-bank-söhne");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("--"), "unnamed");
    }

    #[test]
    fn paths_can_be_pasted_into_a_shell() {
        assert_eq!(quoted(Path::new("data/acme-1")), "data/acme-1");
        assert_eq!(quoted(Path::new("Acme Bank")), "'Acme Bank'");
        assert_eq!(quoted(Path::new("it's")), "'it'\\''s'");
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        for exit in [
            Exit::Ok,
            Exit::Internal,
            Exit::Usage,
            Exit::NotFound,
            Exit::NotAuthorised,
            Exit::Invalid,
            Exit::Unreachable,
            Exit::Pending,
            Exit::Conflict,
            Exit::Rejected,
            Exit::Expired,
            Exit::VerificationFailed,
            Exit::SafetyStop,
            Exit::DoctorWarnings,
            Exit::DoctorFailures,
            Exit::Interrupted,
        ] {
            let line = format!("\n{:>4}  ", exit.code());
            assert!(EXIT_CODES.contains(&line), "{exit:?}");
        }
    }
}
