//! Tests of isolates that could not be made, or whose thread panicked.

use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use ingress::client_limits::ClientLimits;
use ingress::connections::ClientConnections;
use ingress::peer::Peer;
use scheduler::{Event, Fault, IsolateId};
use tokio::sync::mpsc;

use super::{EndGuard, IsolateHandle, IsolateStatus, give_back};
use crate::front::session::Session;
use crate::http::connection::Connection;
use crate::http::transport::DetachedTransport;
use crate::isolate::status::Reports;

const ISOLATE: IsolateId = IsolateId { index: 3, generation: 7 };

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Reports for Heard {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

fn placed() -> (Arc<Heard>, Arc<IsolateStatus>) {
    let (heard, status) = (Arc::new(Heard::default()), Arc::new(IsolateStatus::default()));
    let reports: Weak<Heard> = Arc::downgrade(&heard);
    status.place(reports, ISOLATE);
    (heard, status)
}

#[test]
fn an_isolate_that_could_not_be_made_hands_its_connections_back() {
    let (heard, status) = placed();
    let (commands, received) = mpsc::channel(4);
    let handle = IsolateHandle { commands, status: status.clone() };
    let (_client, stream) = UnixStream::pair().unwrap();
    let stream = DetachedTransport::Unix(stream);
    let guard = ClientConnections::new(1, 1).admit(None).expect("it is the first");
    let session = Session::new(Peer::default(), &ClientLimits::default(), guard, None);
    let (front, mut handed_back) = mpsc::channel(1);
    let read = Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n");
    let connection = Connection { stream, read: read.clone(), session, front };
    assert!(handle.hand_over(connection).is_ok());
    assert_eq!(status.gauge().work, 1);

    give_back(received, &status);
    let back = handed_back.try_recv().expect("the connection is given back");
    assert_eq!(back.connection.read, read);
    assert_eq!(status.gauge().work, 0, "it is not counted any more");
    assert!(!handle.is_usable());
    let failed = Event::StartFailed { isolate: ISOLATE, fault: Fault::Passing };
    assert_eq!(*heard.0.lock().unwrap(), [failed]);
}

#[test]
fn a_thread_that_panics_is_not_counted_any_more() {
    let (heard, status) = placed();
    let its_status = status.clone();
    let thread = std::thread::spawn(move || {
        let _end = EndGuard(its_status);
        panic!("an isolate that cannot be made");
    });
    assert!(thread.join().is_err());
    assert_eq!(*heard.0.lock().unwrap(), [Event::Ended { isolate: ISOLATE }]);
    assert!(status.ended.load(Relaxed) && status.closed.load(Relaxed));
    let handle = IsolateHandle { commands: mpsc::channel(1).0, status };
    // This would wait for a thread that never comes.
    handle.wait_until_made();
}
