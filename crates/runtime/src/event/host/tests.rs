//! Each capability is tried with the number of another event's resource: there is nothing of this
//! number for it, and the owner still has what it had.

use api::host::{Bodies, Sinks, Subrequests, Timers};
use api::{Body, SinkWrite};

use super::*;
use crate::event::bodies::OutgoingBody;
use crate::http::body::{InBody, OutBody, next_chunk};
use crate::http::received::ReceivedBody;
use crate::rates::RequestRates;
use crate::worker::RequestRecord;
use crate::{EgressError, NoEgress, NoServices};

struct Silent;

impl Observer for Silent {
    fn console(&self, _: &Worker, _: &str, _: &str) {}
    fn exception(&self, _: &Worker, _: &isolate::Thrown) {}
    fn subrequest_failed(&self, _: &Worker, _: &EgressError) {}
    fn request(&self, _: &Worker, _: &RequestRecord) {}
}

/// Runs a test with two events of one isolate: the owner's and another one.
fn with_two(test: impl AsyncFnOnce(Rc<EventHost>, Rc<EventContext>, EventId)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let host = EventHost::new(Surroundings {
            egress: Arc::new(NoEgress),
            services: Arc::new(NoServices),
            observer: Arc::new(Silent),
            tallies: Arc::default(),
            rates: RequestRates::new(),
            running: None,
        });
        let owner = host.begin(EventKind::Fetch { hops_left: 1 });
        let other = host.begin(EventKind::Fetch { hops_left: 1 });
        test(host, owner, other.id()).await;
    });
}

fn in_body(text: &'static str) -> InBody {
    Box::pin(OutBody::from(Bytes::from_static(text.as_bytes())))
}

#[test]
fn sinks_of_another_event() {
    with_two(async |host, owner, other| {
        let id = Sinks::open(&*host, owner.id());
        assert!(matches!(host.write(other, id, b"a".to_vec()), SinkWrite::Closed));
        Sinks::close(&*host, other, id);
        Sinks::abort(&*host, other, id, "stolen".to_owned());
        tokio::task::yield_now().await;
        let stolen = host.out_body(other, Body::Sink(id), b"");
        assert!(matches!(stolen, Some(OutgoingBody::Plain(OutBody::Empty))));
        host.reader_left(other, id).await;
        assert!(matches!(host.write(owner.id(), id, b"b".to_vec()), SinkWrite::Accepted));
        let own = host.out_body(owner.id(), Body::Sink(id), b"");
        let Some(OutgoingBody::Plain(body)) = own else { panic!("it is the owner's") };
        let mut body: InBody = Box::pin(body);
        Sinks::close(&*host, owner.id(), id);
        let first = next_chunk(&mut body).await;
        assert_eq!(first.unwrap().unwrap(), "b", "nothing else was written");
        assert!(next_chunk(&mut body).await.is_none(), "it ended well");
    });
}

#[test]
fn bodies_of_another_event() {
    with_two(async |host, owner, other| {
        let id = host.add_request_body(&owner, in_body("a secret"));
        Bodies::cancel(&*host, other, id);
        assert!(host.take_body(other, id).is_none());
        let stolen = host.out_body(other, Body::Native(id), b"");
        assert!(matches!(stolen, Some(OutgoingBody::Plain(OutBody::Empty))));
        assert!(host.take_body(owner.id(), id).is_some());
    });
}

#[test]
fn timers_of_another_event() {
    with_two(async |host, owner, other| {
        let id = Timers::start(&*host, owner.id(), 1, 60_000.0);
        Timers::cancel(&*host, other, id);
        assert_eq!(owner.pending.get(), 1, "it still waits");
        Timers::cancel(&*host, owner.id(), id);
        assert_eq!(owner.pending.get(), 0);
    });
}

#[test]
fn subrequests_and_tasks_of_another_event() {
    with_two(async |host, owner, other| {
        host.work_later(&owner, std::future::pending());
        let task = *owner.resources.borrow().last().unwrap();
        host.abort_task(other, task);
        Subrequests::abort(&*host, other, task);
        assert_eq!(owner.pending.get(), 1, "it still waits");
        host.abort_task(owner.id(), task);
        assert_eq!(owner.pending.get(), 0);
    });
}

/// Bodies that are decoded on their way elsewhere are paid for by their event, all together.
#[test]
fn decoding_on_the_way_is_billed() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&vec![b'x'; 1 << 20]).expect("into memory");
    let encoded = Bytes::from(encoder.finish().expect("into memory"));
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    with_two(async |host, owner, other| {
        let passing = || {
            let body = ReceivedBody::new(Box::pin(OutBody::from(encoded.clone())), &headers);
            match host.pass_on(owner.id(), body, b"") {
                OutgoingBody::Decoded(body) => body,
                _ => panic!("the new headers say nothing of gzip"),
            }
        };
        owner.note_turn(1_000, false);
        let (mut first, mut second) = (passing(), passing());
        while let Some(part) = next_chunk(&mut first).await {
            part.expect("there is time enough");
        }
        let used_ns = owner.cpu_ns();
        assert!(used_ns > 1_000, "{used_ns} ns: decoding costs something");
        assert_eq!(host.event(other).map(|other| other.cpu_ns()), Some(0), "for nobody else");
        // The Worker's own turns use up the rest.
        owner.note_turn(owner.cpu_ns_left(), false);
        let end = next_chunk(&mut second).await.expect("it breaks off");
        let end = end.expect_err("nothing is left of the event's time").to_string();
        assert_eq!(end, "Failed to decode the body: CPU time limit would be exceeded.");
    });
}
