//! Workers that take only so many requests of clients in a minute or a day. No test waits for time
//! to pass, and each would stand a minute or a midnight that passes by itself.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::suspects::worker;
use crate::support::http::Response;
use crate::support::process::Isolde;
use crate::support::{scratch_folder, until};

/// Says that it was asked, or what another one says.
const WORKER: &str = "export default {
  fetch: (request, env) => env.OTHER?.fetch(request) ?? new Response(\"worker\"),
};";

/// What the server behind a Worker says.
const ORIGIN: &str = "export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === \"/moved\") return Response.redirect(\"http://elsewhere.example/\");
    const said = `${request.method} ${request.headers.get(\"host\")} ${await request.text()}`;
    return new Response(said, { status: 203, headers: { \"x-origin\": pathname } });
  },
};";

fn node(name: &str, workers: &str) -> PathBuf {
    let folder = scratch_folder(name);
    fs::write(folder.join("worker.js"), WORKER).unwrap();
    let head = "[listen]\nhttp = \"127.0.0.1:0\"\ncontrol = \"control.sock\"\n\
                [log]\naccess = \"access.log\"\n";
    fs::write(folder.join("isolde.toml"), format!("{head}{workers}")).unwrap();
    folder.join("isolde.toml")
}

/// A Worker of the configuration, at `<name>.example`.
fn entry(name: &str, more: &str) -> String {
    format!(
        "[[worker]]\nname = \"{name}\"\npath = \"worker.js\"\nhosts = [\"{name}.example\"]\n\
         owner = \"anna\"\n{more}\n"
    )
}

/// Asks until a request is refused; gives how many were not, and the refusal.
fn until_refused(isolde: &Isolde, host: &str) -> (usize, Response) {
    let mut answered = 0;
    let refused = until("a refusal", || {
        let response = isolde.get_from(host, "/");
        if response.status == 429 {
            return Some(response);
        }
        assert_eq!((response.status, response.text().as_str()), (200, "worker"), "{host}");
        answered += 1;
        None
    });
    (answered, refused)
}

fn retry_after_s(refused: &Response) -> u32 {
    refused.header("retry-after").expect("it says when").parse().expect("a number of seconds")
}

/// The lines of the access log that say 429.
fn refusals(config: &Path) -> Vec<Value> {
    let log = fs::read_to_string(config.with_file_name("access.log")).unwrap_or_default();
    let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let lines = whole.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["status"] == 429).collect()
}

#[test]
fn a_minute_has_so_many_requests() {
    let limit = "[worker.limits]\nrequests_per_minute = 2";
    let config = node("rates_minute", &(entry("few", limit) + &entry("many", "")));
    let isolde = Isolde::serve(&config);
    let (answered, refused) = until_refused(&isolde, "few.example");
    assert!(answered >= 2, "{answered} were answered");
    assert_eq!(refused.error_code(), Some(1015), "{}", refused.excerpt());
    assert!((1..=30).contains(&retry_after_s(&refused)), "{:?}", refused.headers);
    assert_eq!(isolde.get_from("many.example", "/").text(), "worker", "others are as before");
    let line = until("a line", || refusals(&config).pop());
    assert_eq!((&line["outcome"], &line["worker"]), (&"refused".into(), &"few".into()), "{line}");
    let counts = until("its counts", || worker(&config, "few"));
    assert!(counts["requests"].as_u64() >= Some(2), "{counts}");
    until("the refusal to be counted", || {
        worker(&config, "few").filter(|few| few["beyond_rate"].as_u64() >= Some(1))
    });
}

/// Behind the inbound proxy, and with a service binding past the limit.
#[test]
fn a_day_has_so_many_requests_of_clients() {
    let limit = "[worker.limits]\nrequests_per_day = 3";
    let binding = "[worker.services]\nOTHER = \"few\"";
    let apart = format!("trust = \"apart\"\n{binding}");
    let workers = [entry("few", limit), entry("front", binding), entry("far", &apart)].concat();
    let config = node("rates_day", &workers);
    let isolde = Isolde::serve(&config);
    for host in ["front.example", "far.example"] {
        for _ in 0..5 {
            assert_eq!(isolde.get_from(host, "/").text(), "worker", "{host} before");
        }
    }
    let (answered, refused) = until_refused(&isolde, "few.example");
    // Twice as many where a new day has begun meanwhile.
    assert!((3..=6).contains(&answered), "{answered} were answered");
    assert_eq!(refused.error_code(), Some(1027), "{}", refused.excerpt());
    assert!((1..=86_400).contains(&retry_after_s(&refused)), "{:?}", refused.headers);
    for host in ["front.example", "far.example"] {
        assert_eq!(isolde.get_from(host, "/").text(), "worker", "{host} asks for no client");
    }
    let line = until("a line", || refusals(&config).pop());
    assert_eq!((&line["outcome"], &line["worker"]), (&"refused".into(), &"few".into()), "{line}");
}

#[test]
fn what_is_beyond_a_day_goes_to_the_origin_where_that_is_wanted() {
    let folder = scratch_folder("rates_origin");
    fs::write(folder.join("origin.js"), ORIGIN).unwrap();
    let origin = Isolde::dev(&folder.join("origin.js"));
    let limit = "[worker.limits]\nrequests_per_day = 1";
    let origin_of = format!("origin = \"http://{}\"\n", origin.address);
    let open = entry("open", &format!("{origin_of}fail_open = true\n{limit}"));
    let closed = entry("closed", &format!("{origin_of}{limit}"));
    let isolde = Isolde::serve(&node("rates_open", &(open + &closed)));
    let ask = |method: &str, target: &str| {
        let mut client = isolde.connect();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: open.example\r\n");
        match method {
            "POST" => client.send(format!("{head}content-length: 4\r\n\r\nbody").as_bytes()),
            _ => client.send(format!("{head}\r\n").as_bytes()),
        }
        client.response(method)
    };
    assert_eq!(ask("GET", "/").text(), "worker");
    let passed = until("the origin", || Some(ask("POST", "/a?b")).filter(|it| it.status != 200));
    assert_eq!((passed.status, passed.text().as_str()), (203, "POST open.example body"));
    assert_eq!(passed.header("x-origin"), Some("/a"));
    assert_eq!(ask("GET", "/b").text(), "GET open.example ");
    assert_eq!(ask("HEAD", "/c").header("x-origin"), Some("/c"));
    assert_eq!(ask("GET", "/moved").status, 302, "its redirects are its answers");
    let (_, refused) = until_refused(&isolde, "closed.example");
    assert_eq!(refused.error_code(), Some(1027));
    drop(origin);
    let refused = until("the origin to be gone", || {
        Some(ask("GET", "/")).filter(|response| response.status == 429)
    });
    assert_eq!(refused.error_code(), Some(1027), "{}", refused.excerpt());
}
