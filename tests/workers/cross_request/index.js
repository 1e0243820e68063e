/** I/O objects belong to the request that made them. */
let kept;

const MESSAGE = "Cannot perform I/O on behalf of a different request.";

const use = {
  "/request": (kept) => kept.request.text(),
  "/response-body": (kept) => kept.response.text(),
  "/reader": (kept) => kept.reader.read(),
};

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/keep") {
      const response = await fetch(request.headers.get("x-neighbour"));
      const second = await fetch(request.headers.get("x-neighbour"));
      kept = { request, response, reader: second.body.getReader() };
      return new Response("kept\n");
    }
    if (pathname === "/plain-data") {
      return new Response(`${kept.request.method} ${new URL(kept.request.url).pathname}\n`);
    }
    try {
      const value = await use[pathname](kept);
      return new Response(`no error, but ${JSON.stringify(value)}\n`);
    } catch (error) {
      return new Response(`${error.name} ${error.message.startsWith(MESSAGE)}\n`);
    }
  },
};
