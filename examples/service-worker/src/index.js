/** A Worker in service worker syntax: no exports, a listener instead. */
addEventListener("fetch", (event) => {
  event.respondWith(handle(event.request));
});

/** @param {Request} request */
async function handle(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/") {
    return new Response("Hello from a service worker\n");
  }
  if (pathname === "/method") {
    return new Response(`${request.method}\n`);
  }
  return new Response("Not Found\n", { status: 404 });
}
