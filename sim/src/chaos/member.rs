//! One organisation: its data directory, and the process of its node.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::api::{Api, field, list, text};
use super::checker::CAME_BACK;
use super::cluster::{append, copy_folder, lines};
use super::disk::Disk;
use super::history::{Cause, End};

/// How long a node that was told to stop may take, on a machine that does much else.
const FAREWELL: Duration = Duration::from_secs(15);
/// How often a node that has started is asked whether it takes part.
const AGAIN: Duration = Duration::from_millis(20);
/// How long an answer to that may take.
const ANSWER: Duration = Duration::from_secs(2);

/// How many more runs have to end until nothing is left of those that who came back stayed out of: the
/// one that was going on and the one after. The last but one of these is begun when half of the material
/// of the one before is claimed, and material is used up run by run.
const RUNS_OUT: u64 = 4;

/// What all members have in common.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) program: PathBuf,
    pub(super) passphrase: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// One of the organisations.
pub(super) struct Member {
    pub(super) who: usize,
    pub(super) name: String,
    /// Where its node listens for the others.
    pub(super) port: u16,
    pub(super) disk: Disk,
    shared: Shared,
    token: String,
    state: Mutex<State>,
    live: Arc<Live>,
}

/// How a process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Down,
    Runs,
    Paused,
}

struct State {
    mode: Mode,
    child: Option<Child>,
    /// Whether its disk was full since it was started.
    disk_full: bool,
    /// Whether it is now.
    full: bool,
    /// Which start the copy of the data directory is from.
    copied: Option<u64>,
    /// The second node, on the copy.
    second: Option<Child>,
    /// Which starts were on an old copy.
    older: Vec<u64>,
    /// With how many preprocessing runs there is nothing left that it stays out of since the last.
    settled_at: Option<u64>,
    ends: Vec<End>,
}

/// What is known of the process that runs.
#[derive(Default)]
struct Live {
    /// How many were started.
    starts: AtomicU64,
    /// The last of them that took part in decisions: the others have met it.
    took_part: AtomicU64,
    api: Mutex<Option<Api>>,
    recoveries: Mutex<Vec<Recovery>>,
}

