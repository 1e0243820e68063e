//! Jobs that are too long for a turn, such as making an RSA key, on threads that all isolates of
//! the process share.
//!
//! The threads are made when there is something to do, as many as there are processors, and go
//! after a while without work. They have the priority of an isolate whose turns are long. Owners
//! take turns, and one owner alone leaves a thread to the others. A job is paid for by its event;
//! one whose event has ended is not begun.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::EventId;
use api::host::Job;
use isolate::{ArrayBuffer, OpError, Resolver};
use program::Owner;
use tokio::sync::oneshot;

use crate::event::context::EventContext;
use crate::event::host::EventHost;
use crate::http::decode::CpuBill;

/// Most jobs of one owner that wait.
const OWNER_JOBS_MAX: usize = 256;
/// How long a thread waits for work.
const IDLE_SECONDS_MAX: u64 = 10;

/// What a job gave; nothing where it took more time than its event had left.
type Outcome = Option<Result<ArrayBuffer, OpError>>;

/// A job that waits for a thread.
struct Waiting {
    job: Job,
    bill: Arc<CpuBill>,
    done: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn run(self) {
        if self.done.is_closed() {
            return;
        }
        let before_ns = isolate::thread_cpu_ns();
        let work = std::panic::AssertUnwindSafe(self.job.work);
        let outcome = std::panic::catch_unwind(work);
        let outcome = outcome.unwrap_or_else(|_| Err(internal_error()));
        let used_ns = isolate::thread_cpu_ns().saturating_sub(before_ns);
        let _ = self.done.send(self.bill.add(used_ns).then_some(outcome));
    }
}

/// A job has panicked.
fn internal_error() -> OpError {
    OpError::error("internal error")
}

/// The jobs of all owners.
#[derive(Default)]
struct Jobs {
    /// By owner, the one whose turn it is first. No queue is empty.
    waiting: VecDeque<(Owner, VecDeque<Waiting>)>,
    /// How many run, by owner. No count is zero.
    running: HashMap<Owner, usize>,
    threads: usize,
    idle_threads: usize,
}

impl Jobs {
    /// Adds a job; whether the owner has not too many.
    fn push(&mut self, owner: &Owner, job: Waiting) -> bool {
        let Some((_, queue)) = self.waiting.iter_mut().find(|(known, _)| known == owner) else {
            self.waiting.push_back((owner.clone(), VecDeque::from([job])));
            return true;
        };
        if queue.len() >= OWNER_JOBS_MAX {
            return false;
        }
        queue.push_back(job);
        true
    }

    /// Takes the next job: of the first owner that has not `running_max` jobs running.
    fn take(&mut self, running_max: usize) -> Option<(Owner, Waiting)> {
        let may = |(owner, _): &(Owner, _)| {
            self.running.get(owner).is_none_or(|running| *running < running_max)
        };
        let place = self.waiting.iter().position(may)?;
        let (owner, mut queue) = self.waiting.remove(place)?;
        let job = queue.pop_front()?;
        if !queue.is_empty() {
            self.waiting.push_back((owner.clone(), queue));
        }
        *self.running.entry(owner.clone()).or_default() += 1;
        Some((owner, job))
    }

    fn finished(&mut self, owner: &Owner) {
        if let Some(running) = self.running.get_mut(owner) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(owner);
            }
        }
    }
}

/// Threads and their jobs.
struct Pool {
    jobs: Mutex<Jobs>,
    news: Condvar,
    threads_max: usize,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool {
    jobs: Mutex::default(),
    news: Condvar::new(),
    threads_max: std::thread::available_parallelism().map_or(1, usize::from),
});

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs of one owner that run at once.
    fn running_max(&self) -> usize {
        self.threads_max.saturating_sub(1).max(1)
    }

    /// Queues a job; whether there is room for it and a thread that will do it.
    fn submit(&'static self, owner: &Owner, job: Waiting) -> bool {
        let mut jobs = self.lock();
        if !jobs.push(owner, job) {
            return false;
        }
        if jobs.idle_threads == 0 && jobs.threads < self.threads_max {
            let builder = std::thread::Builder::new().name("background".to_owned());
            match builder.spawn(|| self.work()) {
                Ok(_) => jobs.threads += 1,
                // The threads that there are will come to it.
                Err(_) => return jobs.threads > 0,
            }
        }
        self.news.notify_one();
        true
    }

    /// What a thread does, until there is nothing to do for a while.
    fn work(&self) {
        isolate::lower_thread_priority();
        let mut jobs = self.lock();
        loop {
            if let Some((owner, job)) = jobs.take(self.running_max()) {
                drop(jobs);
                job.run();
                jobs = self.lock();
                jobs.finished(&owner);
                // Another job of this owner may run now.
                self.news.notify_one();
                continue;
            }
            jobs.idle_threads += 1;
            let patience = Duration::from_secs(IDLE_SECONDS_MAX);
            let (guard, waited) =
                self.news.wait_timeout(jobs, patience).unwrap_or_else(PoisonError::into_inner);
            jobs = guard;
            jobs.idle_threads -= 1;
            if waited.timed_out() && jobs.waiting.is_empty() {
                jobs.threads -= 1;
                return;
            }
        }
    }
}

