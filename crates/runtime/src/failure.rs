//! Failures of requests, and the platform's error page for each.

use isolate::{Condemned, Thrown};

use crate::rates::Beyond;
use crate::worker::Outcome;

/// Why a request has no response from its Worker.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The Worker threw, or its promise was rejected.
    #[error("{0}")]
    Exception(Thrown),
    /// Nothing is pending that could make it respond.
    #[error(
        "The Workers runtime canceled this request because it detected that your Worker's code \
         had hung and would never generate a response. Refer to: \
         https://developers.cloudflare.com/workers/observability/errors/"
    )]
    Hung,
    /// It used more CPU time than it may.
    #[error("Worker exceeded CPU time limit.")]
    ExceededCpu,
    /// It used more memory than it may.
    #[error("Worker exceeded memory limit.")]
    ExceededMemory,
    /// The isolate failed, and not because of the Worker.
    #[error("internal error")]
    Internal,
    /// The Worker could not be started.
    #[error("{0}")]
    Startup(Thrown),
    /// There is no Worker for this host and path.
    #[error("There is nothing here yet")]
    NoWorker,
    /// The Worker for this host and path could not be looked up.
    #[error("the Worker for this request cannot be looked up at the moment")]
    RouterUnavailable,
    /// Workers called one another too many times in a row.
    #[error("Too many Workers called one another for this request; is there a loop?")]
    Loop,
    /// The Worker takes no more requests of clients this minute.
    #[error("the Worker has had more requests in a minute than it may have")]
    RateLimited {
        /// In how many seconds it takes one again.
        retry_after_s: u32,
    },
    /// The Worker takes no more requests of clients this day.
    #[error("the Worker has had more requests today than it may have in a day")]
    DailyLimit {
        /// In how many seconds the next day begins.
        retry_after_s: u32,
    },
    /// Every isolate is busy.
    #[error("too many requests are waiting for this Worker")]
    Overloaded,
}

/// An error response.
#[derive(Debug, Clone)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// Value of `Retry-After`, in seconds.
    pub retry_after_s: Option<u32>,
}

impl Failure {
    /// The Worker did not start, with `message` in place of an exception.
    pub(crate) fn startup(message: &str) -> Self {
        Failure::Startup(Thrown::new("Error", message))
    }

    /// The global scope used too much CPU time.
    pub(crate) fn startup_cpu() -> Self {
        Self::startup("Script startup exceeded CPU time limit.")
    }

    /// The global scope used too much memory.
    pub(crate) fn startup_memory() -> Self {
        Self::startup("Script startup exceeded memory limits.")
    }

    /// Cloudflare's error code for it.
    pub fn code(&self) -> u16 {
        match self {
            Failure::Exception(_) | Failure::Hung | Failure::Startup(_) | Failure::Internal => 1101,
            Failure::ExceededCpu | Failure::ExceededMemory => 1102,
            Failure::NoWorker => 1042,
            Failure::RateLimited { .. } => 1015,
            Failure::Loop => 1019,
            Failure::DailyLimit { .. } => 1027,
            Failure::Overloaded | Failure::RouterUnavailable => 1105,
        }
    }

    /// The status of the response.
    pub fn status(&self) -> u16 {
        match self {
            Failure::Exception(_) | Failure::Hung | Failure::Startup(_) | Failure::Internal => 500,
            Failure::ExceededCpu
            | Failure::ExceededMemory
            | Failure::Overloaded
            | Failure::RouterUnavailable => 503,
            Failure::NoWorker => 404,
            Failure::RateLimited { .. } | Failure::DailyLimit { .. } => 429,
            Failure::Loop => 508,
        }
    }

    /// When to ask again, in seconds, if that is known.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Failure::RateLimited { retry_after_s } | Failure::DailyLimit { retry_after_s } => {
                Some(*retry_after_s)
            }
            _ => None,
        }
    }

    /// How a request that failed like this has ended.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Failure::ExceededCpu => Outcome::ExceededCpu,
            Failure::ExceededMemory => Outcome::ExceededMemory,
            Failure::Hung => Outcome::Hung,
            _ => Outcome::Exception,
        }
    }

    /// The page for clients: the code, and nothing of the Worker.
    pub fn page(&self) -> Page {
        Page {
            status: self.status(),
            content_type: "text/plain; charset=UTF-8",
            body: format!("error code: {}\n", self.code()),
            retry_after_s: self.retry_after_s(),
        }
    }
}

impl From<Beyond> for Failure {
    fn from(beyond: Beyond) -> Self {
        match beyond {
            Beyond::Minute { wait_s } => Failure::RateLimited { retry_after_s: wait_s },
            Beyond::Day { wait_s } => Failure::DailyLimit { retry_after_s: wait_s },
        }
    }
}

impl From<Condemned> for Failure {
    fn from(reason: Condemned) -> Self {
        match reason {
            Condemned::CpuExceeded => Failure::ExceededCpu,
            Condemned::MemoryExceeded => Failure::ExceededMemory,
            Condemned::Panicked => Failure::Internal,
        }
    }
}
