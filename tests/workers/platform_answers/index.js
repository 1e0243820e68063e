/** Small answers in which the platform and Workers of today agree. */
const failure = (error) => `${error.name}: ${error.message}`;
const attempt = (run) => {
  try {
    return run();
  } catch (error) {
    return failure(error);
  }
};
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

const early = {
  module: attempt(() => String(new WebAssembly.Module(EMPTY_MODULE))),
  compile: await WebAssembly.compile(EMPTY_MODULE).then(String, failure),
  instantiate: await WebAssembly.instantiate(EMPTY_MODULE).then(
    (result) => Object.keys(result).join(),
    failure,
  ),
  evaluated: attempt(() => new Function("return 1 + 1")()),
};

/** Which timers fire within a while. */
async function fired() {
  const delays = { none: undefined, text: "abc", nan: NaN, negative: -5, least: -Infinity };
  Object.assign(delays, { most: Infinity, bits: 2 ** 31, wrapped: 2 ** 32, more: 2 ** 32 + 1 });
  const names = [];
  for (const [name, delay] of Object.entries(delays)) setTimeout(() => names.push(name), delay);
  setInterval(() => names.push("interval"), 2 ** 32);
  await scheduler.wait(60);
  return names.join(" ");
}

function sharedBuffers() {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const waited = attempt(() => Atomics.wait(words, 0, 0, 1));
  const large = attempt(() => {
    const kept = [];
    while (kept.length < 64) kept.push(new SharedArrayBuffer(8 << 20));
    return "no limit";
  });
  const cloned = attempt(() => structuredClone(words.buffer));
  return [typeof SharedArrayBuffer.prototype.slice, waited, large, cloned].join(", ");
}

async function detached() {
  const buffers = [1, 2, 3, 4].map((size) => new ArrayBuffer(size));
  structuredClone(5, { transfer: [buffers[0]] });
  structuredClone(null, { transfer: [buffers[1]] });
  const { port1, port2 } = new MessageChannel();
  port1.postMessage("x", [buffers[2]]);
  const { buffer } = structuredClone(new Uint8Array(buffers[3]), { transfer: [buffers[3]] });
  port2.close();
  return [...buffers.map((given) => given.detached), buffer.byteLength].join(" ");
}

const form = async (lines, end = "\n") => {
  const headers = { "content-type": "multipart/form-data; boundary=B" };
  const data = await new Response(lines.join(end), { headers }).formData();
  const shown = [];
  for (const [name, value] of data) {
    const text = typeof value === "string" ? value : `file ${value.name} ${await value.text()}`;
    shown.push(`${name}=${JSON.stringify(text)}`);
  }
  return shown.join(" ");
};
const field = 'Content-Disposition: form-data; name="a"';
const file = 'Content-Disposition: form-data; name="f"; filename="x.txt"';
const unnamed = 'Content-Disposition: form-data; name="f"; filename=""';

const EVENTS = ["ScheduledEvent", "TailEvent", "TraceEvent", "ExtendableEvent", "FetchEvent"];

const tests = {
  "bytes at the start": () => JSON.stringify(early),
  "bytes in a handler": () => attempt(() => new WebAssembly.Module(EMPTY_MODULE)),
  "compile in a handler": () => WebAssembly.compile(EMPTY_MODULE).then(String, failure),
  "instantiate in a handler": () => WebAssembly.instantiate(EMPTY_MODULE).then(String, failure),
  waitUntil: (ctx) => attempt(() => ctx.waitUntil()),
  "waitUntil of a value": (ctx) => attempt(() => String(ctx.waitUntil(5))),
  timers: fired,
  "shared buffers": sharedBuffers,
  detached,
  stack: () => new DOMException("mm", "AbortError").stack.split("\n")[0],
  "stack without message": () => new DOMException("", "DataError").stack.split("\n")[0],
  "stack of ours": () => attempt(() => AbortSignal.abort().reason.stack.split("\n")[0]),
  "length as bigint": () => String(new FixedLengthStream(10n)),
  "symbols in a record": () => String(new URLSearchParams({ a: "b", [Symbol("c")]: "d" })),
  "symbols in headers": () => String([...new Headers({ a: "b", [Symbol("c")]: "d" })]),
  zip: () => JSON.stringify([...Iterator.zip([[1, 2], [3, 4]])]),
  flags: () => {
    const { compatibilityFlags } = Cloudflare;
    const { global_navigator: flag, nonsense } = compatibilityFlags;
    return `${Cloudflare} ${flag} ${nonsense} ${Object.isFrozen(compatibilityFlags)}`;
  },
  events: () => EVENTS.map((name) => typeof globalThis[name]).join(),
  "event members": () => Object.getOwnPropertyNames(ExtendableEvent.prototype).sort().join(),
  "no new events": () => attempt(() => new ScheduledEvent("scheduled")),
  console: () => {
    const named = console.context("mine");
    named.log("in a context");
    return [console.profile(), console.profileEnd(), console.timeStamp(), typeof named.log].join();
  },
  "form with LF": () => form(["--B", field, "", "one", "--B", file, "", "two", "--B--", ""]),
  "form with CRLF": () =>
    form(["--B", field, "", "one", "--B", file, "", "two\n", "--B--", ""], "\r\n"),
  "form with both": () => form(["--B\r", field, "\r", "a\r\nb\r", "--B--"]),
  "unused file input": () => form(["--B", unnamed, "", "", "--B--"], "\r\n"),
  "form without end": () => form(["--B", field, "", "one"]).catch(failure),
};

export default {
  async fetch(request, env, ctx) {
    const lines = [];
    for (const [name, test] of Object.entries(tests)) {
      const result = await (async () => test(ctx))().catch(failure);
      lines.push(`${name}: ${result}\n`);
    }
    return new Response(lines.join(""));
  },
};
