/** Bodies on their way through the Worker. */
const encoder = new TextEncoder();

const paths = {
  "/echo": (request) => new Response(request.body, { headers: { "x-echo": "1" } }),
  "/upper": (request) => {
    const upper = new TransformStream({
      transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
      flush: (controller) => controller.enqueue("END\n"),
    });
    const text = request.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper);
    return new Response(text.pipeThrough(new TextEncoderStream()));
  },
  "/identity": (request, ctx) => {
    const { readable, writable } = new IdentityTransformStream();
    ctx.waitUntil(request.body.pipeTo(writable));
    return new Response(readable);
  },
  "/fixed": (request, ctx) => {
    const { readable, writable } = new FixedLengthStream(11);
    const writer = writable.getWriter();
    ctx.waitUntil(writer.write(encoder.encode("hello ")));
    ctx.waitUntil(writer.write(encoder.encode("world")).then(() => writer.close()));
    return new Response(readable);
  },
  "/fixed-too-much": async () => {
    const { writable, readable } = new FixedLengthStream(3);
    const writer = writable.getWriter();
    const drain = new Response(readable).text().catch((error) => `reader: ${error.message}`);
    const writing = writer.write(encoder.encode("four"));
    const wrote = await writing.catch((error) => `${error.name}: ${error.message}`);
    await writer.abort("no more").catch(() => {});
    return new Response(`${wrote}\n${await drain}\n`);
  },
  "/fixed-too-little": async () => {
    const { writable, readable } = new FixedLengthStream(3);
    const writer = writable.getWriter();
    const drain = new Response(readable).text().catch(() => "the reader fails too");
    await writer.write(encoder.encode("ab"));
    const closed = await writer.close().catch((error) => `${error.name}: ${error.message}`);
    return new Response(`${closed}\n${await drain}\n`);
  },
  "/pull": () => {
    let count = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await scheduler.wait(1);
          if (count === 3) controller.close();
          else controller.enqueue(encoder.encode(`chunk ${(count += 1)}\n`));
        },
      }),
    );
  },
  "/from": () => new Response(ReadableStream.from([encoder.encode("a"), encoder.encode("b\n")])),
  "/breaks": () => {
    let sent = false;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          // Time for the first part to leave; what breaks at once may take the head with it.
          if (sent) {
            await scheduler.wait(50);
            throw new Error("broke in the middle");
          }
          sent = true;
          controller.enqueue(encoder.encode("first part\n"));
        },
      }),
    );
  },
  "/strings": async () => {
    const response = new Response(ReadableStream.from(["not bytes"]));
    const text = response.text().catch((error) => `${error.name}: ${error.message}\n`);
    return new Response(await text);
  },
  "/used": (request) => {
    const response = new Response(request.body);
    response.text();
    return response;
  },
};

export default {
  fetch(request, env, ctx) {
    return paths[new URL(request.url).pathname](request, ctx);
  },
};
