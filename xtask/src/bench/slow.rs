//! Rows with clients that are slow on purpose: what a thousand of them do to the others.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

use super::contenders::{Contender, Places};
use super::load::Door;
use super::measurements::Report;
use super::special::Special;
use super::visits;
use super::workers::{HELLO, Project, get, hello};
use super::{Arguments, tenants, tls};

/// The rows of this file. The other servers have no such limits on clients.
pub const ROWS: [Special; 2] = [
    Special { name: "slow-clients", servers: &[Contender::Serve], run: direct },
    Special { name: "slow-clients-tls", servers: &[Contender::Serve], run: through_inbound },
];
/// Slow clients at any time: one whose connection the server ends comes back.
const SLOW_COUNT: usize = 1_000;
/// Their addresses, 127.0.0.2 and so on: one address may have half of a server's connections.
const ADDRESSES: usize = 8;
/// Between two bytes of one, or two looks at an answer.
const SLOW_PERIOD: Duration = Duration::from_secs(1);
/// What a slow client reads at a time of an answer, in bytes: enough for Isolde's least rate.
const SIP_BYTES: usize = 600;
/// Room for an answer in the kernel of a slow reader, in bytes.
const RECEIVE_BYTES: u32 = 4_096;
/// A slow client that cannot connect tries again after this.
const RETRY: Duration = Duration::from_millis(100);
/// How long they may take until all are there.
const GATHER_MAX: Duration = Duration::from_secs(20);
/// How long the others are measured: alone, while the slow ones are at another server, and beside
/// them. Isolde refuses heads after 15 s and bodies after 20 s: that they come back is part of it.
const TIME: Duration = Duration::from_secs(20);
/// Between two requests on a connection of the others.
const PERIOD: Duration = Duration::from_millis(10);
/// Descriptors that the benchmark itself needs.
const FILES: u64 = 4_096;

/// A server of plain HTTP whose runtime takes clients itself.
fn direct(places: &Places, arguments: &Arguments, among: &[Contender], report: &mut Report) {
    compare("slow-clients", false, places, arguments, among, report);
}

/// The same over HTTPS: inbound takes the clients, slow ones and others.
fn through_inbound(
    places: &Places,
    arguments: &Arguments,
    among: &[Contender],
    report: &mut Report,
) {
    compare("slow-clients-tls", true, places, arguments, among, report);
}

fn compare(
    row: &'static str,
    tls: bool,
    places: &Places,
    arguments: &Arguments,
    contenders: &[Contender],
    report: &mut Report,
) {
    raise_file_limit();
    let project = slow(row, tls);
    let hosts = vec!["localhost".to_owned(); arguments.connections];
    for _ in 0..arguments.rounds {
        for contender in contenders {
            let figures = tenants::start(places, *contender, &project).and_then(|server| {
                let measure = || {
                    let end = Instant::now() + TIME;
                    let is_over = || Instant::now() >= end;
                    visits::steadily(server.door, &hosts, &get("/", HELLO), PERIOD, &is_over)
                };
                let alone = measure()?;
                // The same crowd at another server of the same kind: what it, and the work that it
                // makes, does to the machine.
                let elsewhere = {
                    let other = tenants::start(places, *contender, &slow("elsewhere", tls))?;
                    let crowd = Crowd::gather(other.door);
                    let elsewhere = measure()?;
                    crowd.disperse();
                    elsewhere
                };
                let crowd = Crowd::gather(server.door);
                let beside = measure()?;
                let (gathered, ended) = (crowd.count(), crowd.disperse());
                server.server.check()?;
                let mut figures = visits::comparison(&alone, &beside);
                let by =
                    |per_cent| beside.percentile_ms(per_cent) / elsewhere.percentile_ms(per_cent);
                figures.push(("elsewhere_p50_ms", elsewhere.percentile_ms(50)));
                figures.push(("p50_by_elsewhere", by(50)));
                figures.push(("elsewhere_p99_ms", elsewhere.percentile_ms(99)));
                figures.push(("p99_by_elsewhere", by(99)));
                figures.push(("slow_clients", gathered as f64));
                figures.push(("slow_ended", ended as f64));
                Ok(figures)
            });
            tenants::keep(report, row, *contender, figures);
        }
    }
}

