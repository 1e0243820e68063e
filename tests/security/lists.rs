//! A Worker's own lists of what it may reach: they narrow what the node lets Workers reach.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use crate::support::process::Isolde;
use crate::support::{scratch_folder, until};

/// Says what a URL answers, or why it does not.
const WORKER: &str = "export default {
  async fetch(request) {
    try {
      const response = await fetch(new URL(request.url).searchParams.get(\"url\") ?? request);
      return new Response(await response.text(), { status: response.status });
    } catch (error) {
      return new Response(error.message, { status: 299 });
    }
  },
};";

/// Starts a server at all addresses of this machine that says `served`, or redirects to what is
/// behind a `?`; gives its port.
fn serve() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let mut head = [0; 10_000];
                // It keeps connections, so that some are there to be reused.
                while let Ok(read @ 1..) = stream.read(&mut head) {
                    let head = String::from_utf8_lossy(&head[..read]);
                    let target = head.split(' ').nth(1).unwrap_or_default();
                    let answer = match target.split_once('?') {
                        None => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nserved".to_owned(),
                        Some((_, url)) => format!(
                            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: {url}\r\n\r\n"
                        ),
                    };
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    port
}

struct Node {
    config: PathBuf,
    isolde: Isolde,
    port: u16,
}

/// A node that lets its Workers reach this machine, and these Workers by name, with what their
/// entries have besides.
fn node(name: &str, workers: &[(&str, &str)]) -> Node {
    let folder = scratch_folder(name);
    fs::write(folder.join("worker.js"), WORKER).unwrap();
    let port = serve();
    let mut text = "[listen]\nhttp = \"127.0.0.1:0\"\n".to_owned();
    text.push_str("[outbound]\nallow = [\"127.0.0.0/8\"]\n");
    for (name, more) in workers {
        let entry = format!(
            "[[worker]]\nname = \"{name}\"\npath = \"worker.js\"\n\
             hosts = [\"{name}.example\"]\n{more}\n"
        );
        text.push_str(&entry.replace("PORT", &port.to_string()));
    }
    let config = folder.join("isolde.toml");
    fs::write(&config, text).unwrap();
    Node { isolde: Isolde::serve(&config), config, port }
}

impl Node {
    /// What a Worker gets from a URL of the server, by its host.
    fn ask(&self, worker: &str, host: &str, path: &str) -> (u16, String) {
        let url = format!("http://{host}:{}{path}", self.port);
        let target = format!("/?url={}", url.replace('?', "%3F").replace('[', "%5B"));
        let response = self.isolde.get_from(&format!("{worker}.example"), &target);
        (response.status, response.text())
    }

    fn assert_served(&self, worker: &str, host: &str) {
        assert_eq!(self.ask(worker, host, "/"), (200, "served".to_owned()), "{worker}: {host}");
    }

    fn assert_refused(&self, worker: &str, host: &str, path: &str) {
        let (status, text) = self.ask(worker, host, path);
        assert_eq!(status, 299, "{worker}: {host}{path}: {text}");
        assert!(text.starts_with("Refused by policy: "), "{worker}: {host}{path}: {text}");
    }
}

/// Spellings of 127.0.0.1 that URLs have, or are made of.
const SPELLINGS: [&str; 5] =
    ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"];

#[test]
fn lists_narrow_what_a_worker_may_reach() {
    let node = node(
        "lists",
        &[
            ("free", ""),
            ("named", "[worker.outbound]\nallow = [\"localhost\", \"*.below.example\"]"),
            ("ranged", "[worker.outbound]\nallow = [\"127.0.0.1\"]"),
            ("denied", "[worker.outbound]\ndeny = [\"127.0.0.1\"]"),
            (
                "both",
                "[worker.outbound]\nallow = [\"localhost\", \"127.0.0.0/8\"]\n\
                      deny = [\"127.0.0.1/32\", \"*.localhost\"]",
            ),
            ("closed", "[worker.outbound]\nallow = []"),
            ("wide", "[worker.outbound]\nallow = [\"10.0.0.0/8\", \"0.0.0.0/0\", \"::/0\"]"),
            ("backed", "origin = \"http://127.0.0.1:PORT\"\n[worker.outbound]\nallow = []"),
        ],
    );
    for host in SPELLINGS {
        node.assert_served("free", host);
        node.assert_served("ranged", host);
        for worker in ["named", "denied", "both", "closed"] {
            node.assert_refused(worker, host, "/");
        }
    }
    for worker in ["free", "named", "ranged", "wide"] {
        node.assert_served(worker, "localhost");
        node.assert_served(worker, "LOCALHOST");
    }
    // What a name resolves to is judged as well.
    for worker in ["denied", "both", "closed"] {
        node.assert_refused(worker, "localhost", "/");
    }
    node.assert_served("denied", "127.0.0.2");
    node.assert_served("both", "127.0.0.2");
    node.assert_refused("ranged", "127.0.0.2", "/");
    node.assert_refused("both", "a.localhost", "/");
    // No name server is asked for what cannot be reached: this name is not there.
    node.assert_refused("closed", "nothing.invalid", "/");
    node.assert_refused("named", "below.example", "/");
    // Lists allow nothing that the node does not.
    for host in ["10.0.0.1", "192.168.1.1", "[::1]"] {
        let refused = node.ask("wide", host, "/");
        assert!(refused.1.ends_with("is not on the public Internet."), "{host}: {refused:?}");
    }
    // The origin is the operator's choice.
    let own = node.isolde.get_from("backed.example", "/");
    assert_eq!((own.status, own.text().as_str()), (200, "served"));
    node.assert_refused("backed", "127.0.0.1", "/");
}

#[test]
fn lists_hold_through_redirects() {
    let node = node(
        "lists_redirects",
        &[
            ("named", "[worker.outbound]\nallow = [\"localhost\"]"),
            ("denied", "[worker.outbound]\ndeny = [\"127.0.0.1\"]"),
        ],
    );
    let to = |host: &str| format!("/?http://{host}:{}/", node.port);
    assert_eq!(node.ask("named", "localhost", &to("LOCALHOST")), (200, "served".to_owned()));
    assert_eq!(node.ask("denied", "127.0.0.2", &to("127.0.0.3")), (200, "served".to_owned()));
    for host in SPELLINGS {
        node.assert_refused("named", "localhost", &to(host));
        node.assert_refused("denied", "127.0.0.2", &to(host));
    }
}

/// A new version with other lists uses no connection of the old one.
#[test]
fn a_reload_changes_lists() {
    let node = node("lists_reload", &[("shop", "[worker.outbound]\nallow = [\"localhost\"]")]);
    node.assert_served("shop", "localhost");
    node.assert_refused("shop", "127.0.0.2", "/");
    let text = fs::read_to_string(&node.config).unwrap();
    fs::write(&node.config, text.replace("[\"localhost\"]", "[\"127.0.0.2\"]")).unwrap();
    node.isolde.reload();
    until("the new list", || (node.ask("shop", "127.0.0.2", "/").0 == 200).then_some(()));
    node.assert_refused("shop", "localhost", "/");
}
