//! `isolde dev` or `isolde serve` as a child process: its address, the events that it prints, its
//! end.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use serde_json::Value;

use super::DEADLINE;
use super::http::{Connection, Response};

/// The user `nobody`, who is this one everywhere.
const NOBODY: u32 = 65_534;

/// The events that a child has printed so far.
#[derive(Default)]
struct Events {
    list: Mutex<(Vec<Value>, bool)>,
    more: Condvar,
}

/// A running `isolde dev` or `isolde serve`. Dropping it ends the process.
pub struct Isolde {
    child: Child,
    events: Arc<Events>,
    complaints: Arc<Mutex<String>>,
    /// Who runs it, where that is not who runs the test.
    user: Option<u32>,
    /// Where it listens: `127.0.0.1:1234`.
    pub address: String,
}

impl Isolde {
    /// Serves a Worker, by its folder or its file.
    pub fn dev(worker: &Path) -> Self {
        Self::dev_with(worker, &[])
    }

    /// The same with more arguments.
    pub fn dev_with(worker: &Path, arguments: &[&str]) -> Self {
        Self::dev_by(Command::new(env!("CARGO_BIN_EXE_isolde")), worker, arguments)
    }

    /// The same, in a process with a limit on file descriptors.
    pub fn dev_with_descriptors(count: u32, worker: &Path, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {count}; exec \"$0\" \"$@\""));
        shell.arg(env!("CARGO_BIN_EXE_isolde"));
        Self::dev_by(shell, worker, arguments)
    }

    /// The same, with a variable in the environment.
    pub fn dev_with_variable(worker: &Path, name: &str, value: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolde"));
        command.env(name, value);
        Self::dev_by(command, worker, &[])
    }

    /// The same as a user whose threads are counted: root's are not.
    pub fn dev_unprivileged(worker: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolde"));
        let id = Command::new("id").arg("-u").output().expect("every system has it");
        let user = (id.stdout == b"0\n").then_some(NOBODY);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut isolde = Self::dev_by(command, worker, arguments);
        isolde.user = user;
        isolde
    }

    /// Sets a limit of the running process; nothing for the highest that it may have.
    pub fn set_limit(&self, name: &str, count: Option<u64>) {
        let path = format!("/proc/{}/limits", self.id());
        let limits = std::fs::read_to_string(path).expect("the process is there");
        let title = match name {
            "nofile" => "Max open files",
            "nproc" => "Max processes",
            other => panic!("{other} has no title here"),
        };
        let line = limits.lines().find(|line| line.starts_with(title)).expect("Linux has it");
        let hard = line[title.len()..].split_whitespace().nth(1).expect("soft, then hard");
        let soft = count.map_or(hard.to_owned(), |count| count.to_string());
        let mut command = Command::new("prlimit");
        let pid = self.id().to_string();
        command.args(["--pid", &pid, &format!("--{name}={soft}:{hard}")]);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let status = command.status().expect("util-linux has prlimit");
        assert!(status.success(), "the limit of {name} could not be set");
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.id());
        std::fs::read_dir(path).expect("the process is there").count()
    }

    /// Runs a command that is, or becomes, the program.
    fn dev_by(mut command: Command, worker: &Path, arguments: &[&str]) -> Self {
        command.arg("dev").arg(worker).args(["--port", "0", "--json"]).args(arguments);
        Self::run(command)
    }

    /// Serves the Workers of a configuration file.
    pub fn serve(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolde"));
        command.args(["serve", "--json", "--config"]).arg(config);
        Self::run(command)
    }

    /// The same, in processes with a limit on file descriptors.
    pub fn serve_with_descriptors(count: u32, config: &Path) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {count}; exec \"$0\" \"$@\""));
        shell.arg(env!("CARGO_BIN_EXE_isolde")).args(["serve", "--json", "--config"]).arg(config);
        Self::run(shell)
    }

    /// The same, with a variable in the environment.
    pub fn serve_with_variable(config: &Path, name: &str, value: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolde"));
        command.args(["serve", "--json", "--config"]).arg(config).env(name, value);
        Self::run(command)
    }

    /// Serves the Workers of a configuration file under strace, which writes the system calls of
    /// all processes and threads, with their numbers, to `output`.
    pub fn serve_traced(config: &Path, output: &Path) -> Self {
        let mut command = Command::new("strace");
        // It looks on from a process beside: this child is the program.
        command.args(["-D", "-f", "-n", "-qqq", "-o"]).arg(output);
        command.arg(env!("CARGO_BIN_EXE_isolde"));
        command.args(["serve", "--json", "--config"]).arg(config);
        Self::run(command)
    }

    /// Runs the program until it says that it is ready.
    fn run(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("isolde can be started");
        let events = Arc::new(Events::default());
        let stdout = child.stdout.take().expect("stdout is piped");
        let sink = events.clone();
        std::thread::spawn(move || read_events(BufReader::new(stdout), &sink));
        let complaints = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let sink = complaints.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let mut isolde = Self { child, events, complaints, user: None, address: String::new() };
        let listens = |event: &Value| event["event"] == "ready" || event["event"] == "waiting";
        let ready = isolde.event("ready", listens);
        let url = ready["url"].as_str().expect("ready has a URL");
        isolde.address = url.strip_prefix("http://").expect("it is plain HTTP").to_owned();
        isolde
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// `GET` on a new connection, with the program's own address as host.
    pub fn get(&self, path: &str) -> Response {
        self.get_from(&self.address, path)
    }

    /// `GET` on a new connection from a given host.
    pub fn get_from(&self, host: &str, path: &str) -> Response {
        let mut connection = self.connect();
        connection.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
        connection.response("GET")
    }

    /// Waits for an event, one that came before included.
    ///
    /// # Panics
    /// When it does not come.
    pub fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.look(what, |events, _| events.iter().find(|event| wanted(event)).cloned())
    }

    /// Looks at the events each time that there are more; the flag says that none will follow.
    fn look<T>(&self, what: &str, wanted: impl Fn(&[Value], bool) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        let mut list = self.events.list.lock().unwrap();
        loop {
            if let Some(found) = wanted(&list.0, list.1) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !list.1,
                "there was no {what} in {:#?}\nstderr: {}",
                list.0,
                self.complaints.lock().unwrap(),
            );
            list = self.events.more.wait_timeout(list, left).unwrap().0;
        }
    }

    /// Shuts the program down gracefully and gives everything that it printed.
    pub fn stop(mut self) -> Vec<Value> {
        self.assert_alive();
        self.terminate();
        let events = self.look("end", |events, over| over.then(|| events.to_vec()));
        let status = self.wait();
        assert!(status.success(), "isolde ended with {status}: {}", self.complaints());
        events
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        self.events.list.lock().unwrap().0.clone()
    }

    /// Waits for a console line that holds `text`.
    pub fn console_line(&self, text: &str) -> Value {
        self.event(&format!("console {text:?}"), |event| {
            event["event"] == "console" && event["message"].as_str().unwrap_or("").contains(text)
        })
    }

    /// Its standard error so far.
    pub fn complaints(&self) -> String {
        self.complaints.lock().unwrap().clone()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails the test when the process has ended.
    pub fn assert_alive(&mut self) {
        let ended = self.child.try_wait().expect("a child can be waited for");
        assert!(ended.is_none(), "isolde ended: {ended:?}\n{}", self.complaints());
    }

    /// Asks the process to end, as an operator's service manager does.
    pub fn terminate(&self) {
        super::signal("TERM", self.child.id());
    }

    /// Asks `isolde serve` to read its configuration again.
    pub fn reload(&self) {
        super::signal("HUP", self.child.id());
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        super::until("isolde to end", || self.child.try_wait().expect("a child can be waited for"))
    }
}

