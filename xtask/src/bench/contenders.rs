//! The servers that are measured, and how each is started with the Worker of a row.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::configurations::{
    isolde_configuration, nginx_configuration, workerd_configuration, wrangler_configuration,
    write, write_certificate,
};
use super::load::{self, Door, Exchange};
use super::process::Server;
use super::user::User;
use super::workers::Project;
use super::{BenchError, chain};

const READY_WAIT_MAX: Duration = Duration::from_secs(20);
/// The same under valgrind.
const READY_WAIT_SLOW_MAX: Duration = Duration::from_secs(90);
const READY_POLL: Duration = Duration::from_millis(2);

/// The command that installs the programs which the project does not carry.
pub const INSTALL: &str = "npm install --prefix target/bench workerd esbuild hono";
const INSTALL_NGINX: &str = "run apt-get install nginx";

/// A server that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// `isolde dev`.
    Isolde,
    /// `isolde serve` in its strict sandbox.
    Serve,
    /// npm's `workerd`.
    Workerd,
    /// Node's own HTTP server.
    Node,
    /// hyper alone.
    Hyper,
    /// nginx, which ends TLS, in front of `workerd`.
    NginxWorkerd,
    /// nginx in front of `isolde dev`.
    NginxIsolde,
}

impl Contender {
    /// All of them, in the order of a round.
    pub const ALL: [Self; 7] = [
        Self::Isolde,
        Self::Serve,
        Self::Workerd,
        Self::Node,
        Self::Hyper,
        Self::NginxWorkerd,
        Self::NginxIsolde,
    ];

    /// The name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isolde => "isolde",
            Self::Serve => "serve",
            Self::Workerd => "workerd",
            Self::Node => "node",
            Self::Hyper => "hyper",
            Self::NginxWorkerd => "nginx-workerd",
            Self::NginxIsolde => "nginx-isolde",
        }
    }

    /// Whether it is measured in rows like that of this project; with TLS that is who ends it.
    pub fn has_part(self, project: &Project) -> bool {
        self == Self::Serve || self.behind().is_some() == project.tls
    }

    /// The server behind a proxy.
    fn behind(self) -> Option<Self> {
        match self {
            Self::NginxWorkerd => Some(Self::Workerd),
            Self::NginxIsolde => Some(Self::Isolde),
            _ => None,
        }
    }
}

/// The folders and programs of a benchmark.
pub struct Places {
    /// The project.
    pub root: PathBuf,
    /// `target/bench` of the project.
    pub folder: PathBuf,
    /// The program to measure.
    pub isolde: PathBuf,
    /// The user of the servers, if it is not that of this process.
    pub user: Option<User>,
    /// A program that servers run under, and its arguments; mostly empty.
    pub prefix: Vec<String>,
}

impl Places {
    fn module(&self, path: &str) -> PathBuf {
        self.folder.join("node_modules").join(path)
    }

    /// The program itself and not npm's wrapper script, whose process would be measured too.
    fn workerd(&self) -> Option<PathBuf> {
        let native = match std::env::consts::ARCH {
            "aarch64" => "@cloudflare/workerd-linux-arm64/bin/workerd",
            _ => "@cloudflare/workerd-linux-64/bin/workerd",
        };
        let candidates = [self.module(native), self.module(".bin/workerd")];
        candidates.into_iter().find(|path| path.exists())
    }

