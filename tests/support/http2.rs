//! HTTP/2 with prior knowledge: the same requests as over HTTP/1.1, and their responses in the same
//! form.

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;

use super::DEADLINE;
use super::http::Response;
use super::requests::Request;

/// Headers that only HTTP/1.1 has.
const OF_HTTP1: [&str; 3] = ["connection", "transfer-encoding", "host"];

/// Sends requests on one connection, in their order; those that go together at once. None stands
/// for a request that was reset.
pub fn exchange(address: &str, requests: &[Request]) -> Vec<Option<Response>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it is made");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let stream = TcpStream::connect(address).await.expect("isolde accepts connections");
        let (client, connection) = h2::client::handshake(stream).await.expect("it speaks HTTP/2");
        tokio::task::spawn_local(async move { drop(connection.await) });
        let (mut responses, mut together) = (Vec::new(), Vec::new());
        for request in requests {
            let message = message(address, request);
            let answer = answer(client.clone(), message, request.body.clone());
            together.push(tokio::task::spawn_local(answer));
            if !request.together {
                for answer in together.drain(..) {
                    let answer = tokio::time::timeout(DEADLINE, answer).await;
                    let answer = answer.expect("it answers in time").expect("no task panics");
                    responses.push(answer.ok());
                }
            }
        }
        responses
    })
}

/// The head of a request.
fn message(address: &str, request: &Request) -> http::Request<()> {
    let host = request.headers.iter().find(|(name, _)| name == "host");
    let host = host.map_or(address, |(_, host)| host);
    let uri = match request.target.starts_with('/') {
        true => format!("http://{host}{}", request.target),
        false => request.target.clone(),
    };
    let mut message = http::Request::builder().method(request.method.as_str()).uri(uri);
    for (name, value) in &request.headers {
        if !OF_HTTP1.contains(&name.as_str()) {
            message = message.header(name, value.as_bytes());
        }
    }
    message.body(()).expect("a request of a test is valid")
}

async fn answer(
    client: SendRequest<Bytes>,
    message: http::Request<()>,
    body: Vec<u8>,
) -> Result<Response, h2::Error> {
    let mut client = client.ready().await?;
    let (response, mut upload) = client.send_request(message, body.is_empty())?;
    if !body.is_empty() {
        upload.send_data(body.into(), true)?;
    }
    let (head, mut data) = response.await?.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut response = Response {
        status: head.status.as_u16(),
        reason: String::new(),
        headers: headers.collect(),
        body: Vec::new(),
        complete: true,
    };
    while let Some(part) = data.data().await {
        let Ok(part) = part else {
            response.complete = false;
            break;
        };
        data.flow_control().release_capacity(part.len())?;
        response.body.extend_from_slice(&part);
    }
    Ok(response)
}
