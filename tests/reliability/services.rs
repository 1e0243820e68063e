//! Service bindings: Workers of one owner that ask one another, in one process and in two.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::process::Isolde;
use crate::support::scratch_folder;
use crate::support::until;

/// Asks the Worker of a binding, and says what it got.
const FRONT: &str = "export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const binding = env[searchParams.get(\"binding\")];
    const url = searchParams.get(\"url\") ?? \"https://any.example/path?query\";
    try {
      const { method } = request;
      const sent = method === \"POST\" ? request.body : undefined;
      const headers = { \"x-own\": \"yes\" };
      const response = await binding.fetch(url, { method, headers, body: sent });
      const { body, status } = response;
      const said = response.headers.get(\"x-said\");
      return new Response(body, { status, headers: { \"x-said\": said } });
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 299 });
    }
  },
};";

/// Says what it was asked, throws, or asks itself by way of another.
const BACK: &str = "import { WorkerEntrypoint } from \"cloudflare:workers\";
let count = 0;
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === \"/throw\") throw new RangeError(\"out of bounds\");
    if (pathname === \"/count\") return new Response(`${++count}`);
    if (pathname === \"/loop\") return env.SELF.fetch(request);
    if (pathname === \"/redirect\") return Response.redirect(\"https://any.example/count\", 302);
    const own = request.headers.get(\"x-own\");
    const text = request.method === \"POST\" ? await request.text() : \"\";
    return new Response(`${request.method} ${request.url} ${own} ${text.length}`, {
      status: 201, headers: { \"x-said\": \"back\" },
    });
  },
};
export class Admin extends WorkerEntrypoint {
  fetch(request) {
    return new Response(`admin ${request.url}`);
  }
}";

/// Where the Worker that is asked runs.
#[derive(Clone, Copy)]
enum Back {
    /// In the process of the one that asks.
    Beside,
    /// In another one.
    Apart,
}

fn configure(folder: &Path, back: Back, more: &str) {
    let trust = match back {
        Back::Beside => "",
        Back::Apart => "trust = \"apart\"\n",
    };
    let text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\n\
         [[worker]]\nname = \"front\"\npath = \"front\"\nhosts = [\"front.example\"]\n\
         owner = \"anna\"\n\
         [worker.services]\nADMIN = {{ worker = \"back\", entrypoint = \"Admin\" }}\n\
         [[worker]]\nname = \"back\"\npath = \"back.js\"\nhosts = [\"back.example\"]\n\
         owner = \"anna\"\n{trust}\
         [worker.services]\nSELF = \"back\"\n\
         {more}"
    );
    fs::write(folder.join("isolde.toml"), text).unwrap();
}

fn node(name: &str, back: Back, more: &str) -> PathBuf {
    let folder = scratch_folder(name);
    fs::create_dir(folder.join("front")).unwrap();
    fs::write(folder.join("front/index.js"), FRONT).unwrap();
    let wrangler = "name = \"front\"\nmain = \"index.js\"\n\
        [[services]]\nbinding = \"BACK\"\nservice = \"back\"\n\
        [[services]]\nbinding = \"MISSING\"\nservice = \"missing\"\n\
        [[services]]\nbinding = \"STRANGER\"\nservice = \"stranger\"\n";
    fs::write(folder.join("front/wrangler.toml"), wrangler).unwrap();
    fs::write(folder.join("back.js"), BACK).unwrap();
    configure(&folder, back, more);
    folder
}

fn ask(isolde: &Isolde, query: &str) -> (u16, String) {
    let response = isolde.get_from("front.example", &format!("/?{query}"));
    (response.status, response.text())
}

/// What holds wherever the other Worker runs.
fn answers(name: &str, back: Back) {
    let folder = node(name, back, "");
    let isolde = Isolde::serve(&folder.join("isolde.toml"));
    let told = |query: &str| ask(&isolde, query);
    let expected = (201, "GET https://any.example/path?query yes 0".to_owned());
    assert_eq!(told("binding=BACK"), expected);
    assert_eq!(told("binding=BACK"), expected, "over the same connection");
    let expected = (201, "GET http://other.example:81/ yes 0".to_owned());
    assert_eq!(told("binding=BACK&url=http://other.example:81"), expected);
    assert_eq!(told("binding=ADMIN"), (200, "admin https://any.example/path?query".to_owned()));
    let thrown = (299, "Error: out of bounds".to_owned());
    assert_eq!(told("binding=BACK&url=https://any.example/throw"), thrown);
    let missing = (299, "Error: There is no Worker \"missing\".".to_owned());
    assert_eq!(told("binding=MISSING"), missing);
    assert_eq!(told("binding=BACK&url=https://any.example/count"), (200, "1".to_owned()));
    // A redirect is followed to the same Worker.
    assert_eq!(told("binding=BACK&url=https://any.example/redirect"), (200, "2".to_owned()));
    let (status, text) = told("binding=BACK&url=https://any.example/loop");
    assert_eq!(status, 299, "{text}");
    assert!(text.contains("loop"), "{text}");
    let body = vec![b'x'; 3 << 20];
    let mut client = isolde.connect();
    let head = format!(
        "POST /?binding=BACK HTTP/1.1\r\nhost: front.example\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.send(head.as_bytes());
    client.send(&body);
    let response = client.response("POST");
    let expected = format!("POST https://any.example/path?query yes {}", body.len());
    assert_eq!((response.status, response.text()), (201, expected));
    assert_eq!(response.header("x-said"), Some("back"));
}

#[test]
fn a_worker_asks_another_one_in_its_process() {
    answers("services_beside", Back::Beside);
}

#[test]
fn a_worker_asks_another_one_in_another_process() {
    answers("services_apart", Back::Apart);
}

#[test]
fn no_worker_of_another_owner_is_asked() {
    let stranger = "[[worker]]\nname = \"stranger\"\npath = \"back.js\"\n\
        hosts = [\"stranger.example\"]\nowner = \"ben\"\n";
    let folder = node("services_stranger", Back::Beside, stranger);
    let isolde = Isolde::serve(&folder.join("isolde.toml"));
    let missing = (299, "Error: There is no Worker \"stranger\".".to_owned());
    assert_eq!(ask(&isolde, "binding=STRANGER"), missing);
}

#[test]
fn the_newest_version_is_asked_also_when_it_has_moved() {
    let folder = node("services_reload", Back::Beside, "");
    let isolde = Isolde::serve(&folder.join("isolde.toml"));
    let count = "binding=BACK&url=https://any.example/count";
    assert_eq!(ask(&isolde, count), (200, "1".to_owned()));
    let newer = BACK.replace("${++count}", "newer ${++count}");
    fs::write(folder.join("back.js"), newer).unwrap();
    configure(&folder, Back::Apart, "");
    isolde.reload();
    until("the new version", || ask(&isolde, count).1.starts_with("newer").then_some(()));
    // Clients ask it, too.
    let direct = isolde.get_from("back.example", "/count");
    assert!(direct.text().starts_with("newer"), "{}", direct.text());
}

#[test]
fn clients_cannot_choose_an_entrypoint() {
    for back in [Back::Beside, Back::Apart] {
        let folder = node("services_entrypoint", back, "");
        let isolde = Isolde::serve(&folder.join("isolde.toml"));
        let mut client = isolde.connect();
        client.send(b"GET / HTTP/1.1\r\nhost: back.example\r\nisolde-entrypoint: Admin\r\n\r\n");
        let response = client.response("GET");
        assert_eq!(response.status, 201, "{}", response.text());
    }
}