impl Drop for Isolde {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_events(lines: impl BufRead, events: &Events) {
    for line in lines.lines() {
        let Ok(line) = line else { break };
        let event = serde_json::from_str(&line)
            .unwrap_or_else(|_| serde_json::json!({ "event": "not json", "message": line }));
        events.list.lock().unwrap().0.push(event);
        events.more.notify_all();
    }
    events.list.lock().unwrap().1 = true;
    events.more.notify_all();
}

/// Runs `isolde check --json`; whether it passes, and the events that it printed.
pub fn check(worker: &Path) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_isolde"))
        .arg("check")
        .arg(worker)
        .arg("--json")
        .stdin(Stdio::null())
        .output()
        .expect("isolde can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.is_empty(), "isolde check complains: {complaints}");
    (output.status.success(), text)
}

/// The children of a process that play a role, the first of them first.
pub fn children(parent: u32, role: &str) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).expect("the kernel lists children");
    let plays = |pid: &&str| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split('\0').nth(2) == Some(role)
    };
    let players = children.split_whitespace().filter(plays);
    players.map(|pid| pid.parse().expect("it is a number")).collect()
}

/// The first child of a process that plays a role.
pub fn child(parent: u32, role: &str) -> u32 {
    *children(parent, role).first().expect("there is such a process")
}