/// How long a node took after its process was killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovery {
    /// Until it said that it is ready.
    pub(super) ready: Duration,
    /// Until it said that it takes part in decisions.
    pub(super) takes_part: Option<Duration>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    pub(super) fn new(shared: &Shared, who: usize, name: String, port: u16, disk: Disk) -> Self {
        let state = State {
            mode: Mode::Down,
            child: None,
            disk_full: false,
            full: false,
            copied: None,
            second: None,
            older: Vec::new(),
            settled_at: None,
            ends: Vec::new(),
        };
        Self {
            who,
            name,
            port,
            disk,
            shared: shared.clone(),
            token: String::new(),
            state: Mutex::new(state),
            live: Arc::default(),
        }
    }

    /// Reads what its interface asks for.
    pub(super) fn learn_token(&mut self) -> io::Result<()> {
        self.token = fs::read_to_string(self.dir().join("api.token"))?.trim().to_owned();
        Ok(())
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.disk.folder().join("data")
    }

    pub(super) fn mode(&self) -> Mode {
        locked(&self.state).mode
    }

    /// The interface of its node, if that runs and answers.
    pub(super) fn api(&self) -> Option<Api> {
        locked(&self.live.api).clone()
    }

    pub(super) fn log(&self) -> PathBuf {
        self.shared.log(&self.name)
    }

    /// What second nodes say.
    pub(super) fn second_log(&self) -> PathBuf {
        self.log().with_extension("second.log")
    }

    pub(super) fn process(&self) -> Option<Pid> {
        locked(&self.state).child.as_ref().map(Pid::from_child)
    }

    pub(super) fn recoveries(&self) -> Vec<Recovery> {
        locked(&self.live.recoveries).clone()
    }

    /// How its processes ended.
    pub(super) fn ends(&self) -> Vec<End> {
        locked(&self.state).ends.clone()
    }

    /// Starts its node, on its data.
    pub(super) fn start(&self) -> io::Result<()> {
        let mut state = locked(&self.state);
        if state.mode != Mode::Down {
            return Ok(());
        }
        let after_kill = matches!(state.ends.last(), Some(End { cause: Cause::Killed, .. }));
        // A copy of what it starts from now is old from the next start on.
        let starts = self.live.starts.load(Ordering::Relaxed);
        if state.copied.is_none() && starts > 0 {
            copy_folder(&self.dir(), &self.shared.copy(&self.name))?;
            state.copied = Some(starts);
        }
        self.launch(&mut state, after_kill)?;
        state.mode = Mode::Runs;
        Ok(())
    }

    fn launch(&self, state: &mut State, after_kill: bool) -> io::Result<()> {
        let mut log = append(&self.log())?;
        writeln!(log, "-- start {}", self.live.starts.load(Ordering::Relaxed) + 1)?;
        let dir = self.dir().display().to_string();
        let arguments = self.shared.arguments.iter().map(String::as_str);
        let line: Vec<&str> =
            ["run", "--json", "--data-dir", &dir].into_iter().chain(arguments).collect();
        let began = Instant::now();
        let mut command = self.shared.command(&line);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn()?;
        let number = self.live.starts.fetch_add(1, Ordering::Relaxed) + 1;
        state.disk_full = false;
        let (live, token) = (self.live.clone(), self.token.clone());
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || live.follow(stdout, token, (number, began), after_kill));
        }
        state.child = Some(child);
        Ok(())
    }

    /// Ends its process as a crash would.
    pub(super) fn kill(&self) {
        let mut state = locked(&self.state);
        self.notice(&mut state);
        let (began, Some(child)) = (Instant::now(), state.child.as_mut()) else { return };
        let _ = child.kill();
        let status = child.wait();
        self.ended(&mut state, Cause::Killed, status.ok(), began.elapsed());
    }

    /// Tells its node to stop, and waits for its end.
    pub(super) fn stop(&self) {
        let mut state = locked(&self.state);
        self.notice(&mut state);
        let (began, Some(child)) = (Instant::now(), state.child.as_mut()) else { return };
        let cause = if self.api().is_some() { Cause::Told } else { Cause::ToldEarly };
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
        let mut status = None;
        while status.is_none() && began.elapsed() < FAREWELL {
            status = child.try_wait().ok().flatten();
            thread::sleep(Duration::from_millis(5));
        }
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.ended(&mut state, cause, status, began.elapsed());
    }

    /// Lets its process stand still; whether it does.
    pub(super) fn pause(&self) -> bool {
        self.signal((Mode::Runs, Mode::Paused), Signal::STOP)
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> bool {
        self.signal((Mode::Paused, Mode::Runs), Signal::CONT)
    }

    fn signal(&self, (from, to): (Mode, Mode), signal: Signal) -> bool {
        let mut state = locked(&self.state);
        let Some(child) = state.child.as_ref().filter(|_| state.mode == from) else { return false };
        let sent = kill_process(Pid::from_child(child), signal).is_ok();
        state.mode = to;
        sent
    }

    /// Fills its disk; whether it does.
    pub(super) fn fill_disk(&self) -> io::Result<bool> {
        let mut state = locked(&self.state);
        let Some(child) = state.child.as_ref().filter(|_| state.mode == Mode::Runs) else {
            return Ok(false);
        };
        self.disk.fill(Pid::from_child(child))?;
        (state.disk_full, state.full) = (true, true);
        Ok(true)
    }

    /// Makes room on its disk.
    pub(super) fn clear_disk(&self) {
        self.disk.clear();
        locked(&self.state).full = false;
    }

    /// Whether its disk is full.
    pub(super) fn is_full(&self) -> bool {
        locked(&self.state).full
    }

    /// Whether there is a copy of its data from before an earlier start that the others have met.
    fn has_old_copy(&self) -> bool {
        let met = self.live.took_part.load(Ordering::Relaxed);
        locked(&self.state).copied.is_some_and(|start| start < met)
    }

    /// Kills its node and starts it again on such a copy; false if there is none.
    pub(super) fn run_old_copy(&self) -> io::Result<bool> {
        if self.mode() != Mode::Runs || !self.has_old_copy() || self.runs_twice() {
            return Ok(false);
        }
        self.kill();
        let mut state = locked(&self.state);
        if state.mode != Mode::Down {
            return Ok(false);
        }
        fs::remove_dir_all(self.dir())?;
        copy_folder(&self.shared.copy(&self.name), &self.dir())?;
        self.forget_copy(&mut state)?;
        state.older.push(self.live.starts.load(Ordering::Relaxed) + 1);
        state.settled_at = None;
        self.launch(&mut state, false)?;
        state.mode = Mode::Runs;
        Ok(true)
    }

    /// Starts a second node on such a copy; false if there is none.
    pub(super) fn run_second_copy(&self) -> io::Result<bool> {
        if self.mode() != Mode::Runs || !self.has_old_copy() || self.runs_twice() {
            return Ok(false);
        }
        let dir = self.shared.copy(&self.name).display().to_string();
        let arguments = self.shared.arguments.iter().map(String::as_str);
        let line = ["run", "--json", "--data-dir", &dir, "--listen", "127.0.0.1:0"];
        let line: Vec<&str> = line.into_iter().chain(arguments).collect();
        let log = append(&self.second_log())?;
        let second = self.shared.command(&line).stdout(Stdio::null()).stderr(log).spawn()?;
        locked(&self.state).second = Some(second);
        Ok(true)
    }

    /// The copy is used up.
    fn forget_copy(&self, state: &mut State) -> io::Result<()> {
        state.copied = None;
        fs::remove_dir_all(self.shared.copy(&self.name))
    }

    /// Whether it takes part in all that goes on, as far as can be seen. Who came back stays out of what
    /// was open, of the run after the one that was going on, and of decisions that use material of such
    /// runs: it counts towards `t` until these are over.
    pub(super) fn is_settled(&self) -> bool {
        if self.older().is_empty() {
            return true;
        }
        let status = self.api().filter(|_| !self.is_older());
        let status = status.and_then(|api| api.read("/v1/status", ANSWER).ok());
        let Some(status) = status else { return false };
        let follows = |open: &Value| field(open, "following") == true;
        if *field(&status, "older_copy") == true
            || !field(&status, "returning").is_null()
            || list(&status, "open").iter().any(follows)
        {
            return false;
        }
        let Some(runs) = field(field(&status, "stock"), "runs").as_u64() else { return false };
        runs >= *locked(&self.state).settled_at.get_or_insert(runs + RUNS_OUT)
    }

    /// Whether a second node runs.
    pub(super) fn runs_twice(&self) -> bool {
        locked(&self.state).second.is_some()
    }

    /// Ends the second node, should it run.
    pub(super) fn end_second(&self) {
        if let Some(mut second) = locked(&self.state).second.take() {
            let _ = second.kill();
            let _ = second.wait();
        }
    }

    /// Which starts were on an old copy of its data.
    pub(super) fn older(&self) -> Vec<u64> {
        locked(&self.state).older.clone()
    }

    /// Whether its node has not come back yet that went on with an old copy.
    pub(super) fn is_older(&self) -> bool {
        let older = self.older().len();
        let log =
            || String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()).into_owned();
        older > 0 && log().lines().filter(|line| line.contains(CAME_BACK)).count() < older
    }

    /// Notices an end that nobody caused right now; what it is put down to.
    pub(super) fn look(&self) -> Option<Cause> {
        let mut state = locked(&self.state);
        let second = state.second.as_mut().and_then(|second| second.try_wait().ok().flatten());
        if let Some(status) = second {
            state.second = None;
            let end = self.end(Cause::SecondCopy, Some(status), Duration::ZERO);
            state.ends.push(end);
            // It may be that no node runs on it any more.
            let _ = self.forget_copy(&mut state);
        }
        self.notice(&mut state)
    }

    fn notice(&self, state: &mut State) -> Option<Cause> {
        let status = state.child.as_mut()?.try_wait().ok().flatten()?;
        let cause = if state.disk_full { Cause::FullDisk } else { Cause::Nothing };
        self.ended(state, cause, Some(status), Duration::ZERO);
        Some(cause)
    }

    fn ended(&self, state: &mut State, cause: Cause, status: Option<ExitStatus>, took: Duration) {
        state.child = None;
        state.mode = Mode::Down;
        *locked(&self.live.api) = None;
        state.ends.push(self.end(cause, status, took));
    }

    fn end(&self, cause: Cause, status: Option<ExitStatus>, took: Duration) -> End {
        let code = status.and_then(|status| status.code());
        let signal = status.and_then(|status| status.signal());
        End { member: self.name.clone(), cause, code, signal, took }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
        self.end_second();
    }
}