/// The Worker that is asked, quickly and slowly.
fn slow(name: &'static str, tls: bool) -> Project {
    Project { tls, worker: include_str!("servers/slow.worker.js"), ..hello(name) }
}

/// As many open files as this process may have, if it may have enough.
fn raise_file_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < FILES {
        // With fewer than it needs, the row says how many slow clients there were.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, FILES.min(hard), hard);
    }
}

/// What a slow client is slow at.
#[derive(Clone, Copy)]
enum Slowness {
    /// The head of a request.
    Head,
    /// The body of one.
    Body,
    /// Reading the response.
    Answer,
}

/// The slow clients, in a thread of their own.
struct Crowd {
    /// How many are connected.
    open: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    /// How many connections have ended.
    thread: JoinHandle<usize>,
}

impl Crowd {
    /// Waits until all are there, or some time has gone by.
    fn gather(door: Door) -> Self {
        let (open, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, over) = (open.clone(), is_over.clone());
        let thread = std::thread::spawn(move || {
            let ended = Rc::<Cell<usize>>::default();
            let work = async {
                for number in 0..SLOW_COUNT {
                    let (count, ended) = (count.clone(), ended.clone());
                    tokio::task::spawn_local(be_slow(door, number, count, ended));
                }
                while !over.load(Ordering::Relaxed) {
                    sleep(RETRY).await;
                }
            };
            if let Err(error) = visits::block_on(work) {
                eprintln!("bench: no slow clients: {}", super::chain(&error));
            }
            ended.get()
        });
        let crowd = Self { open, is_over, thread };
        let end = Instant::now() + GATHER_MAX;
        while crowd.count() < SLOW_COUNT && Instant::now() < end {
            std::thread::sleep(RETRY);
        }
        crowd
    }

    fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Ends all of them; how many connections had ended before.
    fn disperse(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("no slow client panics")
    }
}

/// One of them, with one connection after the other.
async fn be_slow(door: Door, number: usize, open: Arc<AtomicUsize>, ended: Rc<Cell<usize>>) {
    let slowness = [Slowness::Head, Slowness::Body, Slowness::Answer][number % 3];
    // They do not all move in the same moment.
    sleep(SLOW_PERIOD * number as u32 / SLOW_COUNT as u32).await;
    loop {
        let Ok(stream) = connect(door, number).await else {
            sleep(RETRY).await;
            continue;
        };
        open.fetch_add(1, Ordering::Relaxed);
        // The server ends it, sooner or later.
        let _ = match slowness {
            Slowness::Head => trickle(stream, HEAD).await,
            Slowness::Body => trickle(stream, BODY).await,
            Slowness::Answer => sip(stream).await,
        };
        open.fetch_sub(1, Ordering::Relaxed);
        ended.set(ended.get() + 1);
    }
}

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ";
const BODY: &[u8] = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
const LARGE: &[u8] = b"GET /large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A connection with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

async fn connect(door: Door, number: usize) -> io::Result<Box<dyn Stream>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    let own = Ipv4Addr::new(127, 0, 0, 2 + (number % ADDRESSES) as u8);
    socket.bind(SocketAddr::from((own, 0)))?;
    let stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], door.port))).await?;
    stream.set_nodelay(true)?;
    if door.tls {
        return Ok(Box::new(tls::connect(stream).await?));
    }
    Ok(Box::new(stream))
}

/// Sends the beginning of a request and then a byte now and then, until the server ends it.
async fn trickle(mut stream: Box<dyn Stream>, beginning: &[u8]) -> io::Result<()> {
    stream.write_all(beginning).await?;
    stream.flush().await?;
    let mut buffer = [0; 64];
    loop {
        match timeout(SLOW_PERIOD, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(read) => drop(read?),
            Err(_) => {
                stream.write_all(b"a").await?;
                stream.flush().await?;
            }
        }
    }
}

/// Asks for a large answer and reads a little of it now and then, until it ends.
async fn sip(mut stream: Box<dyn Stream>) -> io::Result<()> {
    stream.write_all(LARGE).await?;
    stream.flush().await?;
    let mut buffer = [0; SIP_BYTES];
    while stream.read(&mut buffer).await? > 0 {
        sleep(SLOW_PERIOD).await;
    }
    Ok(())
}