impl api::host::Background for EventHost {
    fn run(&self, event: EventId, job: Job, resolver: Resolver) {
        let Some(context) = self.event(event) else { return };
        if context.cpu_ns_left() < job.cpu_ns_min {
            // Not before the turn that asks has ended.
            self.fail_later(&context);
            return;
        }
        let owner = self.worker().map_or_else(Owner::local, |worker| worker.owner.clone());
        let (done, outcome) = oneshot::channel();
        let is_taken = POOL.submit(&owner, Waiting { job, bill: context.bill(), done });
        let host = self.this();
        self.settle_later(event, resolver, async move {
            if !is_taken {
                let message = "Too many operations are under way.";
                return Err(OpError::dom_exception("OperationError", message));
            }
            let Some(outcome) = outcome.await.unwrap_or_else(|_| Some(Err(internal_error())))
            else {
                // Which ends this task, too: nothing is settled.
                host.exceed_cpu(&context);
                return std::future::pending().await;
            };
            outcome
        });
    }
}

impl EventHost {
    /// Fails an event that has too little CPU time left for a job.
    fn fail_later(&self, event: &Rc<EventContext>) {
        let (host, context) = (self.this(), event.clone());
        self.work_later(event, async move { host.exceed_cpu(&context) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(done: oneshot::Sender<Outcome>) -> Waiting {
        let work = Box::new(|| Ok(ArrayBuffer(vec![1])));
        Waiting { job: Job { cpu_ns_min: 0, work }, bill: CpuBill::new(0, u64::MAX), done }
    }

    fn push(jobs: &mut Jobs, owner: &Owner) -> bool {
        jobs.push(owner, waiting(oneshot::channel().0))
    }

    #[test]
    fn owners_take_turns() {
        let (greedy, modest) = (Owner::new("greedy"), Owner::new("modest"));
        let mut jobs = Jobs::default();
        for _ in 0..3 {
            assert!(push(&mut jobs, &greedy));
        }
        assert!(push(&mut jobs, &modest));
        let next = |jobs: &mut Jobs| jobs.take(2).map(|(owner, _)| owner);
        assert_eq!(next(&mut jobs), Some(greedy.clone()));
        assert_eq!(next(&mut jobs), Some(modest.clone()), "it need not wait for three");
        assert_eq!(next(&mut jobs), Some(greedy.clone()));
        assert_eq!(next(&mut jobs), None, "two of one owner run already");
        jobs.finished(&modest);
        assert_eq!(next(&mut jobs), None);
        jobs.finished(&greedy);
        assert_eq!(next(&mut jobs), Some(greedy.clone()));
        assert!(jobs.waiting.is_empty());
        jobs.finished(&greedy);
        jobs.finished(&greedy);
        assert!(jobs.running.is_empty());
    }

    #[test]
    fn an_owner_has_so_many_jobs() {
        let owner = Owner::local();
        let mut jobs = Jobs::default();
        for _ in 0..OWNER_JOBS_MAX {
            assert!(push(&mut jobs, &owner));
        }
        assert!(!push(&mut jobs, &owner));
        assert!(push(&mut jobs, &Owner::new("another")));
    }

    #[test]
    fn jobs_are_done_and_billed() {
        let (done, outcome) = oneshot::channel();
        let mut job = waiting(done);
        job.bill = CpuBill::new(0, 0);
        let bill = job.bill.clone();
        assert!(POOL.submit(&Owner::local(), job));
        assert_eq!(outcome.blocking_recv().unwrap(), None, "its event had no time left");
        assert!(bill.used_ns() > 0);
        let (done, outcome) = oneshot::channel();
        assert!(POOL.submit(&Owner::local(), waiting(done)));
        assert_eq!(outcome.blocking_recv().unwrap(), Some(Ok(ArrayBuffer(vec![1]))));
    }

    #[test]
    fn what_nobody_waits_for_is_not_begun() {
        let (done, outcome) = oneshot::channel();
        drop(outcome);
        let work = Box::new(|| -> Result<ArrayBuffer, OpError> { panic!("it must not run") });
        let bill = CpuBill::new(0, u64::MAX);
        Waiting { job: Job { cpu_ns_min: 0, work }, bill: bill.clone(), done }.run();
        assert_eq!(bill.used_ns(), 0);
    }

    #[test]
    fn a_panic_is_an_error_of_the_job() {
        let (done, outcome) = oneshot::channel();
        let work = Box::new(|| -> Result<ArrayBuffer, OpError> { panic!("a mistake") });
        let bill = CpuBill::new(0, u64::MAX);
        Waiting { job: Job { cpu_ns_min: 0, work }, bill, done }.run();
        assert_eq!(outcome.blocking_recv().unwrap(), Some(Err(internal_error())));
    }
}
