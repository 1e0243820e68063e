//! A Worker behind a proxy that terminates TLS: the connection is a UNIX socket, and the facts
//! about the client come from the proxy.

use runtime::{Peer, Protocol, Scheme, Tls};

use crate::lab::{Lab, body, exchange, worker};

const ECHO: &str = r#"
export default {
  async fetch(request) {
    const { url, cf } = request;
    const address = request.headers.get("cf-connecting-ip");
    return Response.json([url, address, cf, await request.text()]);
  },
};
"#;

fn behind_tls() -> Peer {
    Peer {
        address: Some("203.0.113.7".parse().expect("this is an address")),
        scheme: Scheme::Https,
        tls: Some(Tls {
            version: "TLSv1.3".to_owned(),
            cipher: "AEAD-AES128-GCM-SHA256".to_owned(),
        }),
        protocol: Some(Protocol::Http2),
    }
}

#[test]
fn a_worker_sees_the_facts_of_its_client() {
    let lab = Lab::new("facts", behind_tls());
    lab.router.set("worker.example", worker("echo", ECHO));
    let cf =
        r#"{"httpProtocol":"HTTP/2","tlsVersion":"TLSv1.3","tlsCipher":"AEAD-AES128-GCM-SHA256"}"#;
    let mut stream = lab.connect();
    for host in ["worker.example", "Worker.Example:443"] {
        let request = format!(
            "POST /a?b HTTP/1.1\r\nhost: {host}\r\ncf-connecting-ip: 1.2.3.4\r\n\
             content-length: 4\r\n\r\nbody"
        );
        let answer = exchange(&mut stream, &request);
        let seen = format!(r#"["https://worker.example/a?b","203.0.113.7",{cf},"body"]"#);
        assert_eq!(body(&answer), seen);
    }
    assert_eq!(lab.router.take_urls(), ["https://worker.example/a?b"], "the router sees the same");
}

#[test]
fn a_client_without_an_address() {
    let lab = Lab::new("no_address", Peer::default());
    lab.router.set("worker.example", worker("echo", ECHO));
    let answer = lab.ask(
        "GET / HTTP/1.1\r\nhost: worker.example\r\ncf-connecting-ip: 1.2.3.4\r\n\
         connection: close\r\n\r\n",
    );
    let cf = r#"{"httpProtocol":"HTTP/1.1"}"#;
    assert_eq!(body(&answer), format!(r#"["http://worker.example/",null,{cf},""]"#));
}
