//! Events of a process, and the effects that the scheduler asks for.

/// A deployed version of a Worker within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

/// The tenant that a Worker belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub u64);

/// An isolate with a Worker. The index is used again when the isolate has ended, with another
/// generation, so it can be the index of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsolateId {
    /// Place in the scheduler's table.
    pub index: u32,
    /// Distinguishes the isolates that had this place.
    pub generation: u32,
}

/// An event: input of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A connection or a request needs an isolate of this Worker. Answered by [`Effect::Serve`] or
    /// [`Effect::Refuse`] in the same step.
    Wanted {
        /// The Worker.
        worker: WorkerId,
        /// Its owner.
        owner: OwnerId,
    },
    /// A new version is to be tried in a fresh isolate. Nothing else is sent to that isolate before
    /// [`Event::Started`]. Answered like [`Event::Wanted`].
    TrialWanted {
        /// The Worker.
        worker: WorkerId,
        /// Its owner.
        owner: OwnerId,
    },
    /// The isolate has evaluated its Worker's global scope.
    Started {
        /// The isolate.
        isolate: IsolateId,
    },
    /// The isolate could not be made, or its Worker could not be started in it.
    StartFailed {
        /// The isolate.
        isolate: IsolateId,
        /// Why.
        fault: Fault,
    },
    /// The isolate takes no more work: it was terminated, or wants to be replaced.
    Closing {
        /// The isolate.
        isolate: IsolateId,
    },
    /// The isolate and its thread are gone.
    Ended {
        /// The isolate.
        isolate: IsolateId,
    },
    /// The isolate's thread runs code that no termination reaches.
    Stuck {
        /// The isolate.
        isolate: IsolateId,
    },
    /// There is a newer version of the Worker, or it was deleted.
    Retired {
        /// The Worker.
        worker: WorkerId,
    },
    /// Comes every second.
    Tick,
}

/// An effect: output of the scheduler. The caller carries effects out in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Take a fresh isolate and let it load this Worker. If that fails at once, send
    /// [`Event::StartFailed`] and [`Event::Ended`].
    Start {
        /// Its id from now on.
        isolate: IsolateId,
        /// The Worker that it loads.
        worker: WorkerId,
    },
    /// Send the connection or request of [`Event::Wanted`] to this isolate.
    Serve {
        /// The isolate.
        isolate: IsolateId,
    },
    /// There is no isolate for the connection or request of [`Event::Wanted`].
    Refuse(Refusal),
    /// Let the isolate keep its part of its connections and hand the others back: its Worker has
    /// this many isolates now.
    Share {
        /// The isolate.
        isolate: IsolateId,
        /// Isolates of its Worker.
        isolates: usize,
    },
    /// Drain the isolate: it finishes its requests in flight, then ends.
    Retire {
        /// The isolate.
        isolate: IsolateId,
    },
    /// Give up the isolate: its thread never ends, and its clients get no answer from it.
    Abandon {
        /// The isolate.
        isolate: IsolateId,
    },
}

/// Why a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// For a temporary reason: no thread, no file descriptor, no memory. Tried again after a
    /// back-off.
    Passing,
    /// By the Worker's own code. Not tried again.
    Own(Cause),
    /// The global scope of a trial threw an exception. The caller has reported it to the author.
    Threw,
}

/// Why a Worker is not started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its global scope used too much CPU time.
    Cpu,
    /// Its global scope used too much memory.
    Memory,
    /// It ran code that no termination reaches.
    Stuck,
}

/// Why there is no isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The Worker cannot be started because of its own code, until there is a new version.
    Failed(Cause),
    /// The last start failed for a temporary reason.
    BackOff {
        /// When it is tried again.
        until_ms: u64,
    },
    /// The process is full and the owner has its share.
    Full,
}
