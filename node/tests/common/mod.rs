//! What the tests of the binary share: commands, and nodes that end with the test.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread::JoinHandle;
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
    ended_in_time(&mut quorate(arguments))
}

/// Runs a command that reads `input`.
pub fn run_with_input(arguments: &[&str], input: &str) -> Ended {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    ended_in_time(quorate(arguments).stdin(file))
}

/// Runs a command to its end.
#[track_caller]
pub fn ended_in_time(command: &mut Command) -> Ended {
    in_time(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits for the end of a command whose output nobody reads; kills it, and fails, when that takes
/// too long.
#[track_caller]
pub fn in_time(child: Child) -> Ended {
    let (id, (send, output)) = (child.id(), mpsc::channel());
    std::thread::spawn(move || send.send(child.wait_with_output().unwrap()));
    let Ok(output) = output.recv_timeout(PATIENCE) else {
        signal(id, "KILL");
        panic!("it goes on: {:?}", output.recv());
    };
    Ended::of(output)
}

/// Waits for the end of a process that has been told to end. Fails when that takes too long.
#[track_caller]
pub fn exit_code(child: &mut Child) -> Option<i32> {
    eventually("its end", || child.try_wait().unwrap()).code()
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

/// A free port on the loopback address, for TCP and UDP; below those that systems hand out to
/// connections, so that nobody takes it before it is used.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(15_000..32_000);
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if tcp.is_ok() && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
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
    /// Four organisations, set up by `init`, `network new`, `join` and `ceremony`.
    pub fn set_up() -> Self {
        let (network, invite) = Self::invited(&[]);
        let mut coordinator = network.ceremony(0, &[]);
        coordinator.until("gathering");
        let others: Vec<_> = (1..NAMES.len())
            .map(|who| {
                network.at(who, &["join", &invite]).ok();
                network.ceremony(who, &[])
            })
            .collect();
        let digest = coordinator.until("roster")["digest"].as_str().unwrap().to_owned();
        for member in others.into_iter().chain([coordinator]) {
            member.ended().ok();
        }
        let file = network.path("network.toml");
        fs::copy(network.path(NAMES[0]).join("network.toml"), file).unwrap();
        Self { digest, ..network }
    }

    /// Four organisations, the first of which has begun a network; and its invite.
    pub fn invited(arguments: &[&str]) -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        let network = Self { folder, digest: String::new() };
        for (who, name) in NAMES.iter().enumerate() {
            let port = free_port().to_string();
            network.at(who, &["init", "--org", name, "--port", &port]).ok();
        }
        let place = format!("127.0.0.1:{}", free_port());
        let new = ["network", "new", "Trade finance", "--orgs", "4", "--rendezvous", &place];
        let founded = network.at(0, &[&new, arguments].concat()).ok();
        (network, founded.out.trim().to_owned())
    }

    /// An organisation in its ceremony, which asks nobody.
    pub fn ceremony(&self, who: usize, arguments: &[&str]) -> Ceremony {
        let (dir, passphrase) = (self.file(NAMES[who]), passphrase_file().display().to_string());
        let backup = self.file(&format!("{}.backup", NAMES[who]));
        let line = ["ceremony", "--yes", "--json", "--data-dir", &dir, "--backup", &backup];
        let given = ["--backup-passphrase-file", &passphrase];
        Ceremony::start(quorate(&[&line, &given[..], arguments].concat()))
    }

    /// Four organisations with keys that were dealt: quicker, where it is not about the keys.
    pub fn dealt() -> Self {
        Self::dealt_as(&[])
    }

    /// The same, made with these arguments.
    pub fn dealt_as(arguments: &[&str]) -> Self {
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
        new.extend(arguments.iter().map(|argument| (*argument).to_owned()));
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
        self.start_with(who, &[])
    }

    /// Starts the node of a member, with more arguments.
    pub fn start_with(&self, who: usize, arguments: &[&str]) -> Node {
        Node::start(&self.path(NAMES[who]), arguments)
    }
}

/// A process in its ceremony; killed when dropped.
pub struct Ceremony {
    child: Child,
    events: mpsc::Receiver<Value>,
    seen: Vec<Value>,
    talk: Option<JoinHandle<String>>,
}

impl Ceremony {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, events) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).expect("an event on each line"));
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let talk = std::thread::spawn(move || {
            let mut talk = String::new();
            let _ = stderr.read_to_string(&mut talk);
            talk
        });
        Self { child, events, seen: Vec::new(), talk: Some(talk) }
    }

    /// Waits for an event of this name.
    #[track_caller]
    pub fn until(&mut self, name: &str) -> Value {
        let seen = self.seen.iter().find(|event| event["event"] == name).cloned();
        seen.unwrap_or_else(|| self.next(name))
    }

    /// Waits for the next event of this name.
    #[track_caller]
    pub fn next(&mut self, name: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                let _ = self.child.kill();
                let talk = self.talk.take().map(JoinHandle::join);
                panic!("no event {name:?} after {:?}, but {talk:?}", self.seen);
            };
            self.seen.push(event.clone());
            if event["event"] == name {
                return event;
            }
        }
    }

    /// All events that came so far, by name.
    pub fn so_far(&mut self) -> Vec<String> {
        self.seen.extend(self.events.try_iter());
        self.seen.iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; the output is its events.
    pub fn ended(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "it goes on, after {:?}", self.so_far());
            std::thread::sleep(Duration::from_millis(20));
        }
        let status = self.child.wait().unwrap();
        self.seen.extend(self.events.iter());
        let out = self.seen.iter().map(|event| format!("{event}\n")).collect();
        let err = self.talk.take().unwrap().join().unwrap();
        Ended { code: status.code().expect("not ended by a signal"), out, err }
    }
}

impl Drop for Ceremony {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
        let mut talk = tempfile::tempfile().unwrap();
        command.stdout(Stdio::piped()).stderr(talk.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let (send, ready) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            let mut lines = lines.map_while(Result::ok);
            if lines.any(|line| line.starts_with("ready: ")) {
                let _ = send.send(());
            }
        });
        let node = Self { child };
        if ready.recv_timeout(PATIENCE).is_err() {
            let mut said = String::new();
            talk.rewind().and_then(|()| talk.read_to_string(&mut said)).unwrap();
            panic!("it is not ready: {said}");
        }
        node
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Ctrl-C: it must end well, soon.
    pub fn stop(mut self) {
        self.signal("INT");
        let start = Instant::now();
        assert_eq!(exit_code(&mut self.child), Some(0));
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

/// The script that verifies certificates without our code. `None` where it cannot run, which is said.
pub fn script() -> Option<PathBuf> {
    let probe = "import shutil, tomllib\nshutil.which('openssl') or __import__('cryptography')";
    let probed = Command::new("python3").args(["-c", probe]).output();
    if probed.is_ok_and(|ended| ended.status.success()) {
        return Some(repository().join("scripts/verify-certificate"));
    }
    skipped("python 3.11 with `cryptography` or `openssl`")
}

/// Where this repository is.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Says that a part of a test was left out.
pub fn skipped<T>(lacking: &str) -> Option<T> {
    eprintln!("SKIPPED: there is no {lacking} on this machine");
    None
}

/// Whether all these programs are there.
pub fn there_are(programs: &[&str]) -> bool {
    let found = |name: &&str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
        found.unwrap().status.success() || skipped::<()>(name).is_some()
    };
    programs.iter().all(found)
}
