//! What a process that runs a node says of itself, on standard error.

use std::str::FromStr as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Context;
use super::exit::{Exit, Failure};

/// The variable that says what is logged: a level, or for each part of the program one.
const VARIABLE: &str = "QUORATE_LOG";

/// Starts to log: our own parts at the level `usual`, or as the environment wants.
///
/// # Errors
/// The environment wants something that makes no sense.
pub fn start(context: &Context, usual: &str) -> Result<(), Failure> {
    let wanted = std::env::var_os(VARIABLE).unwrap_or_default();
    let filter = filter(&wanted.to_string_lossy(), usual)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(context.terminal.redraws())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

/// A level alone is that of our own parts: what libraries say fills the log and helps few.
fn filter(wanted: &str, usual: &str) -> Result<EnvFilter, Failure> {
    let of_ours = |level: &str| format!("quorate={level},quorate_protocol={level},error");
    let wanted = wanted.trim();
    let directives = match wanted {
        "" => of_ours(usual),
        level if LevelFilter::from_str(level).is_ok() => of_ours(level),
        parts if parts.contains('=') => parts.to_owned(),
        _ => return Err(senseless(wanted)),
    };
    EnvFilter::builder().parse(directives).map_err(|_| senseless(wanted))
}

fn senseless(wanted: &str) -> Failure {
    let what = format!("{VARIABLE} is neither a level nor a list of parts with levels: {wanted}");
    let hint = format!("{VARIABLE}=info, or {VARIABLE}=quorate=debug,libp2p_swarm=info");
    Failure::new(Exit::Usage, what).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_that_of_our_parts_and_what_makes_no_sense_is_refused() {
        for (wanted, expected) in [
            ("", "quorate_protocol=warn,quorate=warn,error"),
            (" debug ", "quorate_protocol=debug,quorate=debug,error"),
            ("OFF", "quorate_protocol=off,quorate=off,error"),
            ("quorate=trace,libp2p_swarm=info", "libp2p_swarm=info,quorate=trace"),
        ] {
            assert_eq!(filter(wanted, "warn").unwrap().to_string(), expected, "{wanted:?}");
        }
        for wanted in ["verbose", "quorate=loud", "debug,info", "=,="] {
            let refused = filter(wanted, "warn").expect_err(wanted);
            assert_eq!(refused.exit, Exit::Usage, "{wanted}");
            assert!(refused.what.contains(wanted), "{}", refused.what);
        }
    }
}
