//! The inbound proxy: TLS and HTTP/2 for clients, what Workers learn of them, runtimes that end
//! behind it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::serve::kill;
use crate::support::http::{Connection, Response};
use crate::support::http2;
use crate::support::process::{Isolde, child, children};
use crate::support::requests::Request;
use crate::support::tls::Tunnel;
use crate::support::{repository, scratch_folder, until};

/// The configuration of two Workers of two cordons.
fn node(name: &str, listen: &str) -> PathBuf {
    let folder = scratch_folder(name);
    let worker = repository("tests/reliability/inbound/about.js");
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n{listen}\n\
         [[worker]]\nname = \"a\"\npath = {worker:?}\nhosts = [\"a.example\"]\n\
         [[worker]]\nname = \"b\"\npath = {worker:?}\nhosts = [\"b.example\"]\ntrust = \"paid\"\n"
    );
    let path = folder.join("isolde.toml");
    fs::write(&path, text).unwrap();
    path
}

const HTTPS: &str = "https = \"127.0.0.1:0\"";

/// Where the node serves TLS.
fn https(isolde: &Isolde) -> String {
    let ready = isolde.event("ready", |_| true);
    let url = ready["https"].as_str().expect("it serves https");
    url.strip_prefix("https://").expect("it is a URL").to_owned()
}

fn get(address: &str, host: &str, path: &str, more: &str) -> Response {
    let mut connection = Connection::open(address);
    let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{more}\r\n");
    connection.send(head.as_bytes());
    connection.response("GET")
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", response.excerpt()))
}

fn request(path: &str, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Request {
        method: "GET".to_owned(),
        target: path.to_owned(),
        headers: headers.collect(),
        ..Request::default()
    }
}

#[test]
fn a_worker_learns_of_its_client_what_the_client_cannot_forge() {
    let isolde = Isolde::serve(&node("inbound_client", HTTPS));
    let https = https(&isolde);
    let forged = "cf-connecting-ip: 192.0.2.9\r\nisolde-client: 192.0.2.9 HTTP/2 TLSv1.9 x\r\n";
    let http1 = Tunnel::open(&https, "a.example", "http/1.1");
    let said = json(&get(&http1.address, "A.example:443", "/", forged));
    assert_eq!(said["protocol"], "https:");
    assert_eq!(said["host"], "a.example");
    assert_eq!(said["address"], "127.0.0.1");
    assert_eq!(said["client"], Value::Null);
    assert_eq!(
        (&said["httpProtocol"], &said["tlsVersion"]),
        (&"HTTP/1.1".into(), &"TLSv1.3".into())
    );
    assert!(said["tlsCipher"].as_str().unwrap().starts_with("AEAD-"), "{said}");
    let http2 = Tunnel::open(&https, "b.example", "h2");
    let host = [("host", "b.example"), ("isolde-client", "192.0.2.9 HTTP/1.0  ")];
    let answers = http2::exchange(&http2.address, &[request("/", &host)]);
    let said = json(answers[0].as_ref().unwrap());
    assert_eq!(said["address"], "127.0.0.1");
    assert_eq!(said["httpProtocol"], "HTTP/2");
    // Plain HTTP goes the same way, for there are two runtimes.
    let said = json(&get(&isolde.address, "b.example", "/", forged));
    assert_eq!((&said["protocol"], &said["address"]), (&"http:".into(), &"127.0.0.1".into()));
    assert_eq!((&said["tlsVersion"], &said["client"]), (&Value::Null, &Value::Null));
    assert_eq!(get(&isolde.address, "c.example", "/", "").error_code(), Some(1042));
}

#[test]
fn cookies_of_http2_are_one_header() {
    let isolde = Isolde::serve(&node("inbound_cookies", HTTPS));
    let tunnel = Tunnel::open(&https(&isolde), "a.example", "h2");
    let host = ("host", "a.example");
    let requests = [request("/cookies", &[host, ("cookie", "a=1"), ("cookie", "b=2")])];
    let answers = http2::exchange(&tunnel.address, &requests);
    assert_eq!(answers[0].as_ref().unwrap().text(), "a=1; b=2");
}

