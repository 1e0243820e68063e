//! The processes of a node: what the supervisor keeps of each, and how each is started.

use std::collections::BTreeMap;
use std::io;
use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::rc::Rc;
use std::time::Instant;

use program::{Cordon, Worker};
use rpc::channel::Channel;
use rpc::connection;
use rpc::doorway::Passage;
use rpc::inbound_capnp::directory;
use rpc::running::Table;
use rpc::supervisor_capnp::supervisor;
use sandbox::cgroup::Group;
use tokio::task::JoinHandle;

use crate::directory::{Directory, Registered};
use crate::groups::Groups;
use crate::handout::{Handout, Known, Node};
use crate::journal::Journals;
use crate::process::{self, Role};
use crate::vault::Key;
use crate::writer::Destination;

/// A process of the node that is started again when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seat {
    /// The outbound proxy.
    Outbound,
    /// The inbound proxy.
    Inbound,
    /// The runtime process of this place.
    Runtime(u32),
}

/// What all processes are started with.
pub struct Kit {
    /// The program whose roles are started.
    pub program: PathBuf,
    /// The value of the roles' `--sandbox`.
    pub sandbox: String,
    /// What limits the processes as a whole.
    pub groups: Groups,
    /// State that processes ask for.
    pub node: Rc<Node>,
    /// What the stamps of subrequests are made with.
    pub stamp_key: [u8; rpc::stamp::KEY_BYTES],
    /// Private addresses that subrequests may reach.
    pub allowed_ranges: Vec<String>,
    /// Public addresses that they may not reach.
    pub forbidden_ranges: Vec<String>,
    /// Where plain HTTP is served.
    pub http: TcpListener,
    /// Where HTTP over TLS is served.
    pub https: Option<TcpListener>,
    /// Whether clients come by way of a load balancer that speaks the PROXY protocol.
    pub proxy_protocol: bool,
    /// Reads what processes write.
    pub journals: Journals,
    /// Where the log of requests goes. If there is one, processes write them to their journals.
    pub access_log: Option<Destination>,
}

/// The processes that there are.
#[derive(Default)]
pub struct Children {
    /// The outbound proxy.
    pub outbound: Option<Outbound>,
    /// The inbound proxy.
    pub inbound: Option<Inbound>,
    /// The runtimes, by number. Numbers are not used again.
    pub places: BTreeMap<u32, Place>,
    /// Whether the inbound proxy takes clients of plain HTTP, or the only runtime itself.
    pub plain_by_inbound: bool,
}

/// The outbound proxy.
pub struct Outbound {
    pub(crate) child: Child,
    group: Group,
    /// Takes the channels of runtimes.
    pub(crate) control: Channel,
}

/// The inbound proxy.
pub struct Inbound {
    pub(crate) child: Child,
    group: Group,
    /// Takes the sockets of places.
    control: Channel,
    pub(crate) registered: Rc<Registered>,
    _calls: Calls,
}

/// Where a runtime process runs Workers of one cordon. Its socket outlives the process: what the
/// inbound proxy passes on meanwhile waits for the next one.
pub struct Place {
    /// The cordon.
    pub cordon: Cordon,
    /// When it was made.
    pub made: Instant,
    /// The end that the inbound proxy has.
    doorway: Channel,
    /// The end that the runtime has.
    its_doorway: OwnedFd,
    /// The Workers whose turns run.
    running: Table,
    pub(crate) runtime: Option<Runtime>,
}

/// A runtime process.
pub struct Runtime {
    pub(crate) child: Child,
    pub(crate) group: Group,
    /// The end of its channel that outbound has, too: it outlives an outbound process.
    relay: OwnedFd,
    pub(crate) known: Rc<Known>,
    _calls: Calls,
}

/// Answers the calls of a process. That ends with this value and not with the process alone: if the
/// first process of a jail is killed in its first moment, the one in the jail is left over, and
/// ends because nobody answers it.
struct Calls(JoinHandle<()>);

impl Drop for Calls {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Children {
    /// The process of a seat.
    pub fn child(&mut self, seat: Seat) -> Option<&mut Child> {
        match seat {
            Seat::Outbound => self.outbound.as_mut().map(|outbound| &mut outbound.child),
            Seat::Inbound => self.inbound.as_mut().map(|inbound| &mut inbound.child),
            Seat::Runtime(place) => {
                let runtime = self.places.get_mut(&place)?.runtime.as_mut()?;
                Some(&mut runtime.child)
            }
        }
    }

