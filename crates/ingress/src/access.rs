//! The log of requests: a record for each request of a client, whatever became of it. It is given
//! out once, when nobody holds the request and nothing of its response is left to send.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

/// The header by which a runtime tells the inbound proxy how a Worker's request ended, see
/// [`End::tell`]. The proxy takes it off each response.
pub const END: HeaderName = HeaderName::from_static("isolde-end");
/// What stands for what is not known: the request could not be read.
pub const UNKNOWN: &str = "-";
/// The status of a request whose client has left before the response, as in nginx.
pub const CLIENT_LEFT: u16 = 499;

/// Outcomes: those of the platform's tail events, and below them what happens without a Worker.
const OUTCOMES: [&str; 9] = [
    "ok", "exception", "exceededCpu", "exceededMemory", "canceled", "hung",
    // It is malformed, too large, or for nobody.
    "refused",    // There is no room for it.
    "overloaded", // Its runtime has ended before it answered.
    "lost",
];

/// Takes the records. It is called where requests are served, so it must not wait for anything.
pub trait AccessLog: Send + Sync {
    /// A request is through.
    fn finished(&self, record: &AccessRecord);
}

/// A request that is through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRecord {
    /// The client's address, if it is known.
    pub client: Option<IpAddr>,
    /// The Worker, if it got so far.
    pub worker: Option<LoggedWorker>,
    /// The method, or [`UNKNOWN`].
    pub method: String,
    /// The URL. Of a request that was refused: its target, as far as it could be read.
    pub url: String,
    /// Status of the response; [`CLIENT_LEFT`] when there was nobody to have one.
    pub status: u16,
    /// Bytes of the response's body that went to the client.
    pub bytes: u64,
    /// From the request's head to the end of the response, in microseconds.
    pub wall_us: u64,
    /// CPU time of the Worker's turns up to the head of its response, in microseconds.
    pub cpu_us: u64,
    /// How it ended.
    pub outcome: &'static str,
}

/// The Worker of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedWorker {
    /// Its number in the node.
    pub number: u64,
    /// What its owner is called in this process. It serves to count for the owner.
    pub owner: Arc<str>,
}

/// How a Worker's part in a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// One of the platform's outcomes.
    pub outcome: &'static str,
    /// CPU time of the Worker's turns so far, in microseconds.
    pub cpu_us: u64,
}

impl End {
    /// A request whose runtime has ended.
    pub const LOST: End = End { outcome: "lost", cpu_us: 0 };
    /// A request for a Worker that may not run.
    pub const REFUSED: End = End { outcome: "refused", cpu_us: 0 };

    /// Tells it in the headers of a response, whatever the Worker has put there.
    pub fn tell(end: Option<Self>, headers: &mut HeaderMap) {
        headers.remove(END);
        if let Some(Self { outcome, cpu_us }) = end
            && let Ok(value) = HeaderValue::try_from(format!("{outcome} {cpu_us}"))
        {
            headers.insert(END, value);
        }
    }

    /// Takes it off the headers of a response, if a runtime has told it. The runtime may lie about
    /// its own Workers.
    pub fn take(headers: &mut HeaderMap) -> Option<Self> {
        let value = headers.remove(END)?;
        let (told, cpu_us) = value.to_str().ok()?.split_once(' ')?;
        let outcome = *OUTCOMES.iter().find(|outcome| **outcome == told)?;
        Some(Self { outcome, cpu_us: cpu_us.parse().ok()? })
    }
}

/// A request that is being answered. Whoever has a part in that holds it; the last one who lets go
/// of it ends the request.
pub struct Access {
    /// None where another process keeps the log.
    log: Option<Arc<dyn AccessLog>>,
    client: Option<IpAddr>,
    started: Instant,
    bytes: AtomicU64,
    facts: Mutex<Facts>,
}

/// What becomes known on the way.
struct Facts {
    method: String,
    url: String,
    worker: Option<LoggedWorker>,
    status: Option<u16>,
    end: Option<End>,
}

