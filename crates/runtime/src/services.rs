//! Service bindings: where the Workers are that other Workers of their owner ask.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use program::Service;

use crate::worker::Worker;

/// Where the Worker of a binding is.
#[derive(Debug, Clone)]
pub enum ServicePlace {
    /// In this process.
    Here(Arc<Worker>),
    /// In another process, which the egress finds by this address.
    Elsewhere(Arc<[u8]>),
}

/// An answer that may still be on its way. The error is for the Worker.
pub type ServiceFuture<'a> = Pin<Box<dyn Future<Output = Result<ServicePlace, String>> + 'a>>;

/// Finds the Workers of bindings. Asked for each request, so answers are remembered.
pub trait Services: Send + Sync {
    /// Where the Worker is that `service`, a binding of `caller`, names.
    fn find<'a>(&'a self, caller: &'a Worker, service: &'a Service) -> ServiceFuture<'a>;
}

/// Finds none: for processes with one Worker.
#[derive(Debug, Clone, Copy)]
pub struct NoServices;

impl Services for NoServices {
    fn find<'a>(&'a self, _: &'a Worker, service: &'a Service) -> ServiceFuture<'a> {
        let missing = format!(
            "The Worker \"{}\" of the service binding does not run here: `isolde serve` runs \
             several Workers.",
            service.worker
        );
        Box::pin(async { Err(missing) })
    }
}
