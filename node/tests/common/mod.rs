//! What the tests of the binary share: commands, and nodes that end with the test.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The organisations of the tests.
pub const NAMES: [&str; 4] = ["Acme Bank", "Borealis Re", "Cobalt Energy", "Delta Freight"];

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A file with a passphrase, for every organisation of the tests.
pub fn passphrase_file() -> &'static Path {
    static FILE: OnceLock<tempfile::TempPath> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "a passphrase of tests").unwrap();
        file.into_temp_path()
    })
}

/// The command, with nothing of this machine's settings but where its passphrase is.
pub fn quorate(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("quorate"));
    command.args(arguments).env_remove("QUORATE_DATA_DIR").env_remove("QUORATE_LOG");
    command.env_remove("CREDENTIALS_DIRECTORY").env("QUORATE_PASSPHRASE_FILE", passphrase_file());
    command.env("XDG_DATA_HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Ended {
    Ended::of(quorate(arguments).output().unwrap())
}

/// Runs a command that reads `input`.
pub fn run_with_input(arguments: &[&str], input: &str) -> Ended {
    let mut command = quorate(arguments);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    // The command may refuse before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ended::of(child.wait_with_output().unwrap())
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("not ended by a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It went well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    /// It failed as it should: this exit code, one `error:` and one `hint:` that contain these
    /// words, no data, no trace.
    #[track_caller]
    pub fn failed(self, code: i32, error: &str, hint: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        let errors: Vec<_> = self.err.lines().filter(|line| line.starts_with("error: ")).collect();
        let hints: Vec<_> = self.err.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert_eq!((errors.len(), hints.len()), (1, 1), "{}", self.err);
        assert!(errors[0].contains(error), "{}", self.err);
        assert!(hints[0].contains(hint), "{}", self.err);
        assert!(!errors[0].ends_with('.') && !hints[0].ends_with('.'), "{}", self.err);
        assert!(!self.err.contains("panicked") && !self.err.contains("os error"), "{}", self.err);
        assert_eq!(self.out, "");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// How many lines of the output are this one.
    pub fn count(&self, line: &str) -> usize {
        self.out.lines().filter(|l| *l == line).count()
    }
}

/// A free port on the loopback address, for TCP and UDP.
pub fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Organisations that joined a network by the commands that people use.
pub struct Network {
    pub folder: tempfile::TempDir,
    pub digest: String,
}

impl Network {
    /// Four organisations, set up by `init`, `network new`, `network deal`, `join`.
    pub fn set_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut new = vec!["network".into(), "new".into(), "Trade finance".into()];
        for name in NAMES {
            let dir = path(name);
            let port = free_port().to_string();
            let made = run(&["init", "--org", name, "--data-dir", &dir, "--port", &port]).ok();
            new.extend(["--member".into(), made.out.trim().to_owned()]);
        }
        let file = path("network.toml");
        new.extend(["-o".into(), file.clone()]);
        run(&new.iter().map(String::as_str).collect::<Vec<_>>()).ok();
        let deal = path("deal");
        let dealt =
            run(&["network", "deal", &file, "--insecure-dealer", "--out-dir", &deal, "--json"])
                .ok()
                .json();
        for (name, key) in NAMES.iter().zip(dealt["dealt_keys"].as_array().unwrap()) {
            let key = key.as_str().unwrap();
            run(&["join", &file, "--dealt-keys", key, "--data-dir", &path(name)]).ok();
        }
        Self { digest: dealt["digest"].as_str().unwrap().to_owned(), folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Runs a command on an organisation's data directory.
    pub fn at(&self, who: usize, arguments: &[&str]) -> Ended {
        let dir = self.file(NAMES[who]);
        run(&[arguments, &["--data-dir", &dir]].concat())
    }

    /// The same with something to read.
    pub fn at_with_input(&self, who: usize, arguments: &[&str], input: &str) -> Ended {
        let dir = self.file(NAMES[who]);
        run_with_input(&[arguments, &["--data-dir", &dir]].concat(), input)
    }

    /// Starts an organisation's node, and returns when it is ready.
    pub fn start(&self, who: usize) -> Node {
        Node::start(&self.path(NAMES[who]), &[])
    }
}

/// A running node; killed when dropped.
pub struct Node {
    pub child: Child,
}

impl Node {
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let dir = data_dir.display().to_string();
        let mut command = quorate(&[&["run", "--data-dir", &dir], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready: "), "{line}");
        Self { child }
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Ctrl-C: it must end well, soon.
    pub fn stop(mut self) {
        self.signal("INT");
        let start = Instant::now();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to one process.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Asks again until it is so. Fails when that takes too long.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}