#[test]
fn a_load_balancer_names_its_clients() {
    let isolde = Isolde::serve(&node("inbound_proxied", "proxy_protocol = true"));
    let asked = |header: &str| {
        let mut connection = Connection::open(&isolde.address);
        let request = format!("{header}GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
        connection.send(request.as_bytes());
        connection.try_response("GET").map(|response| json(&response)["address"].clone())
    };
    let header = "PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n";
    assert_eq!(asked(header), Some("2001:db8::7".into()));
    assert_eq!(asked("PROXY UNKNOWN\r\n"), Some(Value::Null));
    assert_eq!(asked(""), None, "nobody comes without a header");
}

#[test]
fn requests_of_a_runtime_that_is_killed_fail_with_1101_and_no_others() {
    let isolde = Isolde::serve(&node("inbound_killed", ""));
    let mut kept = isolde.connect();
    let ask = b"GET / HTTP/1.1\r\nhost: b.example\r\n\r\n";
    kept.send(ask);
    assert_eq!(json(&kept.response("GET"))["visits"], 1);
    let mut lost = isolde.connect();
    lost.send(b"GET /hang HTTP/1.1\r\nhost: a.example\r\n\r\n");
    let asked = |what: &str| json(&get(&isolde.address, "a.example", "/", ""))[what].clone();
    until("the hanging request", || (asked("waiting") == 1).then_some(()));
    // The first place is that of the first cordon.
    kill(&isolde, "runtime");
    let answer = lost.response("GET");
    assert_eq!((answer.status, answer.error_code()), (500, Some(1101)), "{}", answer.excerpt());
    // Requests meanwhile wait for the next process.
    assert_eq!(asked("visits"), 1);
    kept.send(ask);
    assert_eq!(json(&kept.response("GET"))["visits"], 2, "another cordon notices nothing");
    // The client's connection is still there: its next request is answered.
    lost.send(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(lost.response("GET").status, 200);
}

#[test]
fn a_second_cordon_takes_plain_http_from_the_runtime_without_a_lost_request() {
    let config = node("inbound_second", "");
    let two = fs::read_to_string(&config).unwrap();
    let one = two.replace("trust = \"paid\"\n", "");
    fs::write(&config, &one).unwrap();
    let isolde = Isolde::serve(&config);
    let mut kept = isolde.connect();
    let ask = b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";
    kept.send(ask);
    assert_eq!(json(&kept.response("GET"))["visits"], 1);
    let mut waits = isolde.connect();
    waits.send(b"GET /wait HTTP/1.1\r\nhost: b.example\r\n\r\n");
    let runtimes = || children(isolde.id(), "runtime").len();
    let reload = |text: &str, count: usize| {
        fs::write(&config, text).unwrap();
        let said = isolde.complaints().matches("reloaded: ").count();
        isolde.reload();
        until("the reload", || {
            assert_eq!(get(&isolde.address, "a.example", "/", "").status, 200);
            (isolde.complaints().matches("reloaded: ").count() > said).then_some(())
        });
        until("the processes", || (runtimes() == count).then_some(()));
    };
    reload(&two, 2);
    assert_eq!(json(&get(&isolde.address, "b.example", "/", ""))["visits"], 1, "it has moved");
    assert_eq!(json(&waits.response("GET"))["visits"], 1, "where it was it ends");
    kept.send(ask);
    assert_eq!(kept.response("GET").status, 200);
    reload(&one, 1);
    assert_eq!(get(&isolde.address, "b.example", "/", "").status, 200);
}

#[test]
fn certificates_are_reloaded() {
    let config = node("inbound_certificates", HTTPS);
    let folder = config.parent().unwrap();
    let text = fs::read_to_string(&config).unwrap();
    let configure = |name: &str| {
        let pem = inbound::certificates::self_signed(&[name.to_owned()]).unwrap();
        fs::write(folder.join("chain.pem"), &pem.chain).unwrap();
        fs::write(folder.join("key.pem"), &pem.private_key).unwrap();
    };
    configure("a.example");
    let certificate = "\n[[certificate]]\nchain = \"chain.pem\"\nkey = \"key.pem\"\n";
    fs::write(&config, format!("{text}{certificate}")).unwrap();
    let isolde = Isolde::serve(&config);
    let tunnel = Tunnel::open(&https(&isolde), "a.example", "http/1.1");
    assert_eq!(get(&tunnel.address, "a.example", "/", "").status, 200);
    let first = tunnel.certificate();
    configure("a.example");
    isolde.reload();
    until("the new certificate", || {
        assert_eq!(get(&tunnel.address, "a.example", "/", "").status, 200);
        (tunnel.certificate() != first).then_some(())
    });
    // A key that does not fit changes nothing.
    let second = tunnel.certificate();
    let other = inbound::certificates::self_signed(&["a.example".to_owned()]).unwrap();
    fs::write(folder.join("key.pem"), &other.private_key).unwrap();
    isolde.reload();
    until("the complaint", || {
        isolde.complaints().contains("the key is not the certificate's").then_some(())
    });
    assert_eq!(get(&tunnel.address, "a.example", "/", "").status, 200);
    assert_eq!(tunnel.certificate(), second);
}

#[test]
fn requests_in_flight_are_finished_before_the_end() {
    let mut isolde = Isolde::serve(&node("inbound_drain", ""));
    let mut client = isolde.connect();
    client.send(b"GET /wait HTTP/1.1\r\nhost: a.example\r\n\r\n");
    let waiting = || json(&get(&isolde.address, "a.example", "/", ""))["waiting"].clone();
    until("the waiting request", || (waiting() == 1).then_some(()));
    isolde.terminate();
    assert_eq!(client.response("GET").status, 200);
    assert!(isolde.wait().success());
}

#[test]
fn the_proxy_has_no_privileges() {
    let isolde = Isolde::serve(&node("inbound_privileges", HTTPS));
    assert_eq!(get(&isolde.address, "a.example", "/", "").status, 200);
    let inbound = child(isolde.id(), "inbound");
    let status = fs::read_to_string(format!("/proc/{inbound}/status")).unwrap();
    for line in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{status}");
    }
    assert!(!status.contains("\nUid:\t0\t"), "{status}");
}
