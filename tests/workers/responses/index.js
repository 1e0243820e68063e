/** What a handler can return. */
const paths = {
  "/json": () => Response.json({ a: [1, null, "é"] }, { status: 201, headers: { "x-a": "b" } }),
  "/redirect": () => Response.redirect("https://example.com/a?b=c d"),
  "/redirect-301": () => Response.redirect("https://example.com/", 301),
  "/redirect-200": () => Response.redirect("https://example.com/", 200),
  "/error": () => Response.error(),
  "/empty": () => new Response(),
  "/null-204": () => new Response(null, { status: 204 }),
  "/body-204": () => new Response("body", { status: 204 }),
  "/empty-204": () => new Response("", { status: 204 }),
  "/304": () => new Response(null, { status: 304, headers: { etag: '"a"' } }),
  "/status-text": () => new Response("tea\n", { status: 418, statusText: "I'm a teapot" }),
  "/status-99": () => new Response("", { status: 99 }),
  "/status-600": () => new Response("", { status: 600 }),
  "/status-599": () => new Response("last\n", { status: 599, statusText: "Own Words" }),
  "/blob": () => new Response(new Blob(["<b>"], { type: "text/html" })),
  "/params": () => new Response(new URLSearchParams({ a: "b c" })),
  "/buffer": () => new Response(new Uint8Array([104, 105, 10]).buffer),
  "/clone": () => new Response("cloned\n").clone(),
  "/copy": () => {
    const first = new Response("copy\n", { status: 202, headers: { "x-first": "1" } });
    return new Response(first.body, first);
  },
  "/promise": () => Promise.resolve(new Response("promised\n")),
  "/thenable": () => ({ then: (resolve) => resolve(new Response("a thenable\n")) }),
  "/wrong-length": () => new Response("12345", { headers: { "content-length": "99" } }),
  "/hop": () => {
    const headers = { connection: "close", "transfer-encoding": "gzip", "x-kept": "1" };
    return new Response("hop\n", { headers });
  },
  "/type": () => new Response("typed\n", { headers: { "content-type": "text/x-own" } }),
};

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    try {
      return paths[pathname]();
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 500 });
    }
  },
};
