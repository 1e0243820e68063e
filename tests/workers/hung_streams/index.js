/** Response streams that can never go on, and some that can. */
const encoder = new TextEncoder();
const stuck = (start, type) => new Response(new ReadableStream({ start, type }));

const paths = {
  "/silent": () => stuck(),
  "/silent-bytes": () => stuck(undefined, "bytes"),
  "/stops": () => stuck((controller) => controller.enqueue(encoder.encode("a part\n"))),
  "/open-writer": (ctx) => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    ctx.waitUntil(writer.write(encoder.encode("written\n")));
    return new Response(readable);
  },
  "/no-writer": () => new Response(new TransformStream().readable),
  "/goes-on": () =>
    stuck(async (controller) => {
      await scheduler.wait(20);
      controller.enqueue(encoder.encode("after a while\n"));
      await scheduler.wait(20);
      controller.close();
    }),
};

export default {
  fetch: (request, env, ctx) => paths[new URL(request.url).pathname](ctx),
};