    /// The group of the process of a seat.
    pub fn group(&self, seat: Seat) -> Option<&Group> {
        match seat {
            Seat::Outbound => self.outbound.as_ref().map(|outbound| &outbound.group),
            Seat::Inbound => self.inbound.as_ref().map(|inbound| &inbound.group),
            Seat::Runtime(place) => Some(&self.places.get(&place)?.runtime.as_ref()?.group),
        }
    }

    /// The runtimes that run.
    pub fn runtimes(&self) -> impl Iterator<Item = &Runtime> {
        self.places.values().filter_map(|place| place.runtime.as_ref())
    }

    /// The process of a seat has ended.
    pub fn ended(&mut self, seat: Seat) {
        match seat {
            Seat::Outbound => self.outbound = None,
            Seat::Inbound => self.inbound = None,
            Seat::Runtime(place) => {
                if let Some(place) = self.places.get_mut(&place) {
                    place.runtime = None;
                }
            }
        }
    }

    /// Adds a place for a cordon, without a process; gives where connections of its process for
    /// other processes come out.
    ///
    /// # Errors
    /// When there is no descriptor for its socket.
    pub fn add_place(&mut self, number: u32, cordon: Cordon) -> io::Result<Channel> {
        let running = Table::new()?;
        let (doorway, its_doorway) = Channel::pair()?;
        let way_out = Channel::inherited(doorway.as_fd().try_clone_to_owned()?);
        let its_doorway = OwnedFd::from(its_doorway);
        if let Some(inbound) = &self.inbound {
            tell(&inbound.control, &number.to_le_bytes(), doorway.as_fd())?;
        }
        let made = Instant::now();
        let place = Place { cordon, made, doorway, its_doorway, running, runtime: None };
        self.places.insert(number, place);
        Ok(way_out)
    }

    /// Takes a place away; gives what there was.
    pub fn remove_place(&mut self, number: u32) -> Option<Place> {
        if let Some(inbound) = &self.inbound {
            // It only holds the socket a little longer if it does not hear.
            let _ = inbound.control.send(&number.to_le_bytes(), None);
        }
        self.places.remove(&number)
    }

    /// The runtimes have the Workers of other owners now.
    pub fn weigh(&mut self, kit: &Kit) {
        let vault = kit.node.vault.borrow();
        for place in self.places.values_mut() {
            if let Some(runtime) = &mut place.runtime {
                kit.groups.weigh(&mut runtime.group, vault.owners_in(&place.cordon));
            }
        }
    }

    /// Starts the process of a seat.
    ///
    /// # Errors
    /// When the system does not start it.
    pub fn start(&mut self, seat: Seat, kit: &Kit) -> io::Result<()> {
        match seat {
            Seat::Outbound => self.start_outbound(kit),
            Seat::Inbound => self.start_inbound(kit),
            Seat::Runtime(place) => self.start_runtime(place, kit),
        }
    }

    fn start_outbound(&mut self, kit: &Kit) -> io::Result<()> {
        let (control, far) = Channel::pair()?;
        let mut arguments = Vec::new();
        for (option, ranges) in
            [("--allow", &kit.allowed_ranges), ("--forbid", &kit.forbidden_ranges)]
        {
            arguments.extend(ranges.iter().flat_map(|range| [option.to_owned(), range.clone()]));
        }
        arguments.extend(kit.sandbox_arguments());
        let mut group = kit.groups.of_proxy("outbound");
        let mut child = process::start(&kit.program, Role::Outbound, &arguments, vec![far.into()])?;
        kit.groups.admit(&mut group, child.id());
        kit.journals.read(&mut child, "outbound", None);
        control.send(&kit.stamp_key, None)?;
        for runtime in self.runtimes() {
            control.send(b"runtime", Some(runtime.relay.as_fd()))?;
        }
        self.outbound = Some(Outbound { child, group, control });
        Ok(())
    }

    fn start_inbound(&mut self, kit: &Kit) -> io::Result<()> {
        let (near, far) = UnixStream::pair()?;
        let (control, its_control) = Channel::pair()?;
        let mut descriptors = vec![far.into(), its_control.into(), kit.http.try_clone()?.into()];
        let mut arguments = kit.sandbox_arguments().to_vec();
        if let Some(https) = &kit.https {
            descriptors.push(https.try_clone()?.into());
            arguments.push("--https".to_owned());
        }
        if kit.proxy_protocol {
            arguments.push("--proxy-protocol".to_owned());
        }
        if self.plain_by_inbound {
            arguments.push("--plain".to_owned());
        }
        if kit.access_log.is_some() {
            arguments.push("--log-requests".to_owned());
        }
        let mut group = kit.groups.of_proxy("inbound");
        let mut child = process::start(&kit.program, Role::Inbound, &arguments, descriptors)?;
        kit.groups.admit(&mut group, child.id());
        for (number, place) in &self.places {
            control.send(&number.to_le_bytes(), Some(place.doorway.as_fd()))?;
        }
        let registered = Rc::<Registered>::default();
        kit.journals.read(&mut child, "inbound", Some(registered.titles.clone()));
        let directory = Directory::new(kit.node.clone(), registered.clone());
        let directory: directory::Client = capnp_rpc::new_client(directory);
        let calls = answer(near, directory.client)?;
        self.inbound = Some(Inbound { child, group, control, registered, _calls: calls });
        Ok(())
    }

