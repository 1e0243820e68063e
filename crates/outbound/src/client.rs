//! One exchange: from a request to the head of its response, with at most one retry.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use program::Lists;
use rustls::ClientConfig;
use scheduler::share::Share;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::body::{Exchange, ResponseBody, UploadControl};
use crate::connect::connect;
use crate::connection::{Stream, Transport, open_h1, open_h2};
use crate::error::{BoxError, OutboundError};
use crate::head::{self, Head, Origin};
use crate::options::OutboundOptions;
use crate::policy::{Rules, is_blocked_port};
use crate::pool::{H1Lease, Lease, Pool, PoolOptions};
use crate::resolve::{Destination, Judges, resolve};
use crate::resolver::Resolver;
use crate::sockets::{SocketPermit, Sockets};
use crate::stamp::Stamp;
use crate::tls;

/// The outbound side of a process: settings, policy and trusted authorities.
pub struct Outbound {
    options: OutboundOptions,
    rules: Rules,
    resolver: Resolver,
    sockets: Arc<Sockets>,
    tls: ClientConfig,
}

impl Outbound {
    /// Reads the authorities and checks the settings.
    pub fn new(options: OutboundOptions) -> Result<Arc<Self>, OutboundError> {
        let maxima = [
            options.connections_per_host_max,
            options.addresses_max,
            options.look_ups_in_flight_max,
            options.look_ups_in_flight_per_owner_max,
            options.sockets_max,
            options.sockets_per_owner_max,
        ];
        if maxima.contains(&0) {
            let what = "a maximum of connections, sockets, addresses or look-ups is 0";
            return Err(OutboundError::BadOption(what));
        }
        if options.connections_per_host_max > tokio::sync::Semaphore::MAX_PERMITS {
            return Err(OutboundError::BadOption("connections_per_host_max is too large"));
        }
        let tls = tls::config(options.extra_ca_file.as_deref())?;
        let rules = Rules::new(
            options.policy,
            options.forbidden_ranges.clone(),
            options.allowed_ranges.clone(),
        );
        let resolver = Resolver::new(&options);
        let sockets = Sockets::new(Share {
            total_max: options.sockets_max,
            owner_max: options.sockets_per_owner_max,
        });
        Ok(Arc::new(Self { options, rules, resolver, sockets, tls }))
    }

    /// A client for one Worker isolate. Its connections are that Worker's alone.
    pub fn client(self: &Arc<Self>, tenant: Tenant) -> Client {
        let options = &self.options;
        let pool = Pool::new(PoolOptions {
            sockets: Arc::clone(&self.sockets),
            owner: Arc::clone(&tenant.owner),
            idle_max: Duration::from_millis(options.idle_ms_max),
            idle_connections_max: options.idle_connections_max,
            connections_per_host_max: options.connections_per_host_max,
        });
        let outbound = Arc::clone(self);
        Client { inner: Rc::new(Inner { outbound, pool, tenant, tls: OnceCell::new() }) }
    }
}

/// The tenant whose requests a client sends.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// The owner whose quotas are used.
    pub owner: Arc<str>,
    /// Headers that say where a request came from, on every request.
    pub stamp: Stamp,
    /// What its Worker may reach of what the policy lets pass. They hold for all connections of a
    /// client: other lists need another client.
    pub lists: Lists,
    /// Where all requests go, whatever their URLs say; those say what the server is asked for. It
    /// is the operator's choice, so neither the policy nor the lists judge it.
    pub origin: Option<Origin>,
}

/// Sends the subrequests of one Worker isolate, on that isolate's thread.
#[derive(Clone)]
pub struct Client {
    inner: Rc<Inner>,
}

struct Inner {
    outbound: Arc<Outbound>,
    pool: Rc<Pool>,
    tenant: Tenant,
    /// Made at the first use: many Workers never use TLS.
    tls: OnceCell<Arc<ClientConfig>>,
}

/// Why an attempt gave no response.
enum Failure {
    /// Another attempt would end the same way.
    Final(OutboundError),
    /// The connection was lost.
    Lost {
        source: hyper::Error,
        /// Nothing of the request went out.
        is_unsent: bool,
    },
}

