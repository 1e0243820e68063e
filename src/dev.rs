//! `isolde dev`: build, serve, rebuild on change without dropping a request.

mod error_page;
mod router;
mod watch;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::{Bundle, Mode, Project};
use program::Worker;
use runtime::{NoServices, Runtime, RuntimeOptions};

use crate::cli::DevArguments;
use crate::egress::DevEgress;
use crate::reporter::Reporter;
use crate::source_map::SourceMaps;

use self::router::{DevRouter, next_id};
use self::watch::Watch;

/// The port of `wrangler dev`, too.
const DEFAULT_PORT: u16 = 8787;
/// How long requests in flight may take after the signal to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(35);

/// Why `isolde dev` cannot go on, as text for the user.
type Problem = String;

/// Runs the command.
pub fn run(arguments: &DevArguments) -> ExitCode {
    let maps = Arc::new(SourceMaps::default());
    let reporter = Arc::new(Reporter::new(arguments.project.json, arguments.quiet, maps.clone()));
    match Dev::start(arguments, reporter.clone(), maps).and_then(Dev::serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            reporter.problem("error", &problem);
            ExitCode::FAILURE
        }
    }
}

struct Dev<'a> {
    arguments: &'a DevArguments,
    reporter: Arc<Reporter>,
    maps: Arc<SourceMaps>,
    router: Arc<DevRouter>,
    runtime: Runtime,
    /// Builds and the watcher run here, apart from the threads that serve.
    builder: tokio::runtime::Runtime,
}

/// A project that was built.
struct Built {
    worker: Arc<Worker>,
    watched: Vec<std::path::PathBuf>,
    milliseconds: u128,
}

impl<'a> Dev<'a> {
    fn start(
        arguments: &'a DevArguments,
        reporter: Arc<Reporter>,
        maps: Arc<SourceMaps>,
    ) -> Result<Self, Problem> {
        let router = Arc::new(DevRouter::new(maps.clone()));
        let egress = DevEgress::new().map_err(|error| error.to_string())?;
        // V8 starts before any other thread exists: see `Runtime::new`.
        let runtime = Runtime::new(RuntimeOptions {
            router: router.clone(),
            observer: reporter.clone(),
            egress: Arc::new(egress),
            services: Arc::new(NoServices),
            running: None,
            pool_size: arguments.pool,
            front_threads: arguments.front_threads.unwrap_or_else(runtime::front_threads_default),
            clients: runtime::ClientLimits::default(),
            api_folder: None,
            code_from_strings: false,
        })
        .map_err(|error| error.to_string())?;
        let builder = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| format!("builds cannot be run: {error}"))?;
        Ok(Self { arguments, reporter, maps, router, runtime, builder })
    }

    fn serve(mut self) -> Result<(), Problem> {
        let started = Instant::now();
        let project = self.open()?;
        let address = self.address(&project);
        let listener = TcpListener::bind(address).map_err(|error| {
            format!("cannot listen on {address}: {error}; choose another port with --port")
        })?;
        let (watched, live) = match self.build(project) {
            Ok(built) => (built.watched.clone(), self.go_live(&built).then_some(built.worker)),
            Err((problem, watched)) => {
                self.reporter.problem("error", &problem);
                self.router.set_problem(problem);
                (watched, None)
            }
        };
        let watch = {
            let _inside = self.builder.enter();
            Watch::new(watched)
        };
        let watch =
            watch.map_err(|error| format!("files cannot be watched for changes: {error}"))?;
        let address = self.runtime.listen(listener).map_err(|error| error.to_string())?;
        let url = format!("http://{address}");
        match &live {
            Some(worker) => {
                self.reporter.ready(&url, &worker.name, started.elapsed().as_millis());
            }
            None => self.reporter.waiting(&url),
        }
        self.rebuild_until_stopped(watch, &url, live.is_some())?;
        self.runtime.shut_down(SHUTDOWN_MAX);
        self.builder.shutdown_background();
        Ok(())
    }

    fn address(&self, project: &Project) -> SocketAddr {
        let configured = &project.config.dev;
        let host = self.arguments.host.or(configured.ip);
        let host = host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = self.arguments.port.or(configured.port).unwrap_or(DEFAULT_PORT);
        SocketAddr::new(host, port)
    }

    fn open(&self) -> Result<Project, Problem> {
        let arguments = &self.arguments.project;
        let color = self.reporter.color();
        let opened = Project::open(&arguments.path, arguments.env(), Mode::Development)
            .map_err(|error| error.render(color))?;
        for warning in &opened.warnings {
            self.reporter.problem("warning", &warning.render(color));
        }
        Ok(opened.value)
    }

    /// Builds; on failure gives the message for the user and the files to watch.
    fn build(&self, project: Project) -> Result<Built, (Problem, Vec<std::path::PathBuf>)> {
        let started = Instant::now();
        let color = self.reporter.color();
        let bundle: Bundle = self
            .builder
            .block_on(bundle::build(&project))
            .map_err(|error| (error.render(color), error.watched.clone()))?;
        for warning in &bundle.warnings {
            self.reporter.problem("warning", &warning.render(color));
        }
        let worker = bundle
            .worker(&project, next_id())
            .map_err(|error| (error.render(color), bundle.watched.clone()))?;
        for warning in &worker.warnings {
            self.reporter.problem("warning", &warning.render(color));
        }
        self.maps.replace(&bundle.artifact);
        Ok(Built {
            worker: Arc::new(worker.value),
            watched: bundle.watched,
            milliseconds: started.elapsed().as_millis(),
        })
    }

    /// Sends new requests to the new build; those in flight finish in the old one. Whether the
    /// Worker starts; if it does not, its requests get the reason.
    fn go_live(&self, built: &Built) -> bool {
        let started = self.runtime.start(built.worker.clone());
        if let Err(failure) = &started {
            let text = match failure {
                runtime::Failure::Startup(thrown) => self.reporter.exception_text(thrown),
                other => other.to_string(),
            };
            self.reporter.problem("error", &text);
        }
        let old = self.router.set_worker(built.worker.clone(), self.arguments.copies);
        for worker in old {
            self.runtime.retire(worker);
        }
        started.is_ok()
    }

    /// Rebuilds at each change until the signal to end. `ready` says whether a build was live
    /// before.
    fn rebuild_until_stopped(
        &self,
        mut watch: Watch,
        url: &str,
        mut ready: bool,
    ) -> Result<(), Problem> {
        while self.builder.block_on(watch.changed()) {
            let built = self
                .open()
                .map_err(|problem| (problem, Vec::new()))
                .and_then(|project| self.build(project));
            match built {
                Ok(built) => {
                    let started = self.go_live(&built);
                    if started && !ready {
                        ready = true;
                        self.reporter.ready(url, &built.worker.name, built.milliseconds);
                    } else {
                        self.reporter.rebuilt(built.milliseconds);
                    }
                    watch.set(built.watched);
                }
                Err((problem, watched)) => {
                    // The last good build keeps serving, and its files stay watched: a change of
                    // one of them may repair the build.
                    self.reporter.problem("error", &problem);
                    if !ready {
                        self.router.set_problem(problem);
                    }
                    watch.add(watched);
                }
            }
        }
        Ok(())
    }
}
