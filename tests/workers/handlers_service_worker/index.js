/** The older syntax: listeners, and bindings that are globals. */
addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (pathname === "/not-mine") return;
  event.waitUntil(Promise.resolve().then(() => console.log("waited for", pathname)));
  event.respondWith(respond(event, pathname));
  if (pathname === "/twice") {
    try {
      event.respondWith(new Response("second"));
    } catch (error) {
      console.log(`${error.name}: ${error.message}`);
    }
  }
});

addEventListener("fetch", (event) => {
  if (new URL(event.request.url).pathname === "/not-mine") {
    event.respondWith(new Response("the second listener\n"));
  }
});

async function respond(event, pathname) {
  if (pathname === "/throw") throw new RangeError("thrown in a service worker");
  const facts = [
    event.type,
    event instanceof FetchEvent,
    event instanceof ExtendableEvent,
    NAME,
    JSON.stringify(SETTINGS),
    TEXT.trim(),
    BYTES instanceof ArrayBuffer && BYTES.byteLength,
    ADD instanceof WebAssembly.Module && new WebAssembly.Instance(ADD).exports.add(40, 2),
  ];
  return new Response(`${facts.join("\n")}\n`);
}
