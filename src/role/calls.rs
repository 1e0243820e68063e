//! The calls of a runtime process to its supervisor, on a thread of their own: capabilities do not
//! leave it, so others send it what they want to know.

use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc as blocking;
use std::thread;

use bytes::Bytes;
use capnp::Error;
use rpc::connection;
use rpc::supervisor_capnp::{runtime, supervisor};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use super::Problem;

/// Questions that wait for the thread; those beyond it fail at once.
const QUESTIONS_MAX: usize = 1_024;

/// What a supervisor gives for a host.
pub struct Found {
    /// The key, by which the same program is known again.
    pub key: Vec<u8>,
    /// The program, unless the asker had it.
    pub program: Option<FoundProgram>,
}

/// The parts of a program.
pub struct FoundProgram {
    /// Canonical bytes of the artifact.
    pub artifact: Bytes,
    /// Canonical bytes of the Worker.
    pub worker: Bytes,
    /// The stamp for the outbound proxy.
    pub stamp: Vec<u8>,
}

/// A question: which Worker is at this host?
struct Question {
    host: String,
    /// Whether the asker has the program of a key already.
    knows: Box<dyn Fn(&[u8]) -> bool + Send>,
    answer: oneshot::Sender<Result<Option<Found>, String>>,
}

/// What the supervisor orders.
pub enum Order {
    /// What was resolved before is to be resolved again.
    RoutesVersion(u64),
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
    /// Starts it. Orders come through the receiver, which ends with the supervisor.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(self) -> Result<blocking::Receiver<Order>, Problem> {
        let (orders, ordered) = blocking::channel();
        self.socket.set_nonblocking(true)?;
        thread::Builder::new().name("calls".to_owned()).spawn(move || {
            if let Err(problem) = run(self.socket, self.asked, orders) {
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

    /// The Worker for a host; `None` when there is none.
    ///
    /// # Errors
    /// When the supervisor is gone, or too many ask it.
    pub async fn find(
        &self,
        host: &str,
        knows: impl Fn(&[u8]) -> bool + Send + 'static,
    ) -> Result<Option<Found>, String> {
        let (answer, answered) = oneshot::channel();
        let question = Question { host: host.to_owned(), knows: Box::new(knows), answer };
        self.0.try_send(question).map_err(|_| "too many ask the supervisor".to_owned())?;
        answered.await.map_err(|_| "the supervisor is gone".to_owned())?
    }
}

fn run(
    socket: UnixStream,
    mut asked: mpsc::Receiver<Question>,
    orders: blocking::Sender<Order>,
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
        let _ = orders.send(Order::RoutesVersion(version));
        loop {
            tokio::select! {
                question = asked.recv() => {
                    let Some(Question { host, knows, answer }) = question else { return Ok(()) };
                    let supervisor = supervisor.clone();
                    tokio::task::spawn_local(async move {
                        let found = find(&supervisor, &host, &knows).await;
                        let _ = answer.send(found.map_err(|error| error.to_string()));
                    });
                }
                _ = &mut calls => return Err("the supervisor is gone".into()),
            }
        }
    })
}

async fn find(
    supervisor: &supervisor::Client,
    host: &str,
    knows: &dyn Fn(&[u8]) -> bool,
) -> Result<Option<Found>, Error> {
    let mut resolve = supervisor.resolve_request();
    resolve.get().set_host(host);
    let resolved = resolve.send().promise.await?;
    let key = resolved.get()?.get_key()?.to_vec();
    if key.is_empty() {
        return Ok(None);
    }
    if knows(&key) {
        return Ok(Some(Found { key, program: None }));
    }
    let mut program = supervisor.program_request();
    program.get().set_key(&key);
    let program = program.send().promise.await?;
    let program = program.get()?.get_program()?;
    let program = FoundProgram {
        artifact: Bytes::copy_from_slice(program.get_artifact()?),
        worker: Bytes::copy_from_slice(program.get_worker()?),
        stamp: program.get_stamp()?.to_vec(),
    };
    Ok(Some(Found { key, program: Some(program) }))
}

/// The runtime, as the supervisor sees it.
struct Orders(blocking::Sender<Order>);

impl runtime::Server for Orders {
    async fn set_routes_version(
        self: Rc<Self>,
        params: runtime::SetRoutesVersionParams,
        _: runtime::SetRoutesVersionResults,
    ) -> Result<(), Error> {
        let version = params.get()?.get_version();
        self.0.send(Order::RoutesVersion(version)).map_err(|_| ends())
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
