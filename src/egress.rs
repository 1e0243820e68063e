//! Subrequests of `isolde dev`, by crate `outbound` in this process.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use outbound::{BoxError, Fault, Outbound, OutboundError, OutboundOptions, Policy, Stamp, Tenant};
use program::Worker;
use runtime::{
    BodyError, Egress, EgressClient, EgressError, EgressFailure, EgressRequest, HOPS_LEFT, InBody,
    LocalFuture, OutBody,
};
use tokio::sync::mpsc;

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
        let tenant = Tenant { owner: worker.owner.as_str().into(), ..Tenant::default() };
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
            response.map(response_of).map_err(|error| egress_error(&error))
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

/// The response for the isolate, its body as it came.
fn response_of(response: Response<outbound::ResponseBody>) -> Response<InBody> {
    response.map(|body| -> InBody {
        if body.is_end_stream() { Box::pin(OutBody::Empty) } else { Box::pin(Piped::new(body)) }
    })
}

/// A body that is read by a task of its own: the connection's body must stay on its thread, while
/// the response may go to another one. Backpressure: a chunk is read only when it is asked for.
struct Piped {
    wanted: mpsc::Sender<()>,
    chunks: mpsc::Receiver<Result<Bytes, BodyError>>,
    /// Whether a chunk was asked for that has not come.
    is_asked: bool,
    /// Bytes that have not come yet, if the length is known.
    left: Option<u64>,
}

impl Piped {
    fn new(body: outbound::ResponseBody) -> Self {
        let left = body.size_hint().exact();
        let (sender, chunks) = mpsc::channel(1);
        let (wanted, asked) = mpsc::channel(1);
        tokio::task::spawn_local(pipe(body, asked, sender));
        Self { wanted, chunks, is_asked: false, left }
    }
}

async fn pipe(
    mut body: outbound::ResponseBody,
    mut wanted: mpsc::Receiver<()>,
    sender: mpsc::Sender<Result<Bytes, BodyError>>,
) {
    while wanted.recv().await.is_some() {
        let frame = tokio::select! {
            frame = next_data(&mut body) => frame,
            () = sender.closed() => return,
        };
        let Some(chunk) = frame else { return };
        let failed = chunk.is_err();
        if sender.send(chunk).await.is_err() || failed {
            return;
        }
    }
}

/// The next bytes of a body, trailers skipped.
async fn next_data(body: &mut outbound::ResponseBody) -> Option<Result<Bytes, BodyError>> {
    loop {
        match body.frame().await? {
            Ok(frame) => match frame.into_data() {
                Ok(bytes) => return Some(Ok(bytes)),
                Err(_) => continue,
            },
            Err(error) => return Some(Err(BodyError::Aborted(error.client_message()))),
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
        if !self.is_asked {
            // There is room, because one chunk is asked for at a time. If the task has ended, the
            // channel of chunks has ended, too.
            self.is_asked = self.wanted.try_send(()).is_ok();
        }
        let chunk = ready!(self.chunks.poll_recv(context));
        self.is_asked = false;
        if let (Some(Ok(bytes)), Some(left)) = (&chunk, self.left) {
            self.left = Some(left.saturating_sub(bytes.len() as u64));
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
