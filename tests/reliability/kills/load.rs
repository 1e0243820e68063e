//! Clients that ask without end, each on a connection that it keeps, and note what fails and when.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::http::{Connection, Response};
use crate::support::until;

/// Between two requests of a client. The load is there to be hit and leaves time for the rest.
const PAUSE: Duration = Duration::from_millis(3);

/// What a client asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Path and query.
    pub path: String,
    /// What has to be answered.
    pub text: String,
}

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The connection ended before the answer began.
    Reset,
    /// It ended within the answer.
    Cut,
    /// Error 1101: the runtime ended.
    Lost,
    /// The Worker says that its subrequest failed.
    NoOrigin,
    /// In no way that a kill excuses.
    Wrong,
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The client's host, by its place in the list of hosts.
    pub host: usize,
    /// When its connection was about to be opened.
    pub opened: Instant,
    /// When it was about to be sent.
    pub begun: Instant,
    /// When it was known to have failed.
    pub ended: Instant,
    /// How it failed.
    pub how: How,
    /// What was asked, and the answer as far as there was one.
    pub what: String,
}

/// What clients are told.
#[derive(Default)]
struct Orders {
    pauses: AtomicBool,
    over: AtomicBool,
}

/// What a client tells.
#[derive(Default)]
struct Told {
    /// When its latest request that was answered was begun.
    served: Mutex<Option<Instant>>,
    answered: AtomicUsize,
    /// Whether it pauses, without a connection.
    pauses: AtomicBool,
    failures: Mutex<Vec<Failure>>,
}

/// A client: where it connects, what it asks, what it tells.
struct Client {
    address: String,
    host: (usize, &'static str),
    asks: Vec<Ask>,
    told: Arc<Told>,
    orders: Arc<Orders>,
}

/// A connection of a client, and when it was about to be opened.
type Kept = Option<(Connection, Instant)>;

impl Client {
    fn run(self) {
        let mut kept = None;
        for ask in self.asks.iter().cycle() {
            while self.orders.pauses.load(Relaxed) && !self.orders.over.load(Relaxed) {
                kept = None;
                self.told.pauses.store(true, Relaxed);
                std::thread::sleep(PAUSE);
            }
            self.told.pauses.store(false, Relaxed);
            if self.orders.over.load(Relaxed) {
                return;
            }
            kept = self.ask(kept, ask);
            std::thread::sleep(PAUSE);
        }
    }

    /// One request; gives the connection if it can be used again.
    fn ask(&self, kept: Kept, ask: &Ask) -> Kept {
        let (mut connection, opened) = kept.unwrap_or_else(|| {
            let opened = Instant::now();
            (Connection::open(&self.address), opened)
        });
        let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", ask.path, self.host.1);
        let begun = Instant::now();
        let sent = connection.try_send(request.as_bytes());
        let response = sent.ok().and_then(|()| connection.try_response("GET"));
        let ended = Instant::now();
        let Err(how) = judge(response.as_ref(), ask) else {
            self.told.answered.fetch_add(1, Relaxed);
            *self.told.served.lock().unwrap() = Some(begun);
            let keeps = response.is_some_and(|response| response.keeps_connection());
            return keeps.then_some((connection, opened));
        };
        let answer = response.as_ref().map(|it| format!("{} {}", it.status, it.excerpt()));
        let what = format!("{} of {}: {answer:?}", ask.path, self.host.1);
        let failure = Failure { host: self.host.0, opened, begun, ended, how, what };
        self.told.failures.lock().unwrap().push(failure);
        response.filter(Response::keeps_connection).map(|_| (connection, opened))
    }
}

/// How an answer is wrong.
fn judge(response: Option<&Response>, ask: &Ask) -> Result<(), How> {
    let Some(response) = response else { return Err(How::Reset) };
    match (response.status, response.error_code()) {
        _ if !response.complete => Err(How::Cut),
        (200, None) if response.text() == ask.text => Ok(()),
        (500, Some(1101)) => Err(How::Lost),
        (502, None) if response.text().starts_with("no origin: ") => Err(How::NoOrigin),
        _ => Err(How::Wrong),
    }
}

/// The clients.
#[derive(Default)]
pub struct Load {
    orders: Arc<Orders>,
    clients: Vec<(Arc<Told>, JoinHandle<()>)>,
}

impl Load {
    /// Adds a client that asks for all of this again and again. Its host is given with its place
    /// in the list of hosts.
    pub fn add(&mut self, address: &str, host: (usize, &'static str), asks: Vec<Ask>) {
        let told = Arc::<Told>::default();
        let client = Client {
            address: address.to_owned(),
            host,
            asks,
            told: told.clone(),
            orders: self.orders.clone(),
        };
        self.clients.push((told, std::thread::spawn(move || client.run())));
    }

    /// Waits until each client has the answer to a request that it began after now.
    ///
    /// # Panics
    /// When one has none in time.
    pub fn until_served(&self) {
        let now = Instant::now();
        for (number, (told, thread)) in self.clients.iter().enumerate() {
            until(&format!("client {number} to be served again"), || {
                assert!(!thread.is_finished(), "client {number} has ended");
                (*told.served.lock().unwrap() > Some(now)).then_some(())
            });
        }
    }

    /// Lets the clients close their connections and wait.
    pub fn pause(&self) {
        self.orders.pauses.store(true, Relaxed);
        for (told, _) in &self.clients {
            until("the clients to pause", || told.pauses.load(Relaxed).then_some(()));
        }
    }

    /// Lets the clients ask again.
    pub fn go_on(&self) {
        self.orders.pauses.store(false, Relaxed);
        self.until_served();
    }

    /// Ends the clients; gives the number of answers, and what failed.
    pub fn stop(&mut self) -> (usize, Vec<Failure>) {
        self.orders.over.store(true, Relaxed);
        let (mut answered, mut failures) = (0, Vec::new());
        for (told, thread) in std::mem::take(&mut self.clients) {
            thread.join().expect("a client notes what fails and goes on");
            answered += told.answered.load(Relaxed);
            failures.append(&mut told.failures.lock().unwrap());
        }
        (answered, failures)
    }
}

impl Drop for Load {
    /// Nobody asks any more when a test has failed.
    fn drop(&mut self) {
        self.orders.over.store(true, Relaxed);
    }
}
