//! The row `hostile`: twenty well-behaved Workers of `isolde serve`, alone and beside the corpus of
//! hostile ones, each of which is attacked with once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use tokio::time::timeout;

use super::configurations::write;
use super::contenders::{Contender, Places};
use super::load::{self, Door};
use super::measurements::Report;
use super::special::Special;
use super::visits::{self, Visits};
use super::workers::{Project, get, hello};
use super::{Arguments, BenchError, tenants};
use corpus::{ATTACKERS, Answer, Attack, FINE, NEIGHBOUR, NEIGHBOURS};

#[path = "../../../tests/security/corpus.rs"]
mod corpus;

const ROW: &str = "hostile";
/// The row of this file.
pub const ROWS: [Special; 1] = [Special { name: ROW, servers: &[Contender::Serve], run: measure }];
/// Where the hostile Workers are, below the project.
const CORPUS: &str = "tests/hostile";
/// How long the neighbours are measured alone.
const ALONE: Duration = Duration::from_secs(10);
/// Between two requests to a neighbour.
const PERIOD: Duration = Duration::from_millis(50);
/// How long an attack may go on without an end of its answer.
const ATTACK_MAX: Duration = Duration::from_secs(60);
/// What is kept of an attack's answer, in bytes.
const KEPT_BYTES_MAX: usize = 64 << 10;

fn measure(places: &Places, arguments: &Arguments, contenders: &[Contender], report: &mut Report) {
    for contender in contenders {
        for _ in 0..arguments.rounds {
            let figures = measure_once(places, *contender);
            tenants::keep(report, ROW, *contender, figures);
        }
    }
}

fn measure_once(
    places: &Places,
    contender: Contender,
) -> Result<Vec<(&'static str, f64)>, BenchError> {
    let folder = places.root.join(CORPUS);
    let attacks = Arc::new(corpus::read(&folder).map_err(BenchError::Corpus)?);
    let neighbour = places.folder.join("neighbour.js");
    write(&neighbour, NEIGHBOUR)?;
    let more_workers = corpus::workers(&attacks, &folder, &neighbour);
    let project = Project { more_workers, ..hello(ROW) };
    let server = tenants::start(places, contender, &project)?;
    let end = Instant::now() + ALONE;
    let alone = ask_neighbours(server.door, &|| Instant::now() >= end)?;
    let is_over = AtomicBool::new(false);
    let started = Instant::now();
    let (beside, wrong) = std::thread::scope(|scope| {
        let attackers = scope.spawn(|| {
            let wrong = visits::block_on(attack_all(server.door, attacks.clone()));
            is_over.store(true, Ordering::Relaxed);
            wrong
        });
        let beside = ask_neighbours(server.door, &|| is_over.load(Ordering::Relaxed));
        (beside, attackers.join().expect("no attacker panics"))
    });
    let (beside, wrong) = (beside?, wrong?);
    server.server.check()?;
    let mut figures = visits::comparison(&alone, &beside);
    figures.push(("attacks", attacks.len() as f64));
    figures.push(("attacks_wrong", wrong as f64));
    figures.push(("seconds", started.elapsed().as_secs_f64()));
    Ok(figures)
}

fn ask_neighbours(door: Door, is_over: &dyn Fn() -> bool) -> Result<Visits, BenchError> {
    let hosts: Vec<String> = (0..NEIGHBOURS).map(corpus::neighbour_host).collect();
    visits::steadily(door, &hosts, &get("/", FINE), PERIOD, is_over)
}

/// Attacks with each Worker of the corpus; how many ended otherwise than they should.
async fn attack_all(door: Door, attacks: Arc<Vec<Attack>>) -> usize {
    let (next, wrong) = (Rc::<Cell<usize>>::default(), Rc::<Cell<usize>>::default());
    let attackers: Vec<_> = (0..ATTACKERS)
        .map(|_| {
            let (next, wrong, attacks) = (next.clone(), wrong.clone(), attacks.clone());
            tokio::task::spawn_local(async move {
                while next.get() < attacks.len() {
                    let number = next.replace(next.get() + 1);
                    if !attack(door, &attacks, number).await {
                        eprintln!("bench: {ROW}: {} does not end well", attacks[number].name);
                        wrong.set(wrong.get() + 1);
                    }
                }
            })
        })
        .collect();
    for attacker in attackers {
        attacker.await.expect("no attacker panics");
    }
    wrong.get()
}

/// One attack, with as many requests at once as it takes; whether all ended as they should.
async fn attack(door: Door, attacks: &Arc<Vec<Attack>>, number: usize) -> bool {
    let asked: Vec<_> = (0..attacks[number].expected.requests)
        .map(|_| {
            let attacks = attacks.clone();
            tokio::task::spawn_local(async move { ask(door, &attacks[number]).await })
        })
        .collect();
    let mut is_right = true;
    for one in asked {
        is_right &= one.await.expect("no attacker panics");
    }
    is_right
}

/// One request to a hostile Worker on a new connection; whether it ended as it should.
async fn ask(door: Door, attack: &Attack) -> bool {
    // What there is when the time is over stays.
    let (status, complete, text) = (Cell::new(None), Cell::new(false), Cell::new(Vec::new()));
    let exchange = async {
        let mut sender = load::connect(door).await?;
        let request = Request::builder()
            .method(attack.expected.method.as_str())
            .uri(attack.expected.path.as_str())
            .header("host", attack.host())
            .body(Full::new(Bytes::new()))
            .map_err(BenchError::Http)?;
        let response = sender.send_request(request).await.map_err(BenchError::Request)?;
        status.set(Some(response.status().as_u16()));
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(BenchError::Request)?;
            let Some(data) = frame.data_ref() else { continue };
            let mut kept = text.take();
            let room = KEPT_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&data[..data.len().min(room)]);
            text.set(kept);
        }
        complete.set(true);
        Ok::<_, BenchError>(())
    };
    // An attack may break its connection off; how it must end is the expectation's.
    let _ = timeout(ATTACK_MAX, exchange).await;
    let text = String::from_utf8_lossy(&text.into_inner()).into_owned();
    let (complete, text) = (complete.get(), text.as_str());
    let answer = status.get().map(|status| Answer { status, complete, text });
    attack.expected.is_met(answer.as_ref())
}
