/** What members say of a wrong receiver: the same everywhere. */
const WANTED =
  "TypeError: Illegal invocation: function called with incorrect `this` reference. See " +
  "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors " +
  "for details.";

const { port1 } = new MessageChannel();
const instances = (request, ctx) => [
  new AbortController(), new AbortController().signal, new Blob(["x"]), new Event("x"),
  new CustomEvent("x"), new ErrorEvent("x"), new MessageEvent("x"), new CloseEvent("x"),
  new PromiseRejectionEvent("x", { promise: Promise.resolve() }), new DOMException("x"),
  new QuotaExceededError("x"), new File([], "x"), new FormData(), new Headers(),
  new Headers().entries(), new URLSearchParams().entries(), new MessageChannel(), port1,
  new Request("http://x/", { method: "POST", body: "x" }), new Response("x"), new TextDecoder(),
  new TextEncoder(), new TextDecoderStream(), new TextEncoderStream(), new URL("http://x/"),
  new URLSearchParams(), new ReadableStream(), new WritableStream(), new TransformStream(),
  new FixedLengthStream(1), new CountQueuingStrategy({ highWaterMark: 1 }),
  new ByteLengthQueuingStrategy({ highWaterMark: 1 }), new ReadableStream().getReader(),
  new ReadableStream({ type: "bytes" }).getReader({ mode: "byob" }),
  new WritableStream().getWriter(), new ReadableStream().values(),
  new crypto.DigestStream("SHA-1"), crypto, crypto.subtle, navigator, performance, scheduler,
  new PerformanceObserver(() => {}), new PerformanceMark("x"), new HTMLRewriter(), request, ctx,
];

/** Members that are functions of global scope as well: without a receiver they mean that. */
const GLOBAL = ["addEventListener", "removeEventListener", "dispatchEvent"];

/** Classes are called with `new`. */
const NO_MEMBERS = new Set(["constructor", "DigestStream"]);
const AsyncIteratorPrototype = Object.getPrototypeOf(
  Object.getPrototypeOf((async function* () {}).prototype),
);
const LANGUAGE = new Set([
  Object.prototype, Error.prototype, Iterator.prototype, AsyncIteratorPrototype,
]);

/** All accessors and methods of the prototypes of an object, up to the language's own. */
function* members(object) {
  for (
    let prototype = Object.getPrototypeOf(object);
    prototype !== null && !LANGUAGE.has(prototype);
    prototype = Object.getPrototypeOf(prototype)
  ) {
    const names = Object.getOwnPropertyNames(prototype).filter((name) => !NO_MEMBERS.has(name));
    for (const name of names) {
      const { get, set, value } = Object.getOwnPropertyDescriptor(prototype, name);
      const where = `${prototype[Symbol.toStringTag]}.${name}`;
      for (const [kind, fn] of Object.entries({ get, set, call: value })) {
        if (typeof fn === "function") yield [`${where} ${kind}`, name, fn];
      }
    }
  }
}

async function answer(fn, receiver) {
  try {
    return `gave ${String(await fn.call(receiver, "x", "y", "z"))}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

export default {
  async fetch(request, env, ctx) {
    const wrong = new Set();
    let count = 0;
    for (const instance of instances(request, ctx)) {
      for (const [title, name, fn] of members(instance)) {
        for (const receiver of [undefined, {}, new Proxy(instance, {}), "text", fn]) {
          const isBare = receiver === undefined && (GLOBAL.includes(name) || /^on/.test(name));
          if (isBare) continue;
          count += 1;
          const found = await answer(fn, receiver);
          if (found !== WANTED) wrong.add(`${title} on ${typeof receiver}: ${found}\n`);
        }
      }
    }
    return new Response(`${count > 1000} ${wrong.size}\n${[...wrong].join("")}`);
  },
};