impl Access {
    /// A request begins. `target` stands for its URL until that is known.
    pub fn begin(
        log: Option<Arc<dyn AccessLog>>,
        client: Option<IpAddr>,
        method: &str,
        target: &str,
    ) -> Arc<Self> {
        let facts = Facts {
            method: method.to_owned(),
            url: target.to_owned(),
            worker: None,
            status: None,
            end: None,
        };
        let (started, bytes) = (Instant::now(), AtomicU64::new(0));
        Arc::new(Self { log, client, started, bytes, facts: Mutex::new(facts) })
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its URL has been read.
    pub fn set_url(&self, url: &str) {
        url.clone_into(&mut self.facts().url);
    }

    /// It has a Worker.
    pub fn set_worker(&self, number: u64, owner: &str) {
        self.facts().worker = Some(LoggedWorker { number, owner: owner.into() });
    }

    /// The Worker has had its part in it.
    pub fn set_end(&self, end: End) {
        self.facts().end = Some(end);
    }

    /// How the Worker's part ended, once it has.
    pub fn end(&self) -> Option<End> {
        self.facts().end
    }

    /// Its response begins.
    pub fn set_status(&self, status: StatusCode) {
        self.facts().status = Some(status.as_u16());
    }

    /// More of the response's body has gone out.
    pub fn add_bytes(&self, count: usize) {
        self.bytes.fetch_add(count as u64, Relaxed);
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Some(log) = self.log.take() else { return };
        let wall_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let facts = self.facts.get_mut().unwrap_or_else(PoisonError::into_inner);
        let outcome = match (facts.end, facts.status) {
            (Some(end), _) => end.outcome,
            (None, None) => "canceled",
            (None, Some(503)) => "overloaded",
            (None, Some(500)) => "exception",
            (None, Some(_)) => "refused",
        };
        log.finished(&AccessRecord {
            client: self.client,
            worker: facts.worker.take(),
            method: std::mem::take(&mut facts.method),
            url: std::mem::take(&mut facts.url),
            status: facts.status.unwrap_or(CLIENT_LEFT),
            bytes: self.bytes.load(Relaxed),
            wall_us,
            cpu_us: facts.end.map_or(0, |end| end.cpu_us),
            outcome,
        });
    }
}

/// A response whose body is counted for its request, which has its status now.
pub fn metered<B>(response: Response<B>, access: Option<Arc<Access>>) -> Response<Metered<B>> {
    if let Some(access) = &access {
        access.set_status(response.status());
    }
    response.map(|body| Metered::new(body, access))
}

/// A response's body, which is counted for its request where there is a log.
pub struct Metered<B> {
    body: B,
    access: Option<Arc<Access>>,
}

impl<B> Metered<B> {
    /// Counts a body.
    pub fn new(body: B, access: Option<Arc<Access>>) -> Self {
        Self { body, access }
    }

    /// The same count of another body that is made of this one.
    pub fn map<M>(self, change: impl FnOnce(B) -> M) -> Metered<M> {
        Metered { body: change(self.body), access: self.access }
    }
}

impl<B: From<Vec<u8>>> From<Vec<u8>> for Metered<B> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes.into(), None)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Metered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Some(access) = &self.access
            && let Poll::Ready(Some(Ok(frame))) = &polled
        {
            access.add_bytes(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<AccessRecord>>);

    impl AccessLog for Kept {
        fn finished(&self, record: &AccessRecord) {
            self.0.lock().unwrap().push(record.clone());
        }
    }

    fn begin(kept: &Arc<Kept>) -> Arc<Access> {
        let log: Arc<dyn AccessLog> = kept.clone();
        Access::begin(Some(log), None, "GET", "/raw")
    }

    #[test]
    fn a_request_is_told_of_once_by_the_last_who_holds_it() {
        let kept = Arc::<Kept>::default();
        let access = begin(&kept);
        let other = access.clone();
        access.set_url("http://a/");
        access.set_worker(7, "anna");
        access.set_end(End { outcome: "ok", cpu_us: 5 });
        access.set_status(StatusCode::ACCEPTED);
        drop(access);
        assert!(kept.0.lock().unwrap().is_empty());
        other.add_bytes(3);
        drop(other);
        let records = kept.0.lock().unwrap();
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!(record.worker, Some(LoggedWorker { number: 7, owner: "anna".into() }));
        assert_eq!((record.url.as_str(), record.status, record.bytes), ("http://a/", 202, 3));
        assert_eq!((record.cpu_us, record.outcome), (5, "ok"));
    }

    #[test]
    fn what_has_no_worker_has_an_outcome_all_the_same() {
        let kept = Arc::<Kept>::default();
        for (status, outcome) in [
            (None, "canceled"),
            (Some(StatusCode::NOT_FOUND), "refused"),
            (Some(StatusCode::SERVICE_UNAVAILABLE), "overloaded"),
            (Some(StatusCode::INTERNAL_SERVER_ERROR), "exception"),
        ] {
            let access = begin(&kept);
            status.into_iter().for_each(|status| access.set_status(status));
            drop(access);
            let record = kept.0.lock().unwrap().pop().unwrap();
            assert_eq!(record.outcome, outcome);
            assert_eq!(record.status, status.map_or(CLIENT_LEFT, |status| status.as_u16()));
        }
    }

    #[test]
    fn an_end_is_told_from_process_to_process_and_no_worker_tells_it() {
        let end = End { outcome: "exceededCpu", cpu_us: 12 };
        let mut headers = HeaderMap::new();
        headers.append(END, HeaderValue::from_static("ok 1"));
        headers.append(END, HeaderValue::from_static("ok 2"));
        End::tell(Some(end), &mut headers);
        assert_eq!(headers.get_all(END).iter().count(), 1);
        assert_eq!(End::take(&mut headers), Some(end));
        assert!(headers.is_empty());
        headers.append(END, HeaderValue::from_static("ok 1"));
        End::tell(None, &mut headers);
        assert!(headers.is_empty());
        for wrong in ["", "ok", "fine 1", "ok x", "ok -1"] {
            headers.insert(END, HeaderValue::from_static(wrong));
            assert_eq!(End::take(&mut headers), None, "{wrong:?}");
        }
    }
}