    /// nginx of the system's packages; its folder is not in every user's `PATH`.
    fn nginx() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        folders.map(|folder| folder.join("nginx")).find(|path| path.exists())
    }

    /// Why a contender cannot run, if so.
    pub fn missing(&self, contender: Contender, project: &Project) -> Option<String> {
        if let Some(behind) = contender.behind() {
            let nginx = Self::nginx().is_none().then(|| INSTALL_NGINX.to_owned());
            return nginx.or_else(|| self.missing(behind, project));
        }
        let needs_hono = project.package.is_some() && !self.module("hono").exists();
        match contender {
            Contender::Isolde | Contender::Serve if !self.isolde.exists() => {
                Some(format!("{} is not there: cargo build --release", self.isolde.display()))
            }
            Contender::Workerd if self.workerd().is_none() => Some(format!("run {INSTALL}")),
            Contender::Isolde | Contender::Serve | Contender::Workerd if needs_hono => {
                Some(format!("run {INSTALL}"))
            }
            Contender::Node if project.node.is_none() => Some("has no such row".to_owned()),
            Contender::Hyper if !project.hyper => Some("has no such row".to_owned()),
            _ => None,
        }
    }

    /// Where the files of a row's project are.
    pub fn project_folder(&self, project: &Project) -> PathBuf {
        self.folder.join("projects").join(project.name)
    }

    /// The log file of a contender; not in the folder of the project, which Isolde watches.
    pub fn log(&self, contender: Contender, project: &Project) -> Result<PathBuf, BenchError> {
        let folder = self.folder.join("logs");
        fs::create_dir_all(&folder)
            .map_err(|cause| BenchError::Write { path: folder.clone(), cause })?;
        Ok(folder.join(format!("{}-{}.log", project.name, contender.name())))
    }

    /// Writes the project of a row and returns its folder.
    fn write_project(&self, project: &Project) -> Result<PathBuf, BenchError> {
        let folder = self.project_folder(project);
        write(&folder.join("wrangler.jsonc"), &wrangler_configuration(project))?;
        write(&folder.join("src").join(project.file), project.worker)?;
        write(&folder.join("config.capnp"), &workerd_configuration(project))?;
        write(&folder.join("loader.js"), include_str!("servers/loader.worker.js"))?;
        if let Some(node) = project.node {
            write(&folder.join("node.mjs"), node)?;
        }
        if project.package.is_none() {
            write(&folder.join("bundle.js"), project.worker)?;
        } else {
            self.bundle(&folder, project)?;
        }
        Ok(folder)
    }

    /// workerd takes plain JavaScript in one module, so esbuild makes that.
    fn bundle(&self, folder: &Path, project: &Project) -> Result<(), BenchError> {
        let program = self.module(".bin/esbuild");
        let output = Command::new(&program)
            .arg(folder.join("src").join(project.file))
            .args(["--bundle", "--format=esm", "--target=esnext"])
            .arg(format!("--outfile={}", folder.join("bundle.js").display()))
            .output()
            .map_err(|cause| BenchError::Spawn { program, cause })?;
        if output.status.success() {
            return Ok(());
        }
        Err(BenchError::Bundle(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Starts a contender with the Worker of a project and waits for its first right answer.
    pub fn start(
        &self,
        contender: Contender,
        project: &Project,
        exchange: &Exchange,
    ) -> Result<Running, BenchError> {
        let behind = contender.behind().map(|behind| self.start(behind, project, exchange));
        let behind = behind.transpose()?.map(Box::new);
        let port = free_port().map_err(BenchError::Connect)?;
        let mut command = match &behind {
            Some(behind) => self.proxy(contender, behind.port, port)?,
            None => self.command(contender, &self.write_project(project)?, port, project)?,
        };
        if project.copies.is_some() {
            command = with_many_files(&command);
        }
        if let Some(user) = self.user {
            user.apply(&mut command);
        }
        let waited = if self.prefix.is_empty() { READY_WAIT_MAX } else { READY_WAIT_SLOW_MAX };
        let log = self.log(contender, project)?;
        let started = Instant::now();
        let server = Server::start(command, &log)?;
        let tls = project.tls && (contender == Contender::Serve || behind.is_some());
        let door = Door { port, tls };
        while !load::probe(door, exchange) {
            if started.elapsed() > waited {
                let name = format!("{} ({})", contender.name(), project.name);
                return Err(BenchError::NotReady { name, waited, log });
            }
            sleep(READY_POLL);
        }
        Ok(Running { server, port, door, ready: started.elapsed(), behind })
    }

    /// nginx at `port`, in front of a server of plain HTTP.
    fn proxy(&self, contender: Contender, behind: u16, port: u16) -> Result<Command, BenchError> {
        let folder = self.folder.join("nginx").join(contender.name());
        let config = folder.join("nginx.conf");
        write(&config, &nginx_configuration(&self.folder, port, behind))?;
        write_certificate(&self.folder)?;
        if let Some(user) = self.user {
            // nginx makes folders there.
            user.give(&folder)
                .map_err(|cause| BenchError::Write { path: folder.clone(), cause })?;
        }
        let mut command = Command::new(Self::nginx().unwrap_or_else(|| "nginx".into()));
        command.args(["-e", "stderr", "-g", "daemon off;", "-p"]).arg(folder).arg("-c").arg(config);
        Ok(command)
    }

    fn command(
        &self,
        contender: Contender,
        folder: &Path,
        port: u16,
        project: &Project,
    ) -> Result<Command, BenchError> {
        let port = port.to_string();
        let program = match contender {
            Contender::Isolde | Contender::Serve => self.isolde.clone(),
            Contender::Workerd => self.workerd().unwrap_or_else(|| "workerd".into()),
            Contender::Node => "node".into(),
            _ => std::env::current_exe().map_err(BenchError::Runtime)?,
        };
        let mut command = match self.prefix.split_first() {
            Some((first, others)) => {
                let mut command = Command::new(first);
                command.args(others).arg(program);
                command
            }
            None => Command::new(program),
        };
        match contender {
            Contender::Isolde => command.arg("dev").arg(folder).args(["--quiet", "--port", &port]),
            Contender::Serve => {
                let config = self.folder.join("serve").join(format!("{}.toml", project.name));
                write(&config, &isolde_configuration(project, &self.folder, folder, &port))?;
                write_certificate(&self.folder)?;
                command.args(["serve", "--config"]).arg(config)
            }
            Contender::Workerd => command
                .arg("serve")
                .arg(folder.join("config.capnp"))
                .arg(format!("--socket-addr=http=127.0.0.1:{port}")),
            Contender::Node => command.arg(folder.join("node.mjs")).arg(&port),
            _ => command.args(["bench-server", &port]),
        };
        if let (Contender::Isolde, Some(copies)) = (contender, &project.copies) {
            command.arg(format!("--copies={}", copies.count));
            command.arg(format!("--pool={}", copies.pool));
        }
        if contender == Contender::Workerd && project.copies.is_some() {
            command.arg("--experimental");
        }
        Ok(command)
    }
}

/// The same command with as many open files as the hard limit allows: an isolate needs a few, and
/// the usual soft limit of 1,024 ends at about 300 isolates. A shell does it, and becomes the
/// program.
fn with_many_files(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -Sn \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

/// A contender that answers.
pub struct Running {
    /// Its process.
    pub server: Server,
    /// Where it listens on loopback.
    pub port: u16,
    /// The same, and whether it ends TLS.
    pub door: Door,
    /// From its start to its first answer.
    pub ready: Duration,
    /// The server behind it, if it is a proxy.
    behind: Option<Box<Self>>,
}

impl Running {
    /// User and system time of all processes, in microseconds.
    pub fn cpu_microseconds(&self) -> Result<u64, BenchError> {
        let behind = self.behind.as_ref().map_or(Ok(0), |behind| behind.cpu_microseconds())?;
        Ok(self.server.cpu_microseconds()? + behind)
    }

    /// Proportional set size of all processes, in bytes.
    pub fn pss_bytes(&self) -> Result<u64, BenchError> {
        let behind = self.behind.as_ref().map_or(Ok(0), |behind| behind.pss_bytes())?;
        Ok(self.server.pss_bytes()? + behind)
    }
}

/// A port that was free a moment ago.
fn free_port() -> std::io::Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr().map(|address| address.port())
}

/// Says on standard error that a contender drops out of a row.
pub fn report_failure(contender: Contender, row: &str, error: &BenchError) {
    eprintln!("bench: {row}: {} drops out: {}", contender.name(), chain(error));
}
