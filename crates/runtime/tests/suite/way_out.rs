//! An egress of the tests, which answers by itself and notes what it was asked.

use std::rc::Rc;
use std::sync::{Arc, Mutex};

use http::Response;
use program::Worker;
use runtime::{
    ClientLimits, Egress, EgressClient, EgressError, EgressFailure, EgressRequest, InBody,
    LocalFuture, OutBody, Peer, RedirectMode, Scheme,
};

use crate::lab::{Lab, body, worker};

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
        let EgressRequest { request, redirect, cf, hops_left, .. } = sent;
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

fn get(lab: &Lab, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    body(&lab.ask(&request)).to_owned()
}

#[test]
fn an_egress_knows_its_worker_and_gets_options_beside_the_request() {
    let notes = Arc::<Notes>::default();
    let egress = Arc::new(StubEgress(notes.clone()));
    let peer = Peer { address: None, scheme: Scheme::Http, tls: None, protocol: None };
    let lab = Lab::with_egress("way_out", peer, ClientLimits::default(), egress);
    let asks = worker("asks", WORKER);
    lab.router.set("a.test", asks.clone());
    assert_eq!(get(&lab, "/up"), "200 from the stub");
    assert_eq!(get(&lab, "/down"), "TypeError: Network connection lost.");

    let identity = (asks.id, "asks".to_owned());
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
    assert_eq!(lab.failures.all(), ["asks: the origin failed: 10.0.0.1 refused the connection"]);
}
