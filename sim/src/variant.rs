//! Other builds of this program, which it makes and starts itself.
//!
//! Ideal cryptography ([`IDEAL`]) and known bugs ([`ZOO`]) are compiled in by a `--cfg` and never by
//! a Cargo feature, which could reach what is shipped. So there is a program for each combination,
//! in a target folder of its own beside the usual one, and this one starts the one that is needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use quorate_protocol::crypto;

use crate::token::Crypto;

/// The `cfg` of groups whose elements are their own logarithms.
pub const IDEAL: &str = "quorate_ideal";

/// The `cfg` of a protocol that has known bugs to choose from.
pub const ZOO: &str = "zoo";

/// Tells a program which build it was started as.
pub const STARTED_AS: &str = "QUORATE_SIM_VARIANT";

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// What this program was built with.
pub fn current() -> Vec<&'static str> {
    let has = [(IDEAL, crypto::IDEAL), (ZOO, cfg!(zoo))];
    has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

/// Goes on only in a build that has this cryptography: if this is none, one takes its place, with the
/// same arguments.
///
/// # Errors
/// There is no such build and it cannot be made, or this one is ideal and the other is asked for.
pub fn with_crypto(asked: Crypto) -> Result<(), String> {
    if asked == Crypto::Real || crypto::IDEAL {
        return check(asked);
    }
    let cfgs: Vec<&str> = current().into_iter().chain([IDEAL]).collect();
    std::process::exit(start(&cfgs, std::env::args_os().skip(1))?.into())
}

/// Whether this build has this cryptography.
///
/// # Errors
/// It has not.
pub fn check(asked: Crypto) -> Result<(), String> {
    let has = if crypto::IDEAL { Crypto::Ideal } else { Crypto::Real };
    let same = asked == has;
    same.then_some(()).ok_or_else(|| format!("this build has {has} cryptography, not {asked}"))
}

/// Builds this program with these `cfg`s unless that is done, and runs it with these arguments in
/// place of this one. Returns its exit code where a program cannot be replaced.
///
/// # Errors
/// The sources are gone, or Cargo is, or what was built cannot be started.
pub fn run(
    cfgs: &[&str],
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<ExitCode, String> {
    start(cfgs, arguments).map(ExitCode::from)
}

fn start(cfgs: &[&str], arguments: impl IntoIterator<Item = OsString>) -> Result<u8, String> {
    let name = cfgs.join("-");
    if std::env::var(STARTED_AS).is_ok_and(|started| started == name) {
        return Err(format!("the build with {name} has {:?}", current()));
    }
    let workspace = workspace()?;
    let target = target(&workspace).join(&name);
    build(cfgs, &workspace, &target)?;
    let program =
        target.join("release").join("quorate-sim").with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = Command::new(&program);
    command.args(arguments).env(STARTED_AS, name);
    replace(command).map_err(|error| format!("cannot start {}: {error}", program.display()))
}

/// The folder that this was built from.
///
/// # Errors
/// It is there no more.
pub fn workspace() -> Result<PathBuf, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().filter(|folder| folder.join("Cargo.lock").is_file());
    workspace.map(Path::to_owned).ok_or_else(|| {
        format!(
            "another build of this program is needed, and its sources are not at {} any more",
            package.display()
        )
    })
}

/// Where builds go.
pub fn target(workspace: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}

fn build(cfgs: &[&str], workspace: &Path, target: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(&cargo)
        .args(["build", "--release", "--locked", "-p", "quorate-sim", "--target-dir"])
        .arg(target)
        .current_dir(workspace)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(cfgs))
        .status()
        .map_err(|error| {
            let cargo = cargo.to_string_lossy();
            format!("another build of this program is needed, and `{cargo}` does not run: {error}")
        })?;
    status.success().then_some(()).ok_or_else(|| format!("no build with {}", cfgs.join(" and ")))
}

/// The compiler's flags that are set already, and the `cfg`s.
fn flags(cfgs: &[&str]) -> String {
    let encoded = std::env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    let encoded = encoded.filter(|flags| !flags.is_empty());
    let set = encoded.unwrap_or_else(|| {
        let plain = std::env::var("RUSTFLAGS").unwrap_or_default();
        plain.split_whitespace().collect::<Vec<_>>().join(SEPARATOR)
    });
    with_cfgs(&set, cfgs)
}

fn with_cfgs(set: &str, cfgs: &[&str]) -> String {
    let set = set.split(SEPARATOR).filter(|flag| !flag.is_empty());
    let cfgs = cfgs.iter().flat_map(|cfg| ["--cfg", cfg]);
    set.chain(cfgs).collect::<Vec<_>>().join(SEPARATOR)
}

#[cfg(unix)]
fn replace(mut command: Command) -> std::io::Result<u8> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> std::io::Result<u8> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_set_are_kept() {
        let separated = |flags: &[&str]| flags.join(SEPARATOR);
        let both = [IDEAL, ZOO];
        assert_eq!(with_cfgs("", &[IDEAL]), separated(&["--cfg", IDEAL]));
        assert_eq!(with_cfgs("", &[]), "");
        let set = separated(&["-C", "target-cpu=native"]);
        let all = ["-C", "target-cpu=native", "--cfg", IDEAL, "--cfg", ZOO];
        assert_eq!(with_cfgs(&set, &both), separated(&all));
    }

    #[test]
    fn a_build_is_of_one_cryptography() {
        let (has, has_not) = if cfg!(quorate_ideal) {
            (Crypto::Ideal, Crypto::Real)
        } else {
            (Crypto::Real, Crypto::Ideal)
        };
        assert_eq!(check(has), Ok(()));
        assert!(check(has_not).is_err());
        assert_eq!(current().contains(&IDEAL), has == Crypto::Ideal);
    }

    #[test]
    fn the_sources_of_this_build_are_found() {
        assert!(workspace().is_ok_and(|folder| folder.join("sim").join("Cargo.toml").is_file()));
    }
}
