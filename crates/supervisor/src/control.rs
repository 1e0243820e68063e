//! The control socket: answers with the status of the node.

use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use scheduler::suspicion::Standing;
use tokio::io::AsyncWriteExt;

use crate::children::Seat;
use crate::conduct::Judged;
use crate::status::{Counts, ProcessStatus, Status, WorkerStatus, usage, usage_of_one};
use crate::supervisor::Supervisor;

/// How long a process may take to say what it does, and a client to read it.
const ANSWER_MAX: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Answers everybody who connects, one after the other.
    pub(crate) async fn serve_control(self: Rc<Self>, listener: UnixListener) {
        let listener = match tokio::net::UnixListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return self.log.problem(&format!("there is no status: {error}")),
        };
        loop {
            let Ok((mut client, _)) = listener.accept().await else {
                tokio::time::sleep(ANSWER_MAX).await;
                continue;
            };
            let text = serde_json::to_string(&self.status().await).unwrap_or_default();
            let _ = tokio::time::timeout(ANSWER_MAX, client.write_all(text.as_bytes())).await;
        }
    }

    async fn status(&self) -> Status {
        let mut processes = vec![process("supervisor", Some(std::process::id()), 0)];
        for seat in self.seats() {
            processes.push(self.process_status(seat).await);
        }
        Status {
            uptime_s: self.started.elapsed().as_secs(),
            processes,
            workers: self.worker_statuses(),
        }
    }

    /// The seats that there are, in the order in which requests pass them.
    fn seats(&self) -> Vec<Seat> {
        let children = self.children.borrow();
        let inbound = children.inbound.as_ref().map(|_| Seat::Inbound);
        let runtimes = children.places.keys().map(|place| Seat::Runtime(*place));
        inbound.into_iter().chain(runtimes).chain([Seat::Outbound]).collect()
    }

    async fn process_status(&self, seat: Seat) -> ProcessStatus {
        let restarts = self.restarts.borrow().get(&seat).copied().unwrap_or(0);
        let pid = self.children.borrow_mut().child(seat).map(|child| child.id());
        let (memory_bytes_max, oom_kills) = self.memory_of(seat);
        let status = self.role_status(seat, pid, restarts).await;
        ProcessStatus { memory_bytes_max, oom_kills, ..status }
    }

    /// The memory that the process of a seat may use, and how often it has used more; of what is
    /// known.
    fn memory_of(&self, seat: Seat) -> (Option<u64>, Option<u64>) {
        let children = self.children.borrow();
        let Some(group) = children.group(seat) else { return (None, None) };
        let kills = self.oom_kills.borrow().get(&seat).copied().unwrap_or(0);
        (group.memory_bytes(), group.oom_kills().map(|_| kills))
    }

    async fn role_status(&self, seat: Seat, pid: Option<u32>, restarts: u32) -> ProcessStatus {
        match seat {
            Seat::Outbound => process("outbound", pid, restarts),
            Seat::Inbound => ProcessStatus {
                counts: self.inbound_counts().await.unwrap_or_default(),
                ..process("inbound", pid, restarts)
            },
            Seat::Runtime(place) => {
                let children = self.children.borrow();
                let place = children.places.get(&place);
                let known = place.and_then(|place| Some(&place.runtime.as_ref()?.known));
                let counts = known.map(|known| Counts {
                    isolates: Some(known.isolates.get().into()),
                    in_flight: Some(known.in_flight.get().into()),
                    ..Counts::default()
                });
                ProcessStatus {
                    cordon: place.map(|place| place.cordon.as_str().to_owned()),
                    counts: counts.unwrap_or_default(),
                    ..process("runtime", pid, restarts)
                }
            }
        }
    }

    async fn inbound_counts(&self) -> Result<Counts, Error> {
        let client = self.children.borrow().inbound.as_ref().and_then(|it| it.registered.client());
        let Some(client) = client else { return Ok(Counts::default()) };
        let asked = client.status_request().send().promise;
        let late = |_| Error::overloaded("it does not answer".to_owned());
        let answer = tokio::time::timeout(ANSWER_MAX, asked).await.map_err(late)??;
        let status = answer.get()?.get_status()?;
        Ok(Counts {
            connections: Some(status.get_connections().into()),
            in_flight: Some(status.get_in_flight().into()),
            requests: Some(status.get_requests()),
            refused: Some(status.get_refused()),
            shed: Some(status.get_shed()),
            lost: Some(status.get_lost()),
            ..Counts::default()
        })
    }

    fn worker_statuses(&self) -> Vec<WorkerStatus> {
        let conducts = self.kit.node.conducts.borrow();
        let status = |judged: Judged<'_>| {
            let standing = match judged.suspicion.standing() {
                Standing::Trusted => "trusted",
                Standing::Suspicious => "suspicious",
                Standing::Refused => "refused",
            };
            let deeds = judged.deeds;
            WorkerStatus {
                owner: judged.name.owner.clone(),
                name: judged.name.name.clone(),
                standing: standing.to_owned(),
                requests: deeds.requests,
                exceptions: deeds.exceptions,
                exceeded_cpu: deeds.exceeded_cpu,
                exceeded_memory: deeds.exceeded_memory,
                canceled: deeds.canceled,
                beyond_rate: deeds.beyond_rate,
                cpu_ms: deeds.cpu_us / 1_000,
            }
        };
        conducts.all().map(status).collect()
    }
}

/// What the system knows of a process.
fn process(role: &str, pid: Option<u32>, restarts: u32) -> ProcessStatus {
    let (memory_bytes, cpu_ms) = match role {
        // Its children are processes of their own.
        "supervisor" => usage_of_one(std::process::id()).unwrap_or_default(),
        _ => pid.map(usage).unwrap_or_default(),
    };
    let role = role.to_owned();
    ProcessStatus { role, pid, memory_bytes, cpu_ms, restarts, ..ProcessStatus::default() }
}
