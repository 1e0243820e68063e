/** Which `content-length` a message has, and that its body is whole whatever length was copied. */
const double = () =>
  new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk.slice());
      controller.enqueue(chunk);
    },
  });
const upstream = () => new Response("abc\n", { headers: { "content-length": "4" } });
const fixed = (ctx, chunk, length) => {
  const { readable, writable } = new FixedLengthStream(length);
  const writer = writable.getWriter();
  ctx.waitUntil(writer.write(chunk).then(() => writer.close()));
  return readable;
};
const length = (value) => ({ headers: { "content-length": value } });

const paths = {
  "/copied-headers": () => {
    const { body, headers } = upstream();
    return new Response(body.pipeThrough(double()), { headers });
  },
  "/copied-response": () => {
    const copied = upstream();
    return new Response(copied.body.pipeThrough(double()), copied);
  },
  "/too-long": () => new Response(ReadableStream.from(["ab\n"]), length("99")),
  "/fixed": (to, request, ctx) => new Response(fixed(ctx, "strü\n", 6n), length("99")),
  "/twice": () => {
    const response = new Response("abc\n");
    response.headers.append("content-length", "4");
    response.headers.append("content-length", "5");
    return response;
  },
  "/body-of-response": () => new Response(new Response("whole\n").body),
  "/body-of-empty": () => new Response(new Response("").body),
  "/body-of-blob": () => new Response(new Blob(["of a ", "blob\n"]).stream()),
  "/body-in-part": async () => {
    const { body } = new Response("in part\n");
    const reader = body.getReader({ mode: "byob" });
    await reader.read(new Uint8Array(3));
    reader.releaseLock();
    return new Response(body.pipeThrough(new IdentityTransformStream()));
  },
  "/none": () => new Response(null, length("4096")),
  "/not-modified": () => new Response(null, { status: 304, ...length("4096") }),
  "/no-content": () => new Response(null, { status: 204, ...length("4096") }),
  "/bad": () => new Response(null, length("+4")),
  "/proxy": (to, request) => fetch(`${to}/page`, { method: request.method }),
  "/proxy-copy": async (to, request) => {
    const answer = await fetch(`${to}/page`, { method: request.method });
    return new Response(answer.body, answer);
  },
  "/up-copied": (to) => {
    const { body } = upstream();
    const init = { method: "POST", body: body.pipeThrough(double()), ...length("4") };
    return fetch(`${to}/length`, init);
  },
  "/up-of-response": (to) =>
    fetch(`${to}/length`, { method: "POST", body: new Response("whole").body }),
  "/up-of-blob": (to) =>
    fetch(`${to}/length`, { method: "PUT", body: new Blob(["blob"]).stream() }),
  "/up-fixed": (to, request, ctx) =>
    fetch(`${to}/length`, { method: "POST", body: fixed(ctx, new Uint8Array([65, 66]), 2) }),
  "/up-wrong": (to) => fetch(`${to}/length`, { method: "POST", body: "abc", ...length("99") }),
  "/copied-request": (to, request) => fetch(new Request(`${to}/length`, request)),
  "/copied-get": async (to, request) => {
    const copy = new Request("http://elsewhere/", request);
    return new Response(`${copy.method} ${JSON.stringify(await copy.text())}\n`);
  },
  "/made-get": (to, request) => {
    try {
      return new Response(new Request(request, { method: "GET" }).url);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`);
    }
  },
  "/up-none": (to) => fetch(`${to}/length`, { method: "POST", ...length("5") }),
};

export default {
  fetch: (request, env, ctx) => {
    const { pathname } = new URL(request.url);
    return paths[pathname](request.headers.get("x-neighbour"), request, ctx);
  },
};
