//! SIGKILL of each process of a node at random while clients ask, of the neighbours of a process
//! again and again, and of the supervisor.
//!
//! What counts as a failure that a kill excuses. A kill lasts from the moment before the signal
//! until the process and all that it has started are gone. That a request is there with a kill
//! means that it was begun before the kill's end and had not failed before its start; the same
//! holds for a connection, from before it is opened.
//!
//! - The end of a connection without an answer: the connection was there with a kill of the inbound
//!   proxy, which had it. The request may have come later: the client of a kept connection cannot
//!   know that it is reset.
//! - An answer that is cut: the request was there with a kill of the inbound proxy, or of the
//!   runtime of its own cordon.
//! - Error 1101: the request was there with a kill of the runtime of its own cordon.
//! - A subrequest that fails in the Worker: the request was there with a kill of the outbound
//!   proxy.
//!
//! Nothing else is excused: no answer of the other cordon, no 503, no request that was begun when
//! the process was gone, although the next one was not there yet, and nothing that took as long as
//! a client waits.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use supervisor::status;

use self::load::{Ask, Failure, How, Load};
use crate::support::process::{Isolde, children};
use crate::support::tls::Tunnel;
use crate::support::{DEADLINE, repository, scratch_folder, signal, until};

#[path = "kills/load.rs"]
mod load;

/// Kills, of which the second half must add nothing.
const ROUNDS: usize = 200;
/// After so many the clients have to be served.
const SERVED_EVERY: usize = 10;
/// Longest time between two kills, in milliseconds.
const PAUSE_MS_MAX: u64 = 500;
/// Kills of each process whose neighbours are looked at. With more in a row it would not be started
/// again at once.
const KILLS_OF_A_NEIGHBOUR: usize = 6;
/// Mappings that a process without a leak may have more: what an allocator takes from the system
/// in pieces of its own it joins and splits as it likes. A mapping for each kill is many more.
const MAPPINGS_MORE: usize = 4;

/// The cordons, and the host of the Worker of each.
const CORDONS: [(&str, &str); 2] = [("free", "a.example"), ("paid", "b.example")];

/// A process that can be killed; a runtime by its place in [`CORDONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Inbound,
    Outbound,
    Runtime(usize),
}

const SEATS: [Seat; 4] = [Seat::Inbound, Seat::Outbound, Seat::Runtime(0), Seat::Runtime(1)];

/// A kill: the moment before it, and the one when all that it ended was gone.
#[derive(Debug)]
struct Kill {
    seat: Seat,
    killed: Instant,
    gone: Instant,
}

impl Kill {
    /// Whether a failure is excused by this kill.
    fn excuses(&self, failure: &Failure) -> bool {
        let was_there = |since: Instant| since <= self.gone && failure.ended >= self.killed;
        match (&failure.how, self.seat) {
            (How::Reset, Seat::Inbound) => was_there(failure.opened),
            (How::Cut, Seat::Inbound) | (How::NoOrigin, Seat::Outbound) => was_there(failure.begun),
            (How::Cut | How::Lost, Seat::Runtime(cordon)) => {
                cordon == failure.host && was_there(failure.begun)
            }
            _ => false,
        }
    }
}

/// A node with a Worker in each cordon, TLS, and an origin that subrequests may reach.
struct Node {
    isolde: Isolde,
    origin: Isolde,
    config: PathBuf,
}

impl Node {
    fn start(name: &str) -> Self {
        let folder = scratch_folder(name);
        let config = folder.join("isolde.toml");
        fs::write(&config, configuration("127.0.0.1:0")).unwrap();
        let isolde = Isolde::serve(&config);
        let origin = Isolde::dev(&repository("tests/reliability/serve/origin.js"));
        Self { isolde, origin, config }
    }

    /// Where TLS is served.
    fn https(&self) -> String {
        let ready = self.isolde.event("ready", |_| true);
        let url = ready["https"].as_str().expect("it serves https");
        url.strip_prefix("https://").expect("it is a URL").to_owned()
    }

    /// What the Worker at a host is asked, with the answers.
    fn asks(&self, host: &str) -> Vec<Ask> {
        let plain = |path: &str| Ask { path: path.to_owned(), text: format!("{path} of {host}") };
        let path = format!("/fetch?from=http://{}/path", self.origin.address);
        vec![plain("/"), plain("/wait"), Ask { path, text: "POST /path posted".to_owned() }]
    }

    /// Clients of both cordons, with TLS and without.
    fn load(&self) -> Load {
        let (https, mut load) = (self.https(), Load::default());
        for (place, (_, host)) in CORDONS.into_iter().enumerate() {
            let tunnel = Tunnel::open(&https, host, "http/1.1");
            for address in [&self.isolde.address, &self.isolde.address, &tunnel.address] {
                load.add(address, (place, host), self.asks(host));
            }
        }
        load
    }