impl Client {
    /// Sends a request with an absolute URL and gives the response when its head is there.
    ///
    /// Dropping the future ends the exchange: its HTTP/1 connection is closed, its HTTP/2 stream is
    /// reset. A request is sent a second time, on a new connection, when a connection from the pool
    /// turned out to be dead, none of the body has been read, and either nothing of the request had
    /// gone out or its method is idempotent.
    ///
    /// # Panics
    ///
    /// Outside a `LocalSet` or `LocalRuntime` of tokio.
    pub async fn send<B>(
        &self,
        request: Request<B>,
    ) -> Result<Response<ResponseBody>, OutboundError>
    where
        B: Body<Data = Bytes, Error = BoxError> + 'static,
    {
        self.send_stamped(request, &Stamp::default()).await
    }

    /// [`Client::send`] with a stamp for this request alone, beside the client's own.
    ///
    /// # Panics
    ///
    /// Outside a `LocalSet` or `LocalRuntime` of tokio.
    pub async fn send_stamped<B>(
        &self,
        request: Request<B>,
        stamp: &Stamp,
    ) -> Result<Response<ResponseBody>, OutboundError>
    where
        B: Body<Data = Bytes, Error = BoxError> + 'static,
    {
        let inner = &*self.inner;
        let (parts, body) = request.into_parts();
        let upload = UploadControl::new(body);
        let asked = Origin::of(&parts.uri)?;
        let head = Head::new(parts, &asked, upload.size_hint(), &[&inner.tenant.stamp, stamp])?;
        let origin = match &inner.tenant.origin {
            Some(origin) => Rc::new(origin.clone()),
            None if is_blocked_port(asked.port) => {
                return Err(OutboundError::BlockedPort { host: asked.host, port: asked.port });
            }
            None => Rc::new(asked),
        };
        let is_repeatable = head::is_idempotent(&head.method);

        let (mut lease, is_reused) = match inner.reuse(&origin, !is_repeatable).await {
            Ok(lease) => (lease, true),
            Err(slot) => (inner.open(&origin, slot).await?, false),
        };
        let second = is_reused.then(|| head.clone());
        let mut result = inner.attempt(&mut lease, head, &upload).await;
        if let (Err(Failure::Lost { is_unsent, .. }), Some(head)) = (&result, second)
            && (*is_unsent || is_repeatable)
            && upload.is_untouched()
        {
            drop(lease);
            let slot = inner.slot(&origin).await;
            lease = inner.open(&origin, slot).await?;
            result = inner.attempt(&mut lease, head, &upload).await;
        }
        let response = result.map_err(|failure| inner.error(failure, &upload, &origin))?;
        inner.accept(response, lease, upload, &origin)
    }
}

impl Inner {
    /// A connection that is open already, or else the right to open one. A `careful` caller cannot
    /// repeat its request. So it first lets the event loop read from an idle connection: the origin
    /// may have closed it while this thread was busy.
    async fn reuse(
        &self,
        origin: &Rc<Origin>,
        careful: bool,
    ) -> Result<Lease, OwnedSemaphorePermit> {
        if let Some(h2) = self.pool.shared(origin) {
            return Ok(Lease::H2(h2));
        }
        let slot = self.slot(origin).await;
        while let Some(connection) = self.pool.take_idle(origin) {
            if careful {
                tokio::task::yield_now().await;
            }
            if connection.sender.is_ready() {
                return Ok(Lease::H1(H1Lease { connection, origin: Rc::clone(origin), slot }));
            }
        }
        // Another request may have found out meanwhile that the origin speaks HTTP/2.
        self.pool.shared(origin).map(Lease::H2).ok_or(slot)
    }

    /// Waits until fewer connections to the host are in use than its maximum.
    async fn slot(&self, origin: &Rc<Origin>) -> OwnedSemaphorePermit {
        let slots = Arc::clone(&self.pool.host(origin).slots);
        slots.acquire_owned().await.expect("the semaphore of a host is never closed")
    }

    /// Opens a connection within the time limit.
    async fn open(
        &self,
        origin: &Rc<Origin>,
        slot: OwnedSemaphorePermit,
    ) -> Result<Lease, OutboundError> {
        let limit_ms = self.outbound.options.connect_timeout_ms;
        let late = |_| Err(OutboundError::ConnectTimeout { host: origin.host.clone(), limit_ms });
        let opened = timeout(Duration::from_millis(limit_ms), self.open_slowly(origin, slot)).await;
        opened.unwrap_or_else(late)
    }

