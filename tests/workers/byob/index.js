/** Reads into memory that the reader brings, up to the end of every kind of stream. */
function show({ value, done }) {
  if (value === undefined) return `${done} undefined`;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return `${done} ${value.constructor.name}(${[...bytes]})`;
}
const failure = (error) => `${error.name}: ${error.message}`;

const source = (chunks, answers = false) =>
  new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (chunks.length > 0) return controller.enqueue(new Uint8Array(chunks.shift()));
      controller.close();
      if (answers) controller.byobRequest?.respond(0);
    },
  });
const parts = () => [[1, 2, 3], [4, 5]];
const queued = () =>
  new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(new Uint8Array([1, 2, 3]));
      controller.close();
    },
  });
function identity(ctx) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  for (const part of parts()) ctx.waitUntil(writer.write(new Uint8Array(part)));
  ctx.waitUntil(writer.close());
  return readable;
}

async function readToEnd(stream, read) {
  const reader = stream.getReader({ mode: "byob" });
  const lines = [];
  for (let i = 0; i < 5; i++) {
    const result = await read(reader);
    lines.push(show(result));
    if (result.done) break;
  }
  return lines.join(", ");
}
const atLeast = (stream, min, View = Uint8Array) =>
  readToEnd(stream, (reader) => reader.readAtLeast(min, new View(8)));
const withMin = (stream, min) =>
  readToEnd(stream, (reader) => reader.read(new Uint8Array(8), { min }));

/** What answers to a request are good for behind `close()`. */
async function answers(...counts) {
  const log = [];
  const stream = new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const request = controller.byobRequest;
      controller.close();
      await scheduler.wait(1);
      log.push(String(controller.byobRequest));
      for (const count of counts) {
        try {
          request.respond(count);
          log.push(`${count} is taken`);
        } catch (error) {
          log.push(error.name);
        }
      }
    },
  });
  const result = await stream.getReader({ mode: "byob" }).read(new Uint8Array(4));
  await scheduler.wait(5);
  return [show(result), ...log].join(", ");
}

const tests = {
  "at least, a source": () => atLeast(source(parts()), 4),
  "at least, a source that answers": () => atLeast(source(parts(), true), 4),
  "at least, a queue": () => atLeast(queued(), 5),
  "at least, wide elements": () => atLeast(source([[1, 2, 3], [4, 5, 6]]), 4, Uint16Array),
  "at least, a response": () => atLeast(new Response("hello").body, 7),
  "at least, a blob": () => atLeast(new Blob(["hello"]).stream(), 4),
  "at least, a tee": () => atLeast(source(parts()).tee()[0], 4),
  "at least, an identity": (request, ctx) => atLeast(identity(ctx), 4),
  "at least, a request": (request) => atLeast(request.body, 8),
  "at least 9": () => atLeast(queued(), 9).catch(failure),
  "at least 0": () => atLeast(queued(), 0).catch(failure),
  "min, a source": () => withMin(source(parts()), 4),
  "no answer": () => withMin(source([]), 1),
  "no answer to the second": () => withMin(source([[1]]), 2),
  "no answer, default reader": async () => {
    const pull = (controller) => controller.close();
    const stream = new ReadableStream({ type: "bytes", autoAllocateChunkSize: 4, pull });
    return show(await stream.getReader().read());
  },
  "answers behind the end": () => answers(0, 0),
  "bytes behind the end": () => answers(1),
  "clone cancelled": async () => {
    const request = new Request("http://x/", { method: "POST", body: source([[65], [66]]) });
    const copy = request.clone();
    return `${await copy.body.cancel()} ${await request.text()}`;
  },
  "clone of strings cancelled": async () => {
    const response = new Response(ReadableStream.from([new Uint8Array([65])]));
    const copy = response.clone();
    return `${await response.body.cancel()} ${await copy.text()}`;
  },
};

export default {
  async fetch(request, env, ctx) {
    const lines = [];
    for (const [name, test] of Object.entries(tests)) {
      lines.push(`${name}: ${await test(request, ctx)}\n`);
    }
    return new Response(lines.join(""));
  },
};
