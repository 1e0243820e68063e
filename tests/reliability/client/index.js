/** The Worker of the tests of connections. */
let disconnected = 0;
let started = 0;
let isolate;

const paths = {
  "/text": () => new Response("text"),
  "/isolate": () => new Response((isolate ??= crypto.randomUUID())),
  "/started": () => new Response(String(started)),
  "/disconnected": () => new Response(String(disconnected)),
  "/echo": async (request) => new Response(await request.text()),
  "/early": (request) => {
    request.text().catch(() => {});
    return new Response("early");
  },
  "/request": ({ url, headers }) =>
    Response.json([url, headers.get("host"), headers.get("cookie"), headers.get("x-value")]),
  "/length-of-nothing": () => new Response(null, { headers: { "content-length": "4096" } }),
  "/not-modified": () => new Response(null, { status: 304, headers: { "content-length": "4096" } }),
  "/two-lengths": () => {
    const response = new Response("text", { headers: { "content-length": "3" } });
    response.headers.append("content-length", "5");
    return response;
  },
  "/large": () => new Response("x".repeat(1 << 20)),
  "/slow": async () => {
    started += 1;
    await scheduler.wait(1500);
    return new Response("finished");
  },
  "/slow-body": () => {
    const encoder = new TextEncoder();
    let parts = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          started += parts === 0 ? 1 : 0;
          controller.enqueue(encoder.encode(`part ${(parts += 1)}\n`));
          await scheduler.wait(300);
          if (parts === 5) controller.close();
        },
      }),
    );
  },
  "/until-abort": async (request) => {
    started += 1;
    await new Promise((resolve) => {
      request.signal.addEventListener("abort", resolve);
      setTimeout(resolve, 60_000);
    });
    if (request.signal.aborted) disconnected += 1;
    return new Response("nobody reads this");
  },
  "/until-cancel": () => {
    started += 1;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await scheduler.wait(5);
          controller.enqueue(new Uint8Array(10_000));
        },
        cancel() {
          disconnected += 1;
        },
      }),
    );
  },
  "/waiting-stream": () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(10));
          // As long as something is pending the stream is not hung.
          setTimeout(() => {}, 60_000);
        },
        pull: () => new Promise(() => {}),
        cancel() {
          disconnected += 1;
        },
      }),
    ),
  "/compressed": (request) => {
    const coding = new URL(request.url).search.slice(1);
    if (coding === "manual") {
      return new Response("as it is", {
        encodeBody: "manual",
        headers: { "content-encoding": "gzip" },
      });
    }
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    writer.write(encoder.encode("part 1\n"));
    writer.write(encoder.encode("part 2\n"));
    writer.close();
    return new Response(readable, { headers: { "content-encoding": coding } });
  },
  "/late-work": async (request, ctx) => {
    ctx.waitUntil(scheduler.wait(1000).then(() => console.log("late work is done")));
    return new Response("early");
  },
};

export default {
  async fetch(request, env, ctx) {
    return paths[new URL(request.url).pathname](request, ctx);
  },
};
