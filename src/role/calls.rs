//! The calls of a runtime process to its supervisor, on a thread of their own: capabilities do not
//! leave it, so others send it what they want to know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, mpsc as blocking};
use std::thread;

use bytes::Bytes;
use capnp::Error;
use rpc::connection;
use rpc::supervisor_capnp::{runtime, supervisor};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::LocalSet;

use super::Problem;

/// Questions that wait for the thread; those beyond it fail at once.
const QUESTIONS_MAX: usize = 1_024;

/// A program, as the supervisor hands it out.
pub struct FoundProgram {
    /// Canonical bytes of the artifact.
    pub artifact: Bytes,
    /// Canonical bytes of the Worker.
    pub worker: Bytes,
    /// The stamp for the outbound proxy.
    pub stamp: Vec<u8>,
}

/// The programs that the process has, by key.
pub trait Programs: Send + Sync {
    /// Whether it has one.
    fn knows(&self, key: &[u8]) -> bool;
    /// Takes one.
    ///
    /// # Errors
    /// When it is none.
    fn add(&self, key: &[u8], program: FoundProgram) -> Result<(), String>;
}

/// A question: what is the key of the Worker at this host?
struct Question {
    host: String,
    answer: oneshot::Sender<Result<Option<Vec<u8>>, String>>,
}

/// What the supervisor orders.
pub enum Order {
    /// What was resolved before is to be resolved again; these keys stand for nothing any more.
    Routes {
        /// The new version of the routes.
        version: u64,
        /// The keys.
        gone: Vec<Vec<u8>>,
    },
    /// Finish requests in flight and end; answer when that is done.
    Drain(oneshot::Sender<()>),
}

/// Asks the supervisor, from any thread.
#[derive(Clone)]
pub struct Calls(mpsc::Sender<Question>);

/// The thread that asks, before it is started: V8 has to start first.
pub struct CallsThread {
    socket: UnixStream,
    asked: mpsc::Receiver<Question>,
}

impl CallsThread {
    /// Starts it. Programs go to `programs`, orders come through the receiver, which ends with the
    /// supervisor.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(self, programs: Arc<dyn Programs>) -> Result<blocking::Receiver<Order>, Problem> {
        let (orders, ordered) = blocking::channel();
        self.socket.set_nonblocking(true)?;
        thread::Builder::new().name("calls".to_owned()).spawn(move || {
            if let Err(problem) = run(self.socket, self.asked, orders, programs) {
                eprintln!("isolde: runtime: {problem}");
            }
        })?;
        Ok(ordered)
    }
}

impl Calls {
    /// Asks the supervisor at the other end of this socket, once the thread runs.
    pub fn new(socket: UnixStream) -> (Self, CallsThread) {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        (Self(questions), CallsThread { socket, asked })
    }

    /// The key of the Worker for a host, whose program the process has then; `None` when there is
    /// no Worker.
    ///
    /// # Errors
    /// When the supervisor is gone, or too many ask it.
    pub async fn find(&self, host: &str) -> Result<Option<Vec<u8>>, String> {
        let (answer, answered) = oneshot::channel();
        let question = Question { host: host.to_owned(), answer };
        self.0.try_send(question).map_err(|_| "too many ask the supervisor".to_owned())?;
        answered.await.map_err(|_| "the supervisor is gone".to_owned())?
    }
}

fn run(
    socket: UnixStream,
    mut asked: mpsc::Receiver<Question>,
    orders: blocking::Sender<Order>,
    programs: Arc<dyn Programs>,
) -> Result<(), Problem> {
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&event_loop, async {
        let stream = tokio::net::UnixStream::from_std(socket)?;
        let (calls, supervisor) = connection::connect::<supervisor::Client>(stream);
        let mut calls = tokio::task::spawn_local(calls);
        let mut register = supervisor.register_request();
        let receiver = Orders(orders.clone());
        register.get().set_runtime(capnp_rpc::new_client::<runtime::Client, _>(receiver));
        let registered = register.send().promise.await?;
        let version = registered.get()?.get_routes_version();
        let _ = orders.send(Order::Routes { version, gone: Vec::new() });
        let finder = Rc::new(Finder { supervisor, programs, loading: RefCell::default() });
        loop {
            tokio::select! {
                question = asked.recv() => {
                    let Some(Question { host, answer }) = question else { return Ok(()) };
                    let finder = finder.clone();
                    tokio::task::spawn_local(async move {
                        let found = finder.find(&host).await;
                        let _ = answer.send(found.map_err(|error| error.to_string()));
                    });
                }
                _ = &mut calls => return Err("the supervisor is gone".into()),
            }
        }
    })
}

/// Finds Workers, each program once.
struct Finder {
    supervisor: supervisor::Client,
    programs: Arc<dyn Programs>,
    /// Held while the program of a key is on its way: others wait for it and do not ask again.
    loading: RefCell<HashMap<Vec<u8>, Rc<Mutex<()>>>>,
}

impl Finder {
    async fn find(&self, host: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut resolve = self.supervisor.resolve_request();
        resolve.get().set_host(host);
        let resolved = resolve.send().promise.await?;
        let key = resolved.get()?.get_key()?.to_vec();
        if key.is_empty() {
            return Ok(None);
        }
        let loading = self.loading.borrow_mut().entry(key.clone()).or_default().clone();
        let one = loading.lock().await;
        let loaded = if self.programs.knows(&key) { Ok(()) } else { self.load(&key).await };
        drop(one);
        // The last one that waits for it takes the lock away.
        let mut all = self.loading.borrow_mut();
        if Rc::strong_count(&loading) == 2 {
            all.remove(&key);
        }
        loaded.map(|()| Some(key))
    }

    async fn load(&self, key: &[u8]) -> Result<(), Error> {
        let mut program = self.supervisor.program_request();
        program.get().set_key(key);
        let program = program.send().promise.await?;
        let program = program.get()?.get_program()?;
        let program = FoundProgram {
            artifact: Bytes::copy_from_slice(program.get_artifact()?),
            worker: Bytes::copy_from_slice(program.get_worker()?),
            stamp: program.get_stamp()?.to_vec(),
        };
        self.programs.add(key, program).map_err(Error::failed)
    }
}

/// The runtime, as the supervisor sees it.
struct Orders(blocking::Sender<Order>);

impl runtime::Server for Orders {
    async fn set_routes_version(
        self: Rc<Self>,
        params: runtime::SetRoutesVersionParams,
        _: runtime::SetRoutesVersionResults,
    ) -> Result<(), Error> {
        let (version, keys) = (params.get()?.get_version(), params.get()?.get_gone()?);
        let gone = keys.iter().map(|key| key.map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        self.0.send(Order::Routes { version, gone }).map_err(|_| ends())
    }

    async fn drain(
        self: Rc<Self>,
        _: runtime::DrainParams,
        _: runtime::DrainResults,
    ) -> Result<(), Error> {
        let (done, drained) = oneshot::channel();
        self.0.send(Order::Drain(done)).map_err(|_| ends())?;
        drained.await.map_err(|_| ends())
    }
}

fn ends() -> Error {
    Error::disconnected("the runtime ends".to_owned())
}
