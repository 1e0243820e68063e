//! What all isolates of a process have around them.

use std::sync::Arc;

use crate::counts::Tallies;
use crate::egress::Egress;
use crate::rates::RequestRates;
use crate::running::RunningTurns;
use crate::services::Services;
use crate::worker::Observer;

/// What all isolates of a process have around them.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Makes the clients for subrequests.
    pub(crate) egress: Arc<dyn Egress>,
    /// Finds the Workers of service bindings.
    pub(crate) services: Arc<dyn Services>,
    /// Receives console output, exceptions and records of requests.
    pub(crate) observer: Arc<dyn Observer>,
    /// What Workers have done.
    pub(crate) tallies: Arc<Tallies>,
    /// How many requests come to Workers for which that is limited.
    pub(crate) rates: Arc<RequestRates>,
    /// The Workers whose turns run.
    pub(crate) running: Option<RunningTurns>,
}
