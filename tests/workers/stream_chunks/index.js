/** What streams may give as chunks, where their bytes are wanted. */
const of = (...chunks) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

/** A source that fills one buffer again and again. */
function refilled(strategy, isAsync) {
  const buffer = new Uint8Array(3);
  let count = 0;
  const fill = (controller) => {
    if (count === 4) return controller.close();
    buffer.fill(65 + count++);
    return controller.enqueue(buffer);
  };
  const pull = isAsync ? async (controller) => fill(controller) : fill;
  return new ReadableStream({ pull }, strategy);
}

const { buffer: wide } = new Uint8Array([67, 67]);
const kinds = () => [
  new Uint8Array([65]).buffer, new DataView(new Uint8Array([66]).buffer), new Uint16Array(wide),
];
const byteStream = (chunk) =>
  new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(chunk);
      controller.close();
    },
  });
const failure = (promise) => promise.then(String, (error) => `${error.name}: ${error.message}`);

const paths = {
  "/strings": () => new Response(of("data: é\n\n", "data: \ud83d\ude00\n\n")),
  "/strings-from": () => new Response(ReadableStream.from(["a", "b\n"])),
  "/strings-decoded": () =>
    new Response(new Response("dèf\n").body.pipeThrough(new TextDecoderStream())),
  "/strings-transformed": (to, ctx) => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    ctx.waitUntil(writer.write("written\n").then(() => writer.close()));
    return new Response(readable);
  },
  "/strings-identity": (to, ctx) => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    ctx.waitUntil(writer.write("strü\n").then(() => writer.close()));
    return new Response(readable);
  },
  "/strings-up": (to) => fetch(`${to}/echo`, { method: "POST", body: of("up ", "ü\n") }),
  "/strings-text": async () => new Response(`${await failure(new Response(of("x")).text())}\n`),
  "/strings-mixed": () => new Response(of("a", new Uint8Array([98]), "c\n")),
  "/numbers": () => new Response(of(1)),
  "/kinds": () => new Response(of(...kinds())),
  "/kinds-text": async () => new Response(await new Response(of(...kinds())).text()),
  "/kinds-json": async () => {
    const { buffer } = new TextEncoder().encode('{"a":1}');
    return Response.json(await new Response(of(buffer)).json());
  },
  "/byte-buffer": () => new Response(byteStream(new Uint8Array([104, 105, 10]).buffer)),
  "/byte-buffer-text": async () =>
    new Response(await new Response(byteStream(new Uint8Array([104, 105, 10]).buffer)).text()),
  "/refilled": () => new Response(refilled()),
  "/refilled-async": () => new Response(refilled(undefined, true)),
  "/refilled-unqueued": () => new Response(refilled({ highWaterMark: 0 })),
  "/refilled-text": async () => new Response(await new Response(refilled()).text()),
  "/refilled-up": (to) => fetch(`${to}/echo`, { method: "POST", body: refilled() }),
  "/echo": (to, ctx, request) => new Response(request.body),
};

export default {
  fetch: (request, env, ctx) => {
    const { origin, pathname } = new URL(request.url);
    return paths[pathname](origin, ctx, request);
  },
};
