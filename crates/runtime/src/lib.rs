//! The main runtime process: front threads, isolate threads, and the path of a request through
//! them.
//!
//! A front thread accepts a connection, reads the first request's head, asks the [`Router`] for the
//! Worker, and hands the socket to the thread of an isolate that runs it. From then on the
//! connection's requests are served there, without a hop.
#![forbid(unsafe_code)]

mod counts;
mod egress;
mod event;
mod failure;
mod front;
mod http;
mod isolate;
mod limits;
mod placement;
mod rates;
mod running;
mod runtime;
mod services;
mod worker;

pub use crate::front::router::{Route, RouteError, RouteFuture, RouteRequest, RouteScope, Router};
pub use crate::http::body::{BodyError, InBody, OutBody};
pub use crate::http::flat_headers::HOPS_LEFT;
pub use crate::http::service_headers::{ENTRYPOINT, FAILURE};
pub use crate::http::transport::DetachedTransport;
pub use crate::http::upgrade::{Upgrade, UpgradedConnection};
pub use counts::WorkerCounts;
pub use egress::{
    Egress, EgressClient, EgressError, EgressFailure, EgressRequest, LocalFuture, NoEgress,
    RedirectMode, ServiceCall,
};
pub use failure::{Failure, Page};
pub use front::listener::PassedConnection;
pub use ingress::access::{AccessLog, AccessRecord, LoggedWorker};
pub use ingress::client_limits::ClientLimits;
pub use ingress::connections::ClientGuard;
pub use ingress::pace::MinimumRate;
pub use ingress::peer::{Peer, Protocol, Scheme, Tls};
pub use ingress::request_url::RequestUrl;
pub use placement::admission::{isolates_max, mappings_max};
pub use running::RunningTurns;
pub use runtime::{Handle, Report, Runtime, RuntimeError, RuntimeOptions, front_threads_default};
pub use services::{NoServices, ServiceFuture, ServicePlace, Services};
pub use worker::{Observer, Outcome, RequestRecord};

/// Parsers of bytes from outside, for the fuzz targets.
#[doc(hidden)]
pub mod fuzzing {
    use ingress::peer::Scheme;
    use ingress::request_url::UrlParser;

    /// The result of a front thread's parser for the beginning of a connection.
    pub fn first_head(bytes: &[u8]) -> Option<impl PartialEq + std::fmt::Debug> {
        crate::front::first_head::parse(bytes, &UrlParser::new(Scheme::Http))
    }

    /// The headers that these flat ones stand for, in flat form again.
    pub fn flat_headers(flat: &[u8]) -> Vec<u8> {
        let mut again = Vec::new();
        crate::http::flat_headers::append(&crate::http::flat_headers::parse(flat), &mut again);
        again
    }

    /// The text that JavaScript sees of flat headers.
    pub fn flat_text(flat: &[u8]) -> String {
        crate::http::flat_headers::to_text(flat.to_vec())
    }

    /// A response's body as JavaScript would read it.
    pub fn decoded_body(body: crate::InBody, content_encoding: &str) -> crate::InBody {
        let mut headers = http::HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_str(content_encoding) {
            headers.insert(http::header::CONTENT_ENCODING, value);
        }
        let codings = crate::http::decode::codings_of(&headers);
        let cpu = crate::http::decode::CpuBill::new(0, u64::MAX);
        let account = crate::http::decode::DecodeAccount::new(None, cpu);
        crate::http::decode::decoded(body, &codings, &account)
    }

    /// The URL of a request, and the URL that the standard's parser gives.
    pub fn request_url(host: &str, target: &str) -> (Option<String>, Option<String>) {
        let urls = UrlParser::new(Scheme::Http);
        // The first call remembers the host, the second uses what it remembers.
        let first = urls.parse(host, target);
        let second = urls.parse(host, target);
        assert_eq!(first, second);
        let url = second.map(|url| {
            let parts = [url.origin(), url.path()].concat();
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            assert_eq!(url.as_str(), parts + &query);
            assert!(url.authority().starts_with(url.hostname()) && !url.hostname().is_empty());
            url.as_str().to_owned()
        });
        (url, ingress::request_url::normalise(&format!("http://{host}{target}")))
    }
}