    async fn open_slowly(
        &self,
        origin: &Rc<Origin>,
        slot: OwnedSemaphorePermit,
    ) -> Result<Lease, OutboundError> {
        let options = &self.outbound.options;
        let host = self.pool.host(origin);
        let may_be_h2 = origin.is_https && !host.speaks_h1.get();
        let _turn = if may_be_h2 { Some(host.opening.lock().await) } else { None };
        if may_be_h2 && let Some(h2) = self.pool.shared(origin) {
            return Ok(Lease::H2(h2));
        }
        let name = &origin.host;
        let to = Destination { owner: &self.tenant.owner, host: name, port: origin.port };
        let Outbound { resolver, rules, .. } = &*self.outbound;
        let judges = match self.tenant.origin {
            Some(_) => None,
            None => Some(Judges { rules, lists: &self.tenant.lists }),
        };
        let addresses = resolve(to, resolver, judges, options.addresses_max).await?;
        let permit = self.permit(name).await?;
        let address_timeout = Duration::from_millis(options.address_timeout_ms);
        let tcp = connect(name, &addresses, address_timeout).await?;
        let transport = if origin.is_https {
            let config = self.tls.get_or_init(|| tls::config_of_client(&self.outbound.tls));
            Transport::Tls(Box::new(tls::handshake(Arc::clone(config), name, tcp).await?))
        } else {
            Transport::Plain(tcp)
        };
        let stream = Stream::new(transport, permit);
        let failed = |source| OutboundError::Handshake { host: name.clone(), source };
        if stream.is_h2() {
            let h2 = open_h2(stream, options.response_head_bytes_max).await.map_err(failed)?;
            let h2 = Rc::new(h2);
            self.pool.share(Rc::clone(origin), Rc::clone(&h2));
            return Ok(Lease::H2(h2));
        }
        host.speaks_h1.set(true);
        let limits = (options.response_head_bytes_max, options.response_headers_max);
        let connection = open_h1(stream, limits.0, limits.1).await.map_err(failed)?;
        Ok(Lease::H1(H1Lease { connection, origin: Rc::clone(origin), slot }))
    }

    /// Waits for the right to one more socket.
    async fn permit(&self, host: &str) -> Result<SocketPermit, OutboundError> {
        let limit = Duration::from_millis(self.outbound.options.socket_wait_ms_max);
        let (sockets, owner) = (&self.outbound.sockets, &self.tenant.owner);
        timeout(limit, sockets.acquire(owner)).await.map_err(|_| OutboundError::TooManySockets {
            host: host.into(),
            is_own_fault: sockets.is_at_its_part(owner),
        })
    }

    /// Sends the request once.
    async fn attempt(
        &self,
        lease: &mut Lease,
        head: Head,
        upload: &UploadControl,
    ) -> Result<Response<Incoming>, Failure> {
        let result = match lease {
            Lease::H1(h1) => {
                let request = head.into_h1(upload.body());
                h1.connection.sender.try_send_request(request).await
            }
            Lease::H2(h2) => {
                let request = head.into_h2(upload.body()).map_err(Failure::Final)?;
                let result = h2.sender.clone().try_send_request(request).await;
                if result.is_err() {
                    self.pool.forget(h2);
                }
                result
            }
        };
        result.map_err(|error| {
            let is_unsent = error.message().is_some();
            Failure::Lost { source: error.into_error(), is_unsent }
        })
    }

    fn error(&self, failure: Failure, upload: &UploadControl, origin: &Origin) -> OutboundError {
        let source = match failure {
            Failure::Final(error) => return error,
            Failure::Lost { source, .. } => source,
        };
        if let Some(error) = upload.take_error() {
            return OutboundError::RequestBody(error);
        }
        if source.is_parse_too_large() {
            return self.head_too_large(origin);
        }
        OutboundError::Exchange { host: origin.host.clone(), source }
    }

    fn head_too_large(&self, origin: &Origin) -> OutboundError {
        let options = &self.outbound.options;
        OutboundError::HeadTooLarge {
            host: origin.host.clone(),
            bytes_max: options.response_head_bytes_max,
            headers_max: options.response_headers_max,
        }
    }

    /// Makes the caller's response out of hyper's.
    fn accept(
        &self,
        mut response: Response<Incoming>,
        lease: Lease,
        upload: UploadControl,
        origin: &Origin,
    ) -> Result<Response<ResponseBody>, OutboundError> {
        // hyper has counted the fields of HTTP/1, not those of HTTP/2.
        if response.headers().len() > self.outbound.options.response_headers_max {
            return Err(self.head_too_large(origin));
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(OutboundError::UnaskedUpgrade { host: origin.host.clone() });
        }
        head::clean_response_headers(response.headers_mut());
        let exchange = Exchange { lease, upload, pool: Rc::downgrade(&self.pool) };
        Ok(response.map(|incoming| ResponseBody::new(incoming, exchange)))
    }
}