    /// Asks each Worker everything on new connections, one request after the other.
    fn ask_all(&self) {
        for (_, host) in CORDONS {
            for Ask { path, text } in self.asks(host) {
                let answer = self.isolde.get_from(host, &path);
                assert_eq!((answer.status, answer.text()), (200, text), "{path} of {host}");
            }
        }
    }

    /// The process of a seat, once there is one. That of a runtime waits for the one in the jail.
    fn process(&self, seat: Seat) -> u32 {
        let (role, cordon) = match seat {
            Seat::Inbound => ("inbound", None),
            Seat::Outbound => ("outbound", None),
            Seat::Runtime(place) => ("runtime", Some(CORDONS[place].0)),
        };
        until(&format!("a process for {seat:?}"), || {
            let status = status::ask(&self.config.with_file_name("control.sock")).ok()?;
            let mut processes = status.processes.into_iter();
            processes.find(|it| it.role == role && it.cordon.as_deref() == cordon)?.pid
        })
    }

    /// The processes of a seat, the one in a jail last.
    fn processes(&self, seat: Seat) -> Vec<u32> {
        let first = self.process(seat);
        let jailed = matches!(seat, Seat::Runtime(_)).then(|| {
            until("the process in the jail", || children(first, "runtime").first().copied())
        });
        [first].into_iter().chain(jailed).collect()
    }

    /// Kills one of the processes of a seat, and waits until all of them are gone.
    fn kill(&self, seat: Seat, which: u64) -> Kill {
        let processes = self.processes(seat);
        let victim = processes[usize::try_from(which).unwrap_or(0) % processes.len()];
        let killed = Instant::now();
        signal("KILL", victim);
        processes.iter().for_each(|pid| until_gone(*pid));
        Kill { seat, killed, gone: Instant::now() }
    }

    /// What a process holds.
    fn held(&self, seat: Seat) -> Held {
        Held::by(*self.processes(seat).last().expect("there is one"))
    }
}

fn configuration(http: &str) -> String {
    let worker = repository("tests/reliability/kills/worker.js");
    let entry = |(cordon, host)| {
        format!(
            "[[worker]]\nname = \"{cordon}\"\npath = {worker:?}\nhosts = [\"{host}\"]\n\
             owner = \"{cordon}\"\ntrust = \"{cordon}\"\n"
        )
    };
    let workers: String = CORDONS.into_iter().map(entry).collect();
    format!(
        "[listen]\nhttp = \"{http}\"\nhttps = \"127.0.0.1:0\"\ncontrol = \"control.sock\"\n\
         [outbound]\nallow = [\"127.0.0.1\"]\n{workers}"
    )
}

