//! Requests to the copies `w0`, `w1` and so on: first visits, and regular ones beside noise.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::BenchError;
use super::load::{self, Door, Exchange};
use super::statistics::percentile;
use super::workers::{HELLO, get};

/// How long a visit may take before it counts as failed.
const VISIT_MAX: Duration = Duration::from_secs(10);
/// Failures of a series that are printed.
const FAILURES_SHOWN_MAX: usize = 10;
/// Connections to each noisy Worker.
const NOISE_CONNECTIONS: usize = 2;
/// How long a noisy client waits after a failure, which may be a refused connection.
const NOISE_PAUSE: Duration = Duration::from_millis(1);

/// The results of a series of requests.
#[derive(Default)]
pub struct Visits {
    /// Of each right answer, in microseconds, ascending.
    latencies_us: Vec<u32>,
    /// Requests without a right answer.
    pub failed: usize,
    /// Requests to noisy Workers that ended, in whatever way.
    pub noise: usize,
    /// Connections that were found closed and made anew.
    pub renewed: usize,
}

impl Visits {
    /// The latency below which `per_cent` of the answers stayed.
    pub fn percentile_ms(&self, per_cent: usize) -> f64 {
        f64::from(percentile(&self.latencies_us, per_cent)) / 1000.0
    }

    /// How many right answers there were.
    pub fn answered(&self) -> usize {
        self.latencies_us.len()
    }

    fn add(&mut self, visit: Result<Duration, String>) {
        match visit {
            Ok(took) => {
                self.latencies_us.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            }
            Err(reason) => {
                self.failed += 1;
                match self.failed.cmp(&FAILURES_SHOWN_MAX) {
                    Ordering::Less => eprintln!("bench: {reason}"),
                    Ordering::Equal => eprintln!("bench: {reason}; the next are only counted"),
                    Ordering::Greater => {}
                }
            }
        }
    }

    /// These and others together.
    pub fn and(mut self, others: Self) -> Self {
        self.latencies_us.extend(others.latencies_us);
        self.failed += others.failed;
        self.noise += others.noise;
        self.renewed += others.renewed;
        self.sorted()
    }

    fn sorted(mut self) -> Self {
        self.latencies_us.sort_unstable();
        self
    }
}

/// The figures of the same clients alone and beside others.
pub fn comparison(alone: &Visits, beside: &Visits) -> Vec<(&'static str, f64)> {
    let figures = |per_cent| (alone.percentile_ms(per_cent), beside.percentile_ms(per_cent));
    let ((alone_p50, beside_p50), (alone_p99, beside_p99)) = (figures(50), figures(99));
    vec![
        ("alone_p50_ms", alone_p50),
        ("beside_p50_ms", beside_p50),
        ("p50_ratio", beside_p50 / alone_p50),
        ("alone_p99_ms", alone_p99),
        ("beside_p99_ms", beside_p99),
        ("p99_ratio", beside_p99 / alone_p99),
        ("answers", beside.answered() as f64),
        ("failed", (alone.failed + beside.failed) as f64),
        ("renewed", (alone.renewed + beside.renewed) as f64),
    ]
}

/// Runs work of the load generator on this thread, with the tasks that it spawns, until it ends.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::Runtime)?;
    Ok(LocalSet::new().block_on(&runtime, work))
}

/// One request on a new connection; the time holds the connecting too.
async fn visit(port: u16, copy: usize, exchange: Exchange) -> Result<Duration, String> {
    let host = format!("w{copy}");
    let started = Instant::now();
    let whole = async {
        let mut sender = load::connect(port).await?;
        load::send(&mut sender, &exchange, &host, true).await
    };
    match timeout(VISIT_MAX, whole).await {
        Ok(Ok(())) => Ok(started.elapsed()),
        Ok(Err(error)) => Err(format!("{host}: {}", super::chain(&error))),
        Err(_) => Err(format!("{host}: no answer in {} s", VISIT_MAX.as_secs())),
    }
}

