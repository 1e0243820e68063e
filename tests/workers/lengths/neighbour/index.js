/** Tells the length of what it gets, and has a page of a known length. */
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === "/page") {
      const headers = { "content-length": "5", etag: '"1"' };
      return new Response(request.method === "HEAD" ? null : "page\n", { headers });
    }
    const { headers } = request;
    const framing = ["content-length", "transfer-encoding"].map((name) => headers.get(name));
    return new Response(`${framing.join(" ")}: ${await request.text()}\n`);
  },
};
