//! A host for the process that makes the snapshot: it takes answers and does nothing else.

use std::any::Any;
use std::rc::Rc;

use bytes::Bytes;
use isolate::{Resolver, Thrown};

use crate::event::EventId;
use crate::fetch::{Body, FetchRequest, SinkWrite};
use crate::host::{
    Background, Bodies, Console, Events, Host, Job, Natives, Sinks, Subrequests, Timers,
};
use crate::worker::ResponseHead;

struct NullHost;

/// The host of an isolate that serves nobody.
pub fn null_host() -> Host {
    let host = Rc::new(NullHost);
    Host {
        console: host.clone(),
        timers: host.clone(),
        bodies: host.clone(),
        sinks: host.clone(),
        subrequests: host.clone(),
        background: host.clone(),
        natives: host.clone(),
        events: host,
    }
}

impl Console for NullHost {
    fn message(&self, _: EventId, _: &str, _: String) {}

    fn exception(&self, _: EventId, exception: Thrown) {
        panic!("the warm-up failed: {exception}\n{}", exception.stack);
    }
}

impl Timers for NullHost {
    fn start(&self, _: EventId, _: u32, _: f64) -> u32 {
        0
    }

    fn cancel(&self, _: EventId, _: u32) {}
}

impl Background for NullHost {
    fn run(&self, _: EventId, _: Job, _: Resolver) {}
}

impl Bodies for NullHost {
    fn read(&self, _: EventId, _: u32, _: Resolver) {}

    fn read_all(&self, _: EventId, _: u32, _: Resolver) {}

    fn cancel(&self, _: EventId, _: u32) {}
}

impl Sinks for NullHost {
    fn open(&self, _: EventId) -> u32 {
        1
    }

    fn write(&self, _: EventId, _: u32, _: Vec<u8>) -> SinkWrite {
        SinkWrite::Accepted
    }

    fn write_later(&self, _: EventId, _: u32, _: Bytes, _: Resolver) {}

    fn close(&self, _: EventId, _: u32) {}

    fn abort(&self, _: EventId, _: u32, _: String) {}
}

impl Subrequests for NullHost {
    fn reserve(&self, _: EventId) -> u32 {
        1
    }

    fn start(&self, _: FetchRequest, _: Resolver) {}

    fn abort(&self, _: EventId, _: u32) {}

    fn has_origin(&self) -> bool {
        false
    }
}

impl Natives for NullHost {
    fn keep(&self, _: EventId, _: Box<dyn Any>) -> u32 {
        0
    }

    fn with(&self, _: EventId, _: u32, _: &mut dyn FnMut(&mut dyn Any)) -> bool {
        false
    }

    fn end(&self, _: EventId, _: u32) {}
}

impl Events for NullHost {
    fn respond(&self, _: EventId, _: ResponseHead, _: Body) {}

    fn fail(&self, _: EventId, exception: Thrown) {
        panic!("the warm-up failed: {exception}\n{}", exception.stack);
    }

    fn note_wait_until(&self, _: EventId, _: bool) {}
}
