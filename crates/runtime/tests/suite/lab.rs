//! A runtime for tests: Workers from a line of source, a router that can be told what to answer,
//! connections over UNIX sockets.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use isolate::{Platform, PlatformOptions, Thrown};
use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Worker};
use runtime::{
    ClientLimits, Egress, EgressError, NoEgress, NoServices, Observer, Peer, RequestRecord, Route,
    RouteError, RouteFuture, RouteRequest, RouteScope, Router, Runtime, RuntimeOptions,
};

/// How long anything may take before a test says that it never came.
pub const DEADLINE: Duration = Duration::from_secs(60);

static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// A Worker whose main module is `source`.
pub fn worker(name: &str, source: &str) -> Arc<Worker> {
    let content = Content::new(source.to_owned());
    let artifact = Artifact::new(ArtifactParts {
        main: "main.js".to_owned(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: Vec::new(),
        modules: vec![Module::new("main.js", ModuleKind::EsModule, content)],
    });
    let artifact = Arc::new(artifact.expect("the parts fit together"));
    Arc::new(Worker::local(LAST_ID.fetch_add(1, Ordering::Relaxed) + 1, name, artifact))
}

/// A router that looks hosts up in a table.
#[derive(Default)]
pub struct TableRouter {
    state: Mutex<Table>,
    version: AtomicU64,
    /// How often it was asked.
    pub asked: AtomicU64,
}

#[derive(Default)]
struct Table {
    routes: HashMap<String, Arc<Worker>>,
    by_path: bool,
    unavailable: bool,
    entrypoint: Option<Arc<str>>,
    delay: Duration,
    /// The URLs that it was asked for.
    urls: Vec<String>,
}

impl TableRouter {
    fn change(&self, change: impl FnOnce(&mut Table)) {
        change(&mut self.state.lock().unwrap());
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Sends a host to a Worker.
    pub fn set(&self, host: &str, worker: Arc<Worker>) {
        self.change(|table| drop(table.routes.insert(host.to_owned(), worker)));
    }

    /// Whether routes hold for one path only.
    pub fn set_by_path(&self, by_path: bool) {
        self.change(|table| table.by_path = by_path);
    }

    /// Whether it has no answers.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.change(|table| table.unavailable = unavailable);
    }

    /// The named export that answers.
    pub fn set_entrypoint(&self, name: &str) {
        self.change(|table| table.entrypoint = Some(name.into()));
    }

    /// How long it takes.
    pub fn set_delay(&self, delay: Duration) {
        self.change(|table| table.delay = delay);
    }

    /// The URLs that it was asked for since the last call.
    pub fn take_urls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().urls)
    }
}

impl Router for TableRouter {
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn route<'a>(&'a self, request: RouteRequest<'a>) -> RouteFuture<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let delay = self.state.lock().unwrap().delay;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let mut table = self.state.lock().unwrap();
            table.urls.push(request.url.as_str().to_owned());
            if table.unavailable {
                return Err(RouteError::Unavailable("told so".to_owned()));
            }
            let worker = table.routes.get(request.url.hostname()).cloned();
            let worker = worker.ok_or(RouteError::NotFound)?;
            let scope = if table.by_path { RouteScope::Path } else { RouteScope::Authority };
            Ok(Route { worker, entrypoint: table.entrypoint.clone(), scope })
        })
    }
}

/// Keeps failures, and the paths of requests.
#[derive(Default)]
pub struct Failures(Mutex<Vec<String>>, Mutex<Vec<String>>);

