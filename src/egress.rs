//! Subrequests by way of crate `outbound`, in this process: what `isolde dev` uses.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use outbound::{BoxError, Fault, Outbound, OutboundError, OutboundOptions, Policy, Stamp, Tenant};
use runtime::{
    BodyError, Egress, EgressClient, EgressError, EgressFailure, EgressRequest, HOPS_LEFT, InBody,
    LocalFuture, OutBody, Worker,
};
use tokio::sync::mpsc;

/// Chunks of a response between the connection and the isolate.
const CHUNKS_MAX: usize = 4;

/// Subrequests of `isolde dev`: loopback addresses are allowed.
pub struct DevEgress(Arc<Outbound>);

impl DevEgress {
    /// An egress with the defaults, and loopback.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, OutboundError> {
        let options =
            OutboundOptions { policy: Policy::AllowLoopback, ..OutboundOptions::default() };
        Outbound::new(options).map(Self)
    }
}

impl Egress for DevEgress {
    fn client(&self, worker: &Worker) -> Rc<dyn EgressClient> {
        let tenant = Tenant { owner: worker.name.as_str().into(), stamp: Stamp::default() };
        Rc::new(DevClient(self.0.client(tenant)))
    }
}

struct DevClient(outbound::Client);

impl EgressClient for DevClient {
    fn send(&self, request: EgressRequest) -> LocalFuture<Result<Response<InBody>, EgressError>> {
        let client = self.0.clone();
        Box::pin(async move {
            let hops_left = HeaderValue::from(u16::from(request.hops_left));
            let stamp = Stamp::new(vec![(HOPS_LEFT, hops_left)]);
            let request = request.request.map(|body| body.map_err(BoxError::from));
            let response = client.send_stamped(request, &stamp).await;
            response.map(decoded).map_err(|error| egress_error(&error))
        })
    }
}

fn egress_error(error: &OutboundError) -> EgressError {
    let failure = EgressFailure {
        for_worker: error.client_message(),
        for_log: error.to_string(),
        may_retry: error.may_retry(),
    };
    match error.fault() {
        Fault::Caller => EgressError::Worker(failure),
        Fault::Origin => EgressError::Origin(failure),
        Fault::Platform => EgressError::Platform(failure),
        Fault::Policy => EgressError::Policy(failure),
    }
}

/// Undoes the content encoding, so that headers and body say the same.
fn decoded(response: Response<outbound::ResponseBody>) -> Response<InBody> {
    let (mut head, body) = response.into_parts();
    let encoding = head.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let encoding = encoding.unwrap_or_default().to_owned();
    let known = matches!(encoding.as_str(), "gzip" | "x-gzip" | "deflate" | "br");
    if known && !body.is_end_stream() {
        head.headers.remove(header::CONTENT_ENCODING);
        head.headers.remove(header::CONTENT_LENGTH);
    }
    if body.is_end_stream() {
        return Response::from_parts(head, Box::pin(OutBody::Empty));
    }
    let exact = if known { None } else { body.size_hint().exact() };
    let body = outbound::decode_body(body, if known { &encoding } else { "" });
    Response::from_parts(head, Box::pin(Piped::new(body, exact)))
}

/// A body read by a task of its own, because the connection's body stays on its thread and a
/// response may leave it.
struct Piped {
    chunks: mpsc::Receiver<Result<Bytes, BodyError>>,
    exact: Option<u64>,
}

impl Piped {
    fn new<B>(body: B, exact: Option<u64>) -> Self
    where
        B: Body<Data = Bytes> + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
        tokio::task::spawn_local(pipe(body, sender));
        Self { chunks, exact }
    }
}

async fn pipe<B>(mut body: B, sender: mpsc::Sender<Result<Bytes, BodyError>>)
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = sender.closed() => return,
        };
        let chunk = match frame {
            None => return,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => Ok(bytes),
                Err(_) => continue,
            },
            Some(Err(error)) => Err(BodyError::Aborted(error.to_string())),
        };
        let failed = chunk.is_err();
        if sender.send(chunk).await.is_err() || failed {
            return;
        }
    }
}

impl Body for Piped {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.chunks.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
