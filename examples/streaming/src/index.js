/** Bodies that are made or changed while they pass: the Worker never holds a whole one. */

const LINES_MAX = 10_000;

export default {
  /** @param {Request} request */
  async fetch(request) {
    const url = new URL(request.url);
    if (request.method === "POST" && request.body) {
      return new Response(upperCased(request.body), {
        headers: { "content-type": "text/plain; charset=utf-8" },
      });
    }
    if (url.pathname === "/lines") {
      const wanted = Number(url.searchParams.get("count") ?? 10);
      const count = Math.min(Math.max(Math.trunc(wanted) || 0, 0), LINES_MAX);
      return new Response(lines(count), {
        headers: { "content-type": "text/plain; charset=utf-8" },
      });
    }
    return new Response("POST text to /, or GET /lines?count=10\n", { status: 404 });
  },
};

/** The stream in capital letters. The decoder keeps characters whole that fall on two chunks. */
function upperCased(body) {
  const capitals = new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk.toUpperCase());
    },
  });
  return body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(capitals)
    .pipeThrough(new TextEncoderStream());
}

/** A stream that makes a line each time the client has room for one. */
function lines(count) {
  let line = 0;
  return new ReadableStream({
    pull(controller) {
      if (line === count) {
        controller.close();
        return;
      }
      line += 1;
      controller.enqueue(`line ${line}\n`);
    },
  }).pipeThrough(new TextEncoderStream());
}
