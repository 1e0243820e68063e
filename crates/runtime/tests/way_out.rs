//! Another way out than the program's: one that answers by itself and notes what it was asked.
//!
//! One test, because a process has one V8.
#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use http::Response;
use isolate::{Module, ModuleKind, Thrown};
use runtime::{
    Egress, EgressClient, EgressError, EgressFailure, EgressRequest, Format, InBody, Limits,
    LocalFuture, Observer, OutBody, Program, RedirectMode, RequestRecord, Router, Runtime,
    RuntimeOptions, Worker,
};

/// What one subrequest was, and for whom.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    worker: (u64, String),
    method: String,
    url: String,
    headers: Vec<String>,
    redirect: RedirectMode,
    cf: Option<String>,
    hops_left: u8,
}

#[derive(Default)]
struct Notes {
    /// The Workers that clients were made for.
    clients: Mutex<Vec<(u64, String)>>,
    sent: Mutex<Vec<Sent>>,
}

struct StubEgress(Arc<Notes>);

impl Egress for StubEgress {
    fn client(&self, worker: &Worker) -> Rc<dyn EgressClient> {
        let worker = (worker.id, worker.name.clone());
        self.0.clients.lock().unwrap().push(worker.clone());
        Rc::new(StubClient { worker, notes: self.0.clone() })
    }
}

struct StubClient {
    worker: (u64, String),
    notes: Arc<Notes>,
}

impl EgressClient for StubClient {
    fn send(&self, sent: EgressRequest) -> LocalFuture<Result<Response<InBody>, EgressError>> {
        let EgressRequest { request, redirect, cf, hops_left } = sent;
        let names = request.headers().keys().map(|name| name.as_str().to_owned());
        self.notes.sent.lock().unwrap().push(Sent {
            worker: self.worker.clone(),
            method: request.method().to_string(),
            url: request.uri().to_string(),
            headers: names.collect(),
            redirect,
            cf,
            hops_left,
        });
        let answer = match request.uri().path() {
            "/down" => Err(EgressError::Origin(EgressFailure {
                for_worker: "Network connection lost.".to_owned(),
                for_log: "10.0.0.1 refused the connection".to_owned(),
                may_retry: true,
            })),
            _ => {
                let body: InBody = Box::pin(OutBody::from(b"from the stub".to_vec()));
                Ok(Response::new(body))
            }
        };
        Box::pin(async { answer })
    }
}

/// Serves one Worker and notes which of its subrequests failed.
struct Embedder {
    worker: Arc<Worker>,
    failures: Mutex<Vec<String>>,
}

impl Router for Embedder {
    fn route(&self, _: &str, _: &str) -> Option<Arc<Worker>> {
        Some(self.worker.clone())
    }
}

impl Observer for Embedder {
    fn console(&self, _: &Worker, _: &str, text: &str) {
        println!("{text}");
    }

    fn exception(&self, _: &Worker, exception: &Thrown) {
        println!("{exception}");
    }

    fn subrequest_failed(&self, worker: &Worker, error: &EgressError) {
        self.failures.lock().unwrap().push(format!("{}: {error}", worker.name));
    }

    fn request(&self, _: &Worker, _: &RequestRecord) {}
}

fn worker() -> Worker {
    let module = Module {
        name: "index.js".to_owned(),
        kind: ModuleKind::EsModule,
        content: WORKER.as_bytes().to_vec().into(),
    };
    let main = module.name.clone();
    Worker {
        id: 7,
        name: "asks".to_owned(),
        program: Program { format: Format::Module, main, modules: vec![module] },
        variables: "{}".to_owned(),
        module_bindings: Vec::new(),
        limits: Limits::default(),
    }
}

const WORKER: &str = r#"
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const [headers, cf] = [{ "x-a": "1" }, { cacheTtl: 5 }];
    const init = { method: "PUT", redirect: "manual", headers, cf };
    try {
      const response = await fetch(`https://origin.test${pathname}?q`, init);
      return new Response(`${response.status} ${await response.text()}`);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`);
    }
  },
};
"#;

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it answers");
    response.split("\r\n\r\n").nth(1).expect("a body").to_owned()
}

#[test]
fn a_way_out_knows_its_worker_and_gets_what_is_not_http_beside_the_request() {
    let notes = Arc::<Notes>::default();
    let embedder = Arc::new(Embedder { worker: Arc::new(worker()), failures: Mutex::default() });
    let mut runtime = Runtime::new(RuntimeOptions {
        router: embedder.clone(),
        observer: embedder.clone(),
        egress: Arc::new(StubEgress(notes.clone())),
        pool_size: 1,
        front_threads: 1,
        api_folder: None,
        code_from_strings: false,
    })
    .expect("V8 starts");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = runtime.listen(listener).expect("it can be listened to");
    assert_eq!(get(address, "/up"), "200 from the stub");
    assert_eq!(get(address, "/down"), "TypeError: Network connection lost.");

    let identity = (7, "asks".to_owned());
    assert_eq!(*notes.clients.lock().unwrap(), [identity.clone()], "a client for each isolate");
    let sent = Sent {
        worker: identity,
        method: "PUT".to_owned(),
        url: "https://origin.test/up?q".to_owned(),
        headers: vec!["x-a".to_owned()],
        redirect: RedirectMode::Manual,
        cf: Some(r#"{"cacheTtl":5}"#.to_owned()),
        hops_left: 15,
    };
    let down = Sent { url: "https://origin.test/down?q".to_owned(), ..sent.clone() };
    assert_eq!(*notes.sent.lock().unwrap(), [sent, down]);
    let failures = embedder.failures.lock().unwrap().clone();
    assert_eq!(failures, ["asks: the origin failed: 10.0.0.1 refused the connection"]);
    runtime.shut_down(std::time::Duration::from_secs(5));
}
