//! The origin of a Worker: the server behind it, which its own hosts lead to, and which answers
//! when it throws.

use std::fs;
use std::path::PathBuf;

use crate::support::process::Isolde;
use crate::support::{scratch_folder, until};

/// Passes requests on, or throws, with or without leave to ask the origin.
const WORKER: &str = "export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith(\"/pass\")) ctx.passThroughOnException();
    if (searchParams.has(\"read\")) await request.text();
    if (searchParams.has(\"late\")) await scheduler.wait(1);
    if (searchParams.has(\"throw\")) throw new Error(\"thrown\");
    const url = searchParams.get(\"url\");
    try {
      return await fetch(url ?? request);
    } catch (error) {
      return new Response(error.message, { status: 299 });
    }
  },
};";

/// Says what it was asked.
const ORIGIN: &str = "export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const body = await request.text();
    if (pathname.includes(\"moved\")) return Response.redirect(\"http://elsewhere.example/\");
    const said = `${request.method} ${request.headers.get(\"host\")} ${pathname} ${body}`;
    return new Response(said, { status: 203 });
  },
};";

/// Leaves its requests to the origin.
const SCRIPT: &str = "addEventListener(\"fetch\", () => {});";

struct Node {
    folder: PathBuf,
    isolde: Isolde,
    origin: Isolde,
}

fn node(name: &str) -> Node {
    let folder = scratch_folder(name);
    fs::write(folder.join("origin.js"), ORIGIN).unwrap();
    let origin = Isolde::dev(&folder.join("origin.js"));
    fs::write(folder.join("worker.js"), WORKER).unwrap();
    fs::write(folder.join("script.js"), SCRIPT).unwrap();
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n\
         [[worker]]\nname = \"shop\"\npath = \"worker.js\"\n\
         hosts = [\"shop.example\", \"www.shop.example\"]\norigin = \"http://{}\"\n\
         [[worker]]\nname = \"script\"\npath = \"script.js\"\nhosts = [\"script.example\"]\n\
         origin = \"http://{}/\"\n\
         [[worker]]\nname = \"bare\"\npath = \"worker.js\"\nhosts = [\"bare.example\"]\n",
        origin.address, origin.address
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
    let isolde = Isolde::serve(&folder.join("isolde.toml"));
    Node { folder, isolde, origin }
}

impl Node {
    fn ask(&self, host: &str, target: &str) -> (u16, String) {
        let mut client = self.isolde.connect();
        let head = format!("POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\n\r\n");
        client.send(head.as_bytes());
        client.send(b"body");
        let response = client.response("POST");
        (response.status, response.text())
    }
}

#[test]
fn requests_to_its_own_hosts_go_to_the_origin() {
    let node = node("origin_hosts");
    let expected = (203, "POST shop.example /path body".to_owned());
    assert_eq!(node.ask("shop.example", "/path"), expected);
    let other = node.ask("shop.example", "/?url=http://www.shop.example:80/other");
    assert_eq!(other, (203, "GET www.shop.example /other ".to_owned()));
    // The origin's address itself is still private.
    let address = node.ask("shop.example", &format!("/?url=http://{}/", node.origin.address));
    assert_eq!(address.0, 299, "{}", address.1);
    assert!(address.1.starts_with("Refused by policy: "), "{}", address.1);
}

#[test]
fn what_throws_is_answered_by_the_origin() {
    let node = node("origin_throw");
    let expected = (203, "POST shop.example /pass body".to_owned());
    assert_eq!(node.ask("shop.example", "/pass?throw"), expected);
    assert_eq!(node.ask("shop.example", "/pass?throw&late"), expected);
    // The exception is told all the same.
    until("the exception", || {
        let told = |event: &serde_json::Value| event.to_string().contains("thrown");
        node.isolde.events().iter().any(told).then_some(())
    });
    // What the Worker has read cannot be sent again.
    assert_eq!(node.ask("shop.example", "/pass?throw&read").0, 500);
    assert_eq!(node.ask("shop.example", "/other?throw").0, 500);
    assert_eq!(node.ask("bare.example", "/pass?throw").0, 500);
}

#[test]
fn redirects_of_the_origin_are_its_answers() {
    let node = node("origin_redirects");
    assert_eq!(node.ask("shop.example", "/moved").0, 302);
    assert_eq!(node.ask("shop.example", "/pass-moved?throw").0, 302);
}

#[test]
fn what_a_script_does_not_answer_goes_to_the_origin() {
    let node = node("origin_script");
    let expected = (203, "POST script.example /path body".to_owned());
    assert_eq!(node.ask("script.example", "/path"), expected);
}

#[test]
fn a_reload_moves_hosts_from_the_origin_and_to_it() {
    let node = node("origin_reload");
    let fetch = |host: &str| node.ask("shop.example", &format!("/?url=http://{host}/x")).0;
    assert_eq!((fetch("www.shop.example"), fetch("new.shop.example")), (203, 299));
    let path = node.folder.join("isolde.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("www.shop.example", "new.shop.example")).unwrap();
    node.isolde.reload();
    until("the new host", || (fetch("new.shop.example") == 203).then_some(()));
    assert_eq!(fetch("www.shop.example"), 299);
}
