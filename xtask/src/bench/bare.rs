//! A hyper server without a Worker, for the cost of HTTP alone. It has one thread, like an isolate.

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

type Body = Either<Full<Bytes>, Incoming>;

/// Serves on `port` of loopback until the process is ended.
pub fn serve(port: u16) -> ExitCode {
    match try_serve(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_serve(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                // A client that goes away is no news.
                let _ = connection.await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let full = |text: &'static str, kind: &'static str| {
        let mut response =
            Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    };
    Ok(match request.uri().path() {
        "/json" => full(super::workers::JSON, "application/json"),
        "/large" => Response::new(Either::Left(Full::new(Bytes::from_static(
            &[b'x'; super::workers::LARGE_BYTES],
        )))),
        "/echo" => {
            let length = request.headers().get("content-length").cloned();
            let body = request.into_body();
            let body: Body = match length {
                Some(_) => Either::Right(body),
                None => Either::Left(Full::new(
                    body.collect().await.map(|body| body.to_bytes()).unwrap_or_default(),
                )),
            };
            Response::new(body)
        }
        _ => full(super::workers::HELLO, "text/plain;charset=UTF-8"),
    })
}
