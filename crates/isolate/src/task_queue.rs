//! Tasks that V8 has posted for an isolate, until its own thread runs them in a turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Most tasks that one turn runs; the rest waits for the next turn.
const TASKS_PER_TURN_MAX: usize = 64;

/// Tasks that wait for one isolate's thread.
#[derive(Default)]
pub(crate) struct TaskQueue {
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Tasks {
    ready: VecDeque<v8::Task>,
    delayed: Vec<(Instant, v8::Task)>,
    closed: bool,
    /// Whether something has changed since [`TaskPosts::poll`] was last ready.
    changed: bool,
    /// The task that waits for a change.
    waker: Option<Waker>,
}

impl TaskQueue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the tasks that are due.
    pub(crate) fn take_due(&self, now: Instant) -> Vec<v8::Task> {
        let mut tasks = self.lock();
        let mut index = 0;
        while index < tasks.delayed.len() {
            if tasks.delayed[index].0 <= now {
                let (_, task) = tasks.delayed.swap_remove(index);
                tasks.ready.push_back(task);
            } else {
                index += 1;
            }
        }
        let count = tasks.ready.len().min(TASKS_PER_TURN_MAX);
        tasks.ready.drain(..count).collect()
    }

    /// Whether a task is due.
    pub(crate) fn has_due(&self, now: Instant) -> bool {
        let tasks = self.lock();
        !tasks.ready.is_empty() || tasks.delayed.iter().any(|(due, _)| *due <= now)
    }

    /// When the next task is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let tasks = self.lock();
        if !tasks.ready.is_empty() {
            return Some(Instant::now());
        }
        tasks.delayed.iter().map(|(due, _)| *due).min()
    }

    pub(crate) fn push(&self, task: v8::Task, delay: Option<f64>) {
        let mut tasks = self.lock();
        if tasks.closed {
            return;
        }
        match delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(delay) if !delay.is_zero() => tasks.delayed.push((Instant::now() + delay, task)),
            _ => tasks.ready.push_back(task),
        }
        drop(tasks);
        self.wake();
    }

    /// Wakes the isolate's thread, so that it checks for due tasks.
    pub(crate) fn wake(&self) {
        let mut tasks = self.lock();
        tasks.changed = true;
        let waker = tasks.waker.take();
        drop(tasks);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Drops all tasks, and those that are posted later: the isolate is about to be dropped.
    pub(crate) fn close(&self) {
        let mut tasks = self.lock();
        tasks.closed = true;
        tasks.ready.clear();
        tasks.delayed.clear();
        drop(tasks);
        self.wake();
    }
}

/// Signals a change of an isolate's tasks: [`Isolate::task_posts`](crate::Isolate::task_posts).
pub struct TaskPosts(Arc<TaskQueue>);

impl TaskPosts {
    pub(crate) fn of(tasks: &Arc<TaskQueue>) -> Self {
        Self(tasks.clone())
    }

    /// Ready when a task was posted, or the isolate has ended, since it was ready last. One waker
    /// is kept, that of the last call.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut tasks = self.0.lock();
        if std::mem::take(&mut tasks.changed) {
            return Poll::Ready(());
        }
        tasks.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