impl Live {
    /// Reads what a node says on its standard output, to its end.
    fn follow(
        &self,
        stdout: impl io::Read,
        token: String,
        (number, began): (u64, Instant),
        after_kill: bool,
    ) {
        let events = lines(stdout).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let is_last = || self.starts.load(Ordering::Relaxed) == number;
        for event in events {
            let address = text(&event, "control").parse().ok();
            let Some(address) = address.filter(|_| text(&event, "event") == "ready") else {
                continue;
            };
            let ready = began.elapsed();
            let api = Api { address, token: token.clone() };
            if is_last() {
                *locked(&self.api) = Some(api.clone());
            }
            let takes_part = self.wait_until_it_takes_part(&api, (number, began));
            if takes_part.is_some() {
                self.took_part.store(number, Ordering::Relaxed);
            }
            if after_kill {
                locked(&self.recoveries).push(Recovery { ready, takes_part });
            }
        }
    }

    fn wait_until_it_takes_part(
        &self,
        api: &Api,
        (number, began): (u64, Instant),
    ) -> Option<Duration> {
        loop {
            match api.get("/readyz", ANSWER) {
                Ok(answer) if answer.status == 200 => return Some(began.elapsed()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return None,
                _ if self.starts.load(Ordering::Relaxed) != number => return None,
                _ => thread::sleep(AGAIN),
            }
        }
    }
}

/// The bytes of all files in a folder.
pub(super) fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
