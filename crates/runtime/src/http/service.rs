//! Requests of Workers for other Workers of this process, by way of service bindings: a request
//! goes to the other isolate's thread.

use std::sync::Arc;

use http::header::HOST;
use http::{HeaderValue, Response};
use ingress::request_url::RequestUrl;

use crate::egress::LocalFuture;
use crate::failure::Failure;
use crate::front::client::Client;
use crate::http::body::InBody;
use crate::http::flat_headers::HOPS_LEFT;
use crate::http::inbound::Inbound;
use crate::http::serve::RoutedRequest;
use crate::http::service_headers::told;
use crate::placement::dispatch::Dispatcher;
use crate::services::{Neighbours, ServiceRequest};
use crate::worker::Worker;

impl Neighbours for Dispatcher {
    fn ask(
        self: Arc<Self>,
        worker: Arc<Worker>,
        request: ServiceRequest,
    ) -> LocalFuture<Result<Response<InBody>, String>> {
        Box::pin(async move { ask(&self, &worker, request).await })
    }
}

async fn ask(
    dispatcher: &Arc<Dispatcher>,
    worker: &Arc<Worker>,
    service: ServiceRequest,
) -> Result<Response<InBody>, String> {
    let ServiceRequest { mut request, entrypoint, hops_left, peer } = service;
    let url = RequestUrl::of_serialised(request.uri().to_string())
        .ok_or_else(|| "Fetch API cannot load this URL.".to_owned())?;
    let host = HeaderValue::from_str(url.authority()).map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(HOPS_LEFT, HeaderValue::from(u16::from(hops_left)));
    let client = Client::of_worker(peer);
    let request = request.map(Inbound::of_worker);
    let request = RoutedRequest {
        request,
        url,
        client,
        entrypoint,
        fixed: true,
        is_service: true,
        access: None,
    };
    let response = dispatcher.hop(worker, request).await;
    match response.extensions().get::<Failure>() {
        Some(failure) => Err(told(failure)),
        None => Ok(response.map(|body| -> InBody { Box::pin(body) })),
    }
}
