//! The outbound proxy's side of a connection from a runtime: each request on it is a subrequest of
//! one Worker, with its absolute URL as its target.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::ResponseBody;
use crate::client::Client;
use crate::error::{BoxError, Fault, OutboundError};
use crate::stamp::Stamp;

/// How a subrequest ended, in each answer to a runtime: `response`, or whose fault the failure is.
pub const OUTCOME: HeaderName = HeaderName::from_static("isolde-outcome");
/// How many more Workers may call one another, in each request of a runtime.
pub const HOPS: HeaderName = HeaderName::from_static("isolde-hops");
/// In a failure: the text for the operator's log. The one for the Worker is the body.
pub const LOG: HeaderName = HeaderName::from_static("isolde-log");
/// In a failure: the same subrequest may succeed a moment later.
pub const MAY_RETRY: HeaderName = HeaderName::from_static("isolde-may-retry");

/// Longest text for the log in bytes.
const LOG_BYTES_MAX: usize = 1 << 10;

type Answer = Response<Either<ResponseBody, Full<Bytes>>>;

/// The clients of a Worker.
#[derive(Clone)]
pub struct Clients {
    /// For the network.
    pub network: Client,
    /// For its origin, if it has one.
    pub origin: Option<OriginClient>,
}

/// The way to a Worker's origin.
#[derive(Clone)]
pub struct OriginClient {
    /// Sends all requests there.
    pub client: Client,
    /// The Worker's own hosts, in lower case: requests to these go there, and no others.
    pub hosts: Rc<[Arc<str>]>,
}

impl Clients {
    /// The client for a request. It is chosen here, for a runtime may say anything.
    fn of(&self, uri: &Uri) -> &Client {
        let host = uri.host().unwrap_or_default();
        let is_own =
            |origin: &&OriginClient| origin.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        self.origin.as_ref().filter(is_own).map_or(&self.network, |origin| &origin.client)
    }
}

/// Serves a connection of a runtime until either end closes it. `hops_header` is the header by
/// which the next server learns how many more Workers may call one another.
///
/// # Panics
/// Outside a `LocalSet` or `LocalRuntime` of tokio.
pub async fn serve<S>(clients: Clients, stream: S, hops_header: HeaderName)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let (clients, hops_header) = (clients.clone(), hops_header.clone());
        async move { Ok::<_, Infallible>(answer(&clients, request, &hops_header).await) }
    });
    // An error is the runtime's end, or the end of a body, which the runtime sees as well.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    clients: &Clients,
    mut request: Request<Incoming>,
    hops_header: &HeaderName,
) -> Answer {
    let client = clients.of(request.uri());
    let hops = request.headers_mut().remove(HOPS);
    let stamp = Stamp::new(hops.map(|hops| (hops_header.clone(), hops)).into_iter().collect());
    let request = request.map(|body| body.map_err(BoxError::from));
    match client.send_stamped(request, &stamp).await {
        Ok(mut response) => {
            let headers = response.headers_mut();
            headers.insert(OUTCOME, HeaderValue::from_static("response"));
            response.map(Either::Left)
        }
        Err(error) => failure(&error),
    }
}

/// A failure as an answer to the runtime.
fn failure(error: &OutboundError) -> Answer {
    let fault = match error.fault() {
        Fault::Caller => "caller",
        Fault::Origin => "origin",
        Fault::Platform => "platform",
        Fault::Policy => "policy",
    };
    let mut log = error.to_string();
    log.truncate(log.floor_char_boundary(LOG_BYTES_MAX));
    let mut response = Response::new(Either::Right(Full::from(error.client_message())));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    let headers = response.headers_mut();
    headers.insert(OUTCOME, HeaderValue::from_static(fault));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    if error.may_retry() {
        headers.insert(MAY_RETRY, HeaderValue::from_static("1"));
    }
    if let Ok(log) = HeaderValue::from_bytes(log.replace(['\r', '\n'], " ").as_bytes()) {
        headers.insert(LOG, log);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Outbound, Tenant};
    use crate::head::Origin;
    use crate::options::OutboundOptions;

    #[test]
    fn a_workers_own_hosts_lead_to_its_origin_and_nothing_else_does() {
        let outbound = Outbound::new(OutboundOptions::default()).unwrap();
        let origin = Origin::of(&"http://127.0.0.1:3000".parse().unwrap()).unwrap();
        let to_origin = Tenant { origin: Some(origin), ..Tenant::default() };
        let hosts: Rc<[Arc<str>]> = ["shop.example".into(), "[::1]".into()].into();
        let client = outbound.client(to_origin);
        let clients = Clients {
            network: outbound.client(Tenant::default()),
            origin: Some(OriginClient { client, hosts }),
        };
        let leads = |url: &str| {
            let client = clients.of(&url.parse().unwrap());
            !std::ptr::eq(client, &clients.network)
        };
        for own in ["http://shop.example/", "https://SHOP.example:99/a", "http://[::1]:3000/"] {
            assert!(leads(own), "{own}");
        }
        for other in [
            "http://127.0.0.1:3000/",
            "http://www.shop.example/",
            "http://shop.example.evil.example/",
            "http://shop.example@evil.example/",
            "http://shop.example./",
            "/shop.example",
        ] {
            assert!(!leads(other), "{other}");
        }
        let bare = Clients { origin: None, ..clients.clone() };
        assert!(std::ptr::eq(bare.of(&"http://shop.example/".parse().unwrap()), &bare.network));
    }
}