/// Visits the copies one after the other.
pub fn in_turn(
    port: u16,
    exchange: &Exchange,
    count: usize,
    pause: Duration,
) -> Result<Visits, BenchError> {
    block_on(async {
        let mut visits = Visits::default();
        for copy in 0..count {
            visits.add(visit(port, copy, exchange.clone()).await);
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        visits.sorted()
    })
}

/// Visits the copies at fixed times, whether the earlier ones have answered or not.
pub fn at_rate(port: u16, count: usize, period: Duration) -> Result<Visits, BenchError> {
    block_on(async {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = Vec::with_capacity(count);
        for copy in 0..count {
            ticks.tick().await;
            under_way.push(tokio::task::spawn_local(visit(port, copy, get("/", HELLO))));
        }
        let mut visits = Visits::default();
        for visit in under_way {
            visits.add(visit.await.expect("no task of the load generator panics"));
        }
        visits.sorted()
    })
}

/// Visits `w0` regularly over one connection, while `w1` and so on get these requests all the time.
pub fn regularly(
    port: u16,
    time: Duration,
    period: Duration,
    noise: &[&'static str],
) -> Result<Visits, BenchError> {
    block_on(async {
        let is_over = Rc::new(Cell::new(false));
        let made = Rc::new(Cell::new(0));
        for (at, path) in noise.iter().enumerate() {
            for _ in 0..NOISE_CONNECTIONS {
                let (is_over, made) = (Rc::clone(&is_over), Rc::clone(&made));
                tokio::task::spawn_local(disturb(port, at + 1, get(path, HELLO), is_over, made));
            }
        }
        let visits = RefCell::new(Visits::default());
        // What is measured is bounded by the time, even where an answer does not come.
        let _ = timeout(time, look(port, period, &visits)).await;
        is_over.set(true);
        let mut visits = visits.into_inner().sorted();
        visits.noise = made.get();
        visits
    })
}

/// Visits each of these hosts regularly, over a connection of its own that is kept, until it is
/// over. The hosts take turns. A connection that was closed is made anew, and the answer then
/// takes as long as both took.
pub fn steadily(
    door: Door,
    hosts: &[String],
    exchange: &Exchange,
    period: Duration,
    is_over: &dyn Fn() -> bool,
) -> Result<Visits, BenchError> {
    block_on(async {
        let ended = Rc::new(Cell::new(false));
        let visitors: Vec<_> = hosts
            .iter()
            .enumerate()
            .map(|(number, host)| {
                let delay = period * number as u32 / hosts.len() as u32;
                let visitor =
                    Visitor { door, host: host.clone(), exchange: exchange.clone(), sender: None };
                tokio::task::spawn_local(visitor.visit(delay, period, ended.clone()))
            })
            .collect();
        while !is_over() {
            sleep(period).await;
        }
        ended.set(true);
        let mut visits = Visits::default();
        for visitor in visitors {
            visits = visits.and(visitor.await.expect("no task of the load generator panics"));
        }
        visits
    })
}

/// A client that asks one host.
struct Visitor {
    door: Door,
    host: String,
    exchange: Exchange,
    sender: Option<load::Sender>,
}

impl Visitor {
    async fn visit(mut self, delay: Duration, period: Duration, ended: Rc<Cell<bool>>) -> Visits {
        let mut visits = Visits::default();
        sleep(delay).await;
        // The first answer waits for a connection and is not measured.
        if let Err(error) = self.ask(&mut visits).await {
            visits.add(Err(format!("{}: {error}", self.host)));
        }
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !ended.get() {
            ticks.tick().await;
            let started = Instant::now();
            let asked = match timeout(VISIT_MAX, self.ask(&mut visits)).await {
                Ok(asked) => asked.map_err(|error| super::chain(&error)),
                Err(_) => Err(format!("no answer in {} s", VISIT_MAX.as_secs())),
            };
            visits.add(
                asked
                    .map(|()| started.elapsed())
                    .map_err(|reason| format!("{}: {reason}", self.host)),
            );
        }
        visits
    }

    /// One request, on the connection that there is, or else on a new one.
    async fn ask(&mut self, visits: &mut Visits) -> Result<(), BenchError> {
        if let Some(mut sender) = self.sender.take() {
            match load::send(&mut sender, &self.exchange, &self.host, true).await {
                Ok(()) => {
                    self.sender = Some(sender);
                    return Ok(());
                }
                Err(BenchError::Request(_)) => visits.renewed += 1,
                Err(error) => return Err(error),
            }
        }
        let mut sender = load::connect(self.door).await?;
        load::send(&mut sender, &self.exchange, &self.host, true).await?;
        self.sender = Some(sender);
        Ok(())
    }
}

async fn look(port: u16, period: Duration, visits: &RefCell<Visits>) {
    let exchange = get("/", HELLO);
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sender = None;
    loop {
        ticks.tick().await;
        let started = Instant::now();
        let answered = async {
            let mut open = match sender.take() {
                Some(open) => open,
                None => load::connect(port).await?,
            };
            load::send(&mut open, &exchange, "w0", true).await?;
            Ok::<_, BenchError>(open)
        };
        match answered.await {
            Ok(open) => {
                sender = Some(open);
                visits.borrow_mut().add(Ok(started.elapsed()));
            }
            Err(error) => visits.borrow_mut().add(Err(format!("w0: {}", super::chain(&error)))),
        }
    }
}

/// Keeps one noisy Worker busy; what it answers does not matter.
async fn disturb(
    port: u16,
    copy: usize,
    exchange: Exchange,
    is_over: Rc<Cell<bool>>,
    made: Rc<Cell<usize>>,
) {
    let host = format!("w{copy}");
    let mut sender = None;
    while !is_over.get() {
        let request = async {
            let mut open = match sender.take() {
                Some(open) => open,
                None => load::connect(port).await?,
            };
            load::send(&mut open, &exchange, &host, false).await?;
            Ok::<_, BenchError>(open)
        };
        match request.await {
            Ok(open) => sender = Some(open),
            Err(_) => sleep(NOISE_PAUSE).await,
        }
        made.set(made.get() + 1);
    }
}
