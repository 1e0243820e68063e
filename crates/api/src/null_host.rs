//! A host for the process that makes the snapshot: it takes answers and does nothing else.

use std::rc::Rc;

use isolate::{Resolver, Thrown};

use crate::host::{FetchRequest, Host, HostRef, RequestId, ResponseBody, ResponseHead, SinkWrite};

struct NullHost;

/// The host of an isolate that serves nobody.
pub fn null_host() -> HostRef {
    HostRef(Rc::new(NullHost))
}

impl Host for NullHost {
    fn console(&self, _: RequestId, _: &str, _: String) {}

    fn report_exception(&self, _: RequestId, exception: Thrown) {
        panic!("the warm-up failed: {exception}\n{}", exception.stack);
    }

    fn start_timer(&self, _: RequestId, _: u32, _: f64) {}

    fn cancel_timer(&self, _: u32) {}

    fn read_body(&self, _: RequestId, _: u32, _: Resolver) {}

    fn read_whole_body(&self, _: RequestId, _: u32, _: Resolver) {}

    fn cancel_body(&self, _: u32) {}

    fn new_sink(&self, _: RequestId) -> u32 {
        1
    }

    fn write_sink(&self, _: u32, _: Vec<u8>) -> SinkWrite {
        SinkWrite::Accepted
    }

    fn write_sink_later(&self, _: u32, _: bytes::Bytes, _: Resolver) {}

    fn close_sink(&self, _: u32) {}

    fn abort_sink(&self, _: u32, _: String) {}

    fn new_fetch_id(&self) -> u32 {
        1
    }

    fn fetch(&self, _: FetchRequest, _: Resolver) {}

    fn abort_fetch(&self, _: u32) {}

    fn respond(&self, _: RequestId, _: ResponseHead, _: ResponseBody) {}

    fn fail(&self, _: RequestId, exception: Thrown) {
        panic!("the warm-up failed: {exception}\n{}", exception.stack);
    }

    fn note_wait_until(&self, _: RequestId, _: bool) {}
}