impl Failures {
    /// All failures so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The paths in the records of requests so far.
    pub fn paths(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

impl Observer for Failures {
    fn console(&self, _: &Worker, _: &str, _: &str) {}

    fn exception(&self, worker: &Worker, exception: &Thrown) {
        self.0.lock().unwrap().push(format!("{}: {exception}", worker.name));
    }

    fn subrequest_failed(&self, worker: &Worker, error: &EgressError) {
        self.0.lock().unwrap().push(format!("{}: {error}", worker.name));
    }

    fn request(&self, _: &Worker, record: &RequestRecord) {
        self.1.lock().unwrap().push(record.path.clone());
    }
}

/// The host of the Worker that is asked while something else is attacked.
const NEIGHBOUR: &str = "neighbour.example";

/// Says that an attack is over.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A runtime behind a UNIX socket.
pub struct Lab {
    pub router: Arc<TableRouter>,
    pub failures: Arc<Failures>,
    socket: PathBuf,
    runtime: Option<Runtime>,
}

impl Lab {
    /// Serves clients that `peer` describes.
    pub fn new(name: &str, peer: Peer) -> Self {
        Self::with(name, peer, ClientLimits::default())
    }

    /// The same with limits of their own.
    pub fn with(name: &str, peer: Peer, clients: ClientLimits) -> Self {
        Self::with_egress(name, peer, clients, Arc::new(NoEgress))
    }

    /// The same with an egress.
    pub fn with_egress(
        name: &str,
        peer: Peer,
        clients: ClientLimits,
        egress: Arc<dyn Egress>,
    ) -> Self {
        let socket = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.socket"));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("the target folder can be written");
        let router = Arc::new(TableRouter::default());
        let failures = Arc::new(Failures::default());
        let options = RuntimeOptions {
            router: router.clone(),
            observer: failures.clone(),
            egress,
            services: Arc::new(NoServices),
            running: None,
            pool_size: 1,
            front_threads: 1,
            clients,
            api_folder: None,
            code_from_strings: false,
        };
        // Runtimes are made on the harness's threads, which V8's protection keys do not reach.
        Platform::init(PlatformOptions { unprotected: true }).expect("V8 starts");
        let mut runtime = Runtime::new(options).expect("V8 has started");
        runtime.listen_unix(listener, peer).expect("a socket can be listened on");
        Self { router, failures, socket, runtime: Some(runtime) }
    }

    /// Serves TCP, too; gives the address.
    pub fn listen_tcp(&mut self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let runtime = self.runtime.as_mut().expect("it runs until the lab is dropped");
        runtime.listen(listener).expect("a socket can be listened on")
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A new connection.
    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("the runtime accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
        stream
    }

    /// Attacks while another Worker of the process is asked all the while. Each of its answers has
    /// to come and to be right.
    ///
    /// # Panics
    /// When one does not, or is not.
    pub fn beside_a_neighbour<T>(&self, attack: impl FnOnce() -> T) -> T {
        let source = "export default { fetch: () => new Response('undisturbed') };";
        self.router.set(NEIGHBOUR, worker("neighbour", source));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // One connection: where those of the clients are what is attacked, it has its own.
            let mut stream = self.connect();
            let mut ask = move || {
                let get = format!("GET / HTTP/1.1\r\nhost: {NEIGHBOUR}\r\n\r\n");
                assert_eq!(body(&exchange(&mut stream, &get)), "undisturbed", "the neighbour");
            };
            ask();
            let over = &over;
            let neighbour = scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    ask();
                    std::thread::sleep(Duration::from_millis(5));
                }
                ask();
            });
            // Dropped on a panic, too: the scope waits for the thread.
            let ends = Ends(over);
            let result = attack();
            drop(ends);
            neighbour.join().expect("the neighbour is answered all the while");
            result
        })
    }

    /// The answer to a request on a connection of its own, which it has to ask to close.
    pub fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("the runtime reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the runtime answers");
        answer
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shut_down(DEADLINE);
        }
    }
}

/// Sends a request on a kept connection and reads the response, whose length has to be known.
pub fn exchange(stream: &mut UnixStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("the runtime reads");
    read_response(stream)
}

/// Reads a response whose length is known.
pub fn read_response(stream: &mut UnixStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the runtime answers");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).expect("heads are text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.expect("the length is known").parse().expect("a length is a number");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the body comes");
    head + &String::from_utf8_lossy(&body)
}

/// The body of a response.
pub fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").expect("a response has a head").1
}