    fn start_runtime(&mut self, number: u32, kit: &Kit) -> io::Result<()> {
        let listens = !self.plain_by_inbound;
        let Some(place) = self.places.get_mut(&number) else { return Ok(()) };
        let (near, far) = UnixStream::pair()?;
        let (relay, its_relay) = Channel::pair()?;
        let relay = OwnedFd::from(relay);
        if let Some(outbound) = &self.outbound {
            tell(&outbound.control, b"runtime", relay.as_fd())?;
        }
        let running = place.running.as_fd().try_clone_to_owned()?;
        let doorway = place.its_doorway.try_clone()?;
        let mut descriptors = vec![far.into(), its_relay.into(), doorway, running];
        let mut arguments = kit.sandbox_arguments().to_vec();
        if listens {
            descriptors.push(kit.http.try_clone()?.into());
            arguments.push("--listen".to_owned());
        }
        if kit.access_log.is_some() {
            arguments.push("--log-requests".to_owned());
        }
        let owners = kit.node.vault.borrow().owners_in(&place.cordon);
        let mut group = kit.groups.of_runtime(number, owners);
        let mut child = process::start(&kit.program, Role::Runtime, &arguments, descriptors)?;
        kit.groups.admit(&mut group, child.id());
        let known = Rc::<Known>::default();
        kit.journals.read(&mut child, &place.name(), Some(known.titles.clone()));
        let handout = Handout::new(kit.node.clone(), place.cordon.clone(), known.clone());
        let handout: supervisor::Client = capnp_rpc::new_client(handout);
        let calls = answer(near, handout.client)?;
        place.runtime = Some(Runtime { child, group, relay, known, _calls: calls });
        Ok(())
    }
}

impl Place {
    /// What its process is called in messages.
    pub fn name(&self) -> String {
        if self.cordon == Cordon::shared() {
            return "runtime".to_owned();
        }
        format!("runtime of {}", self.cordon.as_str())
    }

    /// The numbers of the Workers whose turns ran when its process ended, as far as that can be
    /// believed: only of Workers that the process had.
    pub fn ran(&self, node: &Node) -> Vec<Worker> {
        let Some(runtime) = &self.runtime else { return Vec::new() };
        let mut numbers = self.running.read().unwrap_or_default();
        numbers.sort_unstable();
        numbers.dedup();
        let vault = node.vault.borrow();
        let given = numbers.into_iter().filter_map(|number| {
            let (key, program) = vault.numbered(number.checked_sub(1)?)?;
            runtime.known.was_given(&key).then(|| program.worker.clone())
        });
        given.collect()
    }

    /// Passes a connection on to its process. It may be lost: then it just ends.
    pub fn pass(&self, passage: Passage, socket: BorrowedFd<'_>) {
        let _ = self.doorway.send(&passage.to_bytes(), Some(socket));
    }

    /// Lets its process start a Worker before anybody asks for it. A hint may be lost.
    pub fn warm(&self, key: Key) {
        let hint = Passage::Warm { key }.to_bytes();
        let _ = self.doorway.send(&hint, None);
    }
}

/// Passes a socket to a process. One that has ended, which is not known yet, needs none: the next
/// one gets them all when it starts.
fn tell(control: &Channel, bytes: &[u8], socket: BorrowedFd<'_>) -> io::Result<()> {
    match control.send(bytes, Some(socket)) {
        Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset) => Ok(()),
        sent => sent,
    }
}

/// Answers the calls of a process, until it ends.
fn answer(socket: UnixStream, calls: capnp::capability::Client) -> io::Result<Calls> {
    socket.set_nonblocking(true)?;
    let connection = connection::serve(tokio::net::UnixStream::from_std(socket)?, calls);
    Ok(Calls(tokio::task::spawn_local(async move { drop(connection.await) })))
}

impl Kit {
    fn sandbox_arguments(&self) -> [String; 2] {
        ["--sandbox".to_owned(), self.sandbox.clone()]
    }
}
