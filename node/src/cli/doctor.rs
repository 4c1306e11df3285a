//! `quorate doctor`

use serde_json::json;

use super::Context;
use super::exit::{Exit, Failure};
use super::terminal::{Paint, Terminal, clean};
use crate::doctor::{self, Facts, Finding, Level};

/// Check this machine, data directory, node and its links, and say what to do
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit 0 if all is well, 14 if somebody should look at something, 15 if the \
                        node cannot work so. It works with the node running and not, needs no \
                        passphrase, and takes at most 5 seconds."
)]
pub struct Arguments {
    /// Do what is safe: close files that others can use, remove what a killed node left behind
    #[arg(long)]
    fix: bool,
}

/// `quorate doctor`
pub fn doctor(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let terminal = &context.terminal;
    let (dir, flag) = (context.global.data_dir(), context.global.data_dir_flag());
    let mut findings = context.block_on(async { Ok(Facts::gather(&dir, &flag).await.check()) })?;
    let mut fixed = Vec::new();
    if arguments.fix {
        for repair in findings.iter().flat_map(|finding| &finding.repair) {
            match repair.apply() {
                Ok(()) => fixed.push(repair.command()),
                Err(error) => terminal.say(format_args!("{}: {error}", repair.command())),
            }
        }
        if !fixed.is_empty() {
            findings = context.block_on(async { Ok(Facts::gather(&dir, &flag).await.check()) })?;
        }
    }
    let exit = doctor::exit(&findings);
    if terminal.json {
        let level = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
        terminal.object(&json!({ "level": level, "checks": findings, "fixed": fixed }));
    } else {
        fixed.iter().for_each(|command| terminal.say(format_args!("fixed: {command}")));
        show(terminal, &findings);
    }
    Ok(exit)
}

/// What is wrong, the worst first, then what is well, in a line each.
fn show(terminal: &Terminal, findings: &[Finding]) {
    let of = |level: Level| findings.iter().filter(move |finding| finding.level == level);
    for finding in of(Level::Failure).chain(of(Level::Warning)).chain(of(Level::Ok)) {
        let word = match finding.level {
            Level::Ok => terminal.painted(Paint::Good, "ok     "),
            Level::Warning => terminal.painted(Paint::Waiting, "warning"),
            Level::Failure => terminal.painted(Paint::Bad, "failure"),
        };
        terminal.line(format_args!("{word}  {}: {}", finding.check, clean(&finding.finding)));
        if let Some(why) = finding.why {
            terminal.line(format_args!("           {why}"));
        }
        if let Some(fix) = &finding.fix {
            terminal.line(format_args!("           fix: {}", clean(fix)));
        }
    }
    let count = |level| of(level).count();
    let (failures, warnings) = (count(Level::Failure), count(Level::Warning));
    terminal
        .say(format_args!("{} checks: {failures} failures, {warnings} warnings", findings.len()));
}