/// Waits until a process has no thread any more. That its parent has heard of it may take longer.
fn until_gone(pid: u32) {
    let end = Instant::now() + DEADLINE;
    while is_there(pid) {
        assert!(Instant::now() < end, "process {pid} does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_there(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the state is in brackets.
    let is_over = stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']));
    threads > 1 || !is_over
}

/// Descriptors and mappings of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    mappings: usize,
}

impl Held {
    fn by(pid: u32) -> Self {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
        Self { descriptors, mappings: maps.lines().count() }
    }

    /// Whether this is no more than before.
    fn is_within(self, before: Self) -> bool {
        self.descriptors <= before.descriptors && self.mappings <= before.mappings + MAPPINGS_MORE
    }

    /// Waits until a process holds no more than before: it may close things in a moment.
    fn until_within(before: Self, what: &str, look: impl Fn() -> Self) {
        let end = Instant::now() + DEADLINE;
        while !look().is_within(before) {
            let now = look();
            assert!(Instant::now() < end, "{what} held {before:?} and holds {now:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Random numbers that are the same for the same seed (xorshift).
struct Random(u64);

impl Random {
    /// With a new seed, or the one that `ISOLDE_KILLS_SEED` says.
    fn new() -> Self {
        let given = std::env::var("ISOLDE_KILLS_SEED").ok();
        let seed = match given {
            Some(seed) => seed.parse().expect("ISOLDE_KILLS_SEED is a number"),
            None => RandomState::new().build_hasher().finish(),
        };
        println!("ISOLDE_KILLS_SEED={seed}");
        Self(seed.max(1))
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A failure, and the kill before its end: times are from the moment of that kill.
fn described(failure: &Failure, kills: &[Kill]) -> String {
    let last = kills.iter().rfind(|kill| kill.killed <= failure.ended);
    let Some(kill) = last else { return format!("{failure:?}, before the first kill\n") };
    let from = |time: Instant| match time.checked_duration_since(kill.killed) {
        Some(after) => format!("{after:?}"),
        None => format!("-{:?}", kill.killed - time),
    };
    let Failure { opened, begun, ended, how, what, .. } = failure;
    format!(
        "{what}: {how:?}; opened at {}, begun at {}, ended at {}; {:?} was gone at {}\n",
        from(*opened),
        from(*begun),
        from(*ended),
        kill.seat,
        from(kill.gone)
    )
}

#[test]
fn what_fails_when_processes_are_killed_was_in_their_hands() {
    let mut random = Random::new();
    let node = Node::start("kills_random");
    node.ask_all();
    let mut load = node.load();
    load.until_served();
    let mut kills = Vec::new();
    let mut half = None;
    for round in 1..=ROUNDS {
        std::thread::sleep(Duration::from_millis(random.below(PAUSE_MS_MAX)));
        let seat = SEATS[usize::try_from(random.below(4)).unwrap()];
        kills.push(node.kill(seat, random.below(2)));
        if round % SERVED_EVERY == 0 {
            load.until_served();
        }
        if round == ROUNDS / 2 {
            load.pause();
            node.ask_all();
            half = Some(Held::by(node.isolde.id()));
            load.go_on();
        }
    }
    load.pause();
    node.ask_all();
    let half = half.expect("there was a half");
    Held::until_within(half, "the supervisor", || Held::by(node.isolde.id()));
    let (answered, failures) = load.stop();
    let unexcused: Vec<&Failure> = failures
        .iter()
        .filter(|failure| {
            let waits = failure.ended - failure.begun >= DEADLINE;
            waits || !kills.iter().any(|kill| kill.excuses(failure))
        })
        .collect();
    assert!(
        unexcused.is_empty(),
        "{} of {} failures are not excused:\n{}{}",
        unexcused.len(),
        failures.len(),
        unexcused.iter().map(|failure| described(failure, &kills)).collect::<String>(),
        node.isolde.complaints()
    );
    println!("{answered} requests were answered, {} failed with a process", failures.len());
    assert!(answered > ROUNDS, "there was a load");
    for seat in SEATS {
        let was_hit = |failure: &&Failure| {
            kills.iter().any(|kill| kill.seat == seat && kill.excuses(failure))
        };
        assert!(failures.iter().filter(was_hit).count() > 0, "no kill of {seat:?} hit a request");
    }
}

#[test]
fn processes_hold_nothing_of_neighbours_that_were_killed() {
    let node = Node::start("kills_neighbours");
    for seat in SEATS {
        // The first kills bring what is made once.
        for _ in 0..2 {
            node.kill(seat, 1);
            node.ask_all();
        }
        let neighbours = SEATS.into_iter().filter(|neighbour| *neighbour != seat);
        let before: Vec<(Seat, u32, Held)> = neighbours
            .map(|neighbour| (neighbour, node.process(neighbour), node.held(neighbour)))
            .collect();
        for round in 0..KILLS_OF_A_NEIGHBOUR {
            node.kill(seat, round as u64);
            node.ask_all();
        }
        for (neighbour, pid, held) in before {
            assert_eq!(node.process(neighbour), pid, "{neighbour:?} went on");
            let what = format!("{neighbour:?} beside {seat:?}");
            Held::until_within(held, &what, || node.held(neighbour));
        }
    }
}

/// All processes that a process has started, and those that they have.
fn family(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().map(|child| child.parse().expect("it is a number"));
    children.flat_map(|child: u32| [vec![child], family(child)].concat()).collect()
}

/// Kills the supervisor of a node; the next one serves at the same address. `text` is the
/// configuration for an address of plain HTTP.
fn kill_supervisor(config: &Path, text: impl Fn(&str) -> String) {
    let (_, host) = CORDONS[0];
    fs::write(config, text("127.0.0.1:0")).unwrap();
    let mut isolde = Isolde::serve(config);
    assert_eq!(isolde.get_from(host, "/").text(), format!("/ of {host}"));
    // A request is in flight, which a runtime may want to finish.
    let mut waits = isolde.connect();
    waits.send(format!("GET /wait HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
    let processes = family(isolde.id());
    assert!(processes.len() >= 3, "outbound, and two for a runtime: {processes:?}");
    fs::write(config, text(&isolde.address)).unwrap();
    signal("KILL", isolde.id());
    assert!(!isolde.wait().success());
    processes.into_iter().for_each(until_gone);
    let next = Isolde::serve(config);
    assert_eq!(next.address, isolde.address);
    assert_eq!(next.get_from(host, "/").text(), format!("/ of {host}"));
}

#[test]
fn all_processes_end_with_their_supervisor_and_the_next_one_starts() {
    let config = scratch_folder("kills_supervisor").join("isolde.toml");
    kill_supervisor(&config, configuration);
    // With one cordon and without TLS the runtime takes clients itself.
    let alone = |line: &&str| !line.starts_with("trust") && !line.starts_with("https");
    kill_supervisor(&config, |http| {
        let text = configuration(http);
        text.lines().filter(alone).map(|line| format!("{line}\n")).collect()
    });
}
