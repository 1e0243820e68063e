//! `isolde wpt-shell`: runs the scripts of one web platform test in a Worker's request and prints
//! the results.
//!
//! `cargo xtask wpt` starts it once for each file. The protocol is in `xtask/src/wpt.rs`.

use std::io::Read;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use isolate::Thrown;
use program::{
    Artifact, ArtifactError, ArtifactParts, Content, Format, Limits, Module, ModuleKind, Worker,
};
use runtime::{
    NoServices, Observer, RequestRecord, Route, RouteFuture, RouteRequest, RouteScope, Router,
    Runtime, RuntimeOptions,
};
use serde::Deserialize;
use serde_json::json;

use crate::egress::DevEgress;

/// One test: its scripts, in order.
#[derive(Deserialize)]
struct Request {
    scripts: Vec<Script>,
}

#[derive(Deserialize)]
struct Script {
    name: String,
    source: String,
}

/// The console line that carries the results.
const REPORT_MARK: &str = "\u{1}wpt-report\u{1}";
/// CPU time of one test file in milliseconds.
const CPU_MS_MAX: u64 = 120_000;

struct Shell {
    worker: Arc<Worker>,
    report: Mutex<Option<String>>,
    problems: Mutex<Vec<String>>,
}

impl Router for Shell {
    fn version(&self) -> u64 {
        0
    }

    fn route<'a>(&'a self, _: RouteRequest<'a>) -> RouteFuture<'a> {
        let (worker, scope) = (self.worker.clone(), RouteScope::Authority);
        Box::pin(std::future::ready(Ok(Route { worker, entrypoint: None, scope })))
    }
}

impl Observer for Shell {
    fn console(&self, _: &Worker, _: &str, text: &str) {
        if let Some(report) = text.strip_prefix(REPORT_MARK) {
            let mut slot = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_insert_with(|| report.to_owned());
        } else {
            eprintln!("{text}");
        }
    }

    fn exception(&self, _: &Worker, exception: &Thrown) {
        let text = format!("{exception}\n{}", exception.stack);
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn request(&self, _: &Worker, _: &RequestRecord) {}
}

/// Runs the command.
pub fn run() -> ExitCode {
    match answer() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("{}", json!({ "status": "ERROR", "message": problem, "tests": [] }));
            ExitCode::SUCCESS
        }
    }
}

fn answer() -> Result<String, String> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).map_err(|error| error.to_string())?;
    let request: Request = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    let shell = Arc::new(Shell {
        worker: Arc::new(worker(&request).map_err(|error| error.to_string())?),
        report: Mutex::default(),
        problems: Mutex::default(),
    });
    let mut runtime = Runtime::new(RuntimeOptions {
        router: shell.clone(),
        observer: shell.clone(),
        egress: Arc::new(DevEgress::new().map_err(|error| error.to_string())?),
        services: Arc::new(NoServices),
        running: None,
        pool_size: 1,
        front_threads: 1,
        clients: runtime::ClientLimits::default(),
        api_folder: std::env::var_os("ISOLDE_API_SOURCES").map(Into::into),
        code_from_strings: true,
    })
    .map_err(|error| error.to_string())?;
    runtime.start(shell.worker.clone()).map_err(|failure| failure.to_string())?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = runtime.listen(listener).map_err(|error| error.to_string())?;
    let response = get(address).map_err(|error| error.to_string())?;
    let report = shell.report.lock().unwrap_or_else(PoisonError::into_inner).take();
    report.ok_or_else(|| {
        let problems = shell.problems.lock().unwrap_or_else(PoisonError::into_inner);
        format!("no report; {response}\n{}", problems.join("\n"))
    })
}

/// Sends the one request to the shell's own server, and waits for the response without a timeout.
fn get(address: std::net::SocketAddr) -> std::io::Result<String> {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: web-platform.test\r\nconnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

/// A Worker whose handler runs all scripts and answers when there is a report.
///
/// The scripts are evaluated in global scope, one after the other, in the context of the request.
fn worker(request: &Request) -> Result<Worker, ArtifactError> {
    let mut source = String::from(PROLOGUE);
    for script in &request.scripts {
        let text = serde_json::Value::String(script.source.clone());
        let name = serde_json::Value::String(script.name.clone());
        source.push_str(&format!("scripts.push([{name}, {text}]);\n"));
    }
    let artifact = Artifact::new(ArtifactParts {
        main: "wpt.js".to_owned(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: Vec::new(),
        modules: vec![Module::new("wpt.js", ModuleKind::EsModule, Content::new(source))],
    })?;
    let limits = Limits { cpu_ms_max: CPU_MS_MAX, ..Limits::default() };
    Ok(Worker { limits, ..Worker::local(1, "wpt", Arc::new(artifact)) })
}

/// Runs the scripts with indirect `eval`, which the shell allows, so that their declarations are
/// global.
const PROLOGUE: &str = r#"
const scripts = [];
export default {
  fetch() {
    const evaluate = eval;
    const log = console.log;
    return new Promise((resolve) => {
      globalThis.__report = (report) => {
        log("\u0001wpt-report\u0001" + report);
        resolve(new Response("done"));
      };
      for (const [name, source] of scripts) {
        try {
          evaluate(source + "\n//# sourceURL=" + name);
        } catch (error) {
          if (typeof globalThis.__scriptError !== "function") throw error;
          globalThis.__scriptError(error);
        }
      }
    });
  },
};
"#;
