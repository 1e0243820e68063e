/** Ways to use memory without end, and the stack. */
let count = 0;
const kept = [];

const paths = {
  "/ok": () => new Response("ok"),
  "/count": () => new Response(String((count += 1))),
  "/array": () => {
    for (;;) kept.push([1.5, {}, "x"]);
  },
  "/numbers": () => {
    const list = [];
    for (let i = 0; ; i += 1) list.push(i + 0.5);
  },
  "/strings": () => {
    const bytes = new Uint8Array(10_000);
    for (let i = 0; ; i += 1) kept.push(new TextDecoder().decode(bytes.fill(48 + (i % 64))));
  },
  "/much": () => {
    if (kept.length === 0) for (let i = 0; i < 900_000; i += 1) kept.push({ i, list: [i] });
    return new Response(String(kept.length));
  },
  "/transferred-memory": () => {
    const { buffer } = new WebAssembly.Memory({ initial: 1 });
    try {
      structuredClone(buffer, { transfer: [buffer] });
      return new Response("two buffers of one memory");
    } catch (error) {
      return new Response(error.name);
    }
  },
  "/large-error": () => {
    throw new Error("x".repeat(20 << 20));
  },
  "/growable": () => {
    for (;;) kept.push(new ArrayBuffer(1, { maxByteLength: 1 << 30 }));
  },
  "/date-formats": () => {
    for (;;) kept.push(new Intl.DateTimeFormat("de", { dateStyle: "full" }));
  },
  "/segmenters": () => {
    for (;;) kept.push(new Intl.Segmenter("th", { granularity: "word" }).segment("text"));
  },
  "/passing-date-formats": () => {
    let text = "";
    for (let i = 0; i < 5_000; i += 1) text = new Intl.DateTimeFormat("de").format(0);
    return new Response(text);
  },
  "/large": () => new Response("x".repeat(40 << 20)),
  "/uploads": async () => {
    const body = "x".repeat(40 << 20);
    const uploads = Array.from({ length: 10 }, () =>
      fetch("http://127.0.0.1:1/", { method: "POST", body }),
    );
    const ends = (await Promise.allSettled(uploads)).map(({ reason }) => reason.message);
    return new Response(String(ends.filter((end) => end.includes("Memory limit")).length));
  },
  "/doubling": () => {
    let text = "x";
    for (;;) {
      text += text;
      kept.push(text);
    }
  },
  "/buffers": () => {
    for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
  },
  "/one-buffer": () => {
    kept.push(new ArrayBuffer(1 << 30));
    return new Response("a GiB");
  },
  "/caught": () => {
    for (;;) {
      try {
        for (;;) kept.push(new Uint8Array(1 << 20).fill(1), {}, []);
      } catch {
        continue;
      }
    }
  },
  "/resizable": () => {
    const buffer = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 30 });
    for (;;) buffer.resize(buffer.byteLength + (1 << 20));
  },
  "/wasm-memory": () => {
    kept.push(new WebAssembly.Memory({ initial: 1 << 14 }));
    return new Response("a GiB");
  },
  "/wasm-grow": () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
    for (;;) {
      memory.grow(160);
      new Uint8Array(memory.buffer).fill(1);
    }
  },
  "/wasm-many": () => {
    for (;;) kept.push(new WebAssembly.Memory({ initial: 1 }));
  },
  "/map": () => {
    const map = new Map();
    for (let i = 0; ; i += 1) map.set(i, { i });
  },
  "/symbols": () => {
    const bag = {};
    for (let i = 0; ; i += 1) bag[`property ${i}`] = Symbol(String(i));
  },
  "/closures": () => {
    for (let f = () => 1; ; ) f = ((g) => () => g)(f);
  },
  "/promises": async () => {
    for (;;) kept.push(new Promise(() => {}));
  },
  "/clone": () => {
    let value = { list: Array.from({ length: 1000 }, (_, i) => ({ i })) };
    for (;;) value = { a: structuredClone(value), b: value };
  },
  "/clone-repeats": () => kept.push(structuredClone(new Array(1_000).fill(longText()))),
  "/clone-bigints": () => {
    const number = 2n ** 8_000_000n;
    for (;;) kept.push(structuredClone(new Array(100_000).fill(number)));
  },
  "/message-repeats": () => {
    const { port1 } = new MessageChannel();
    for (;;) port1.postMessage(new Array(1_000).fill(longText()));
  },
  "/json-repeats": () => {
    for (;;) kept.push(JSON.stringify(new Array(20).fill(longText())));
  },
  "/join-repeats": () => {
    for (;;) kept.push(new Array(20).fill(longText()).join());
  },
  "/url": () => {
    for (let i = 0; ; i += 1) kept.push(new URL(`https://example.com/${"x".repeat(10_000)}${i}`));
  },
  "/encode": () => {
    for (;;) kept.push(new TextEncoder().encode("x".repeat(1 << 20)));
  },
  "/stream-queue": () => {
    let controller;
    new ReadableStream({ start: (own) => (controller = own) });
    for (;;) controller.enqueue(new Uint8Array(1 << 20).fill(1));
  },
  "/body": async (request) => new Response(String((await request.text()).length)),
  "/recursion": () => {
    const deeper = (n) => deeper(n + 1) + 1;
    return deeper(0);
  },
  "/recursion-caught": () => {
    const deeper = () => {
      try {
        return deeper() + 1;
      } catch {
        return 1;
      }
    };
    return new Response(deeper() > 1 ? "came back" : "never went");
  },
  "/recursion-json": () => {
    let nested = [];
    for (let i = 0; i < 200_000; i += 1) nested = [nested];
    return Response.json(nested);
  },
  "/recursion-parse": () => JSON.parse("[".repeat(2_000_000)),
  "/recursion-regex": () => new RegExp("(".repeat(100_000) + ")".repeat(100_000)),
  "/recursion-clone": () => {
    let nested = {};
    for (let i = 0; i < 200_000; i += 1) nested = { nested };
    return structuredClone(nested);
  },
  "/recursion-log": () => {
    let nested = {};
    for (let i = 0; i < 200_000; i += 1) nested = { nested };
    console.log(nested);
    return new Response("ok");
  },
  "/recursion-proxy": () => {
    let proxy = {};
    for (let i = 0; i < 200_000; i += 1) proxy = new Proxy(proxy, {});
    return new Response(String(proxy.x));
  },
  "/recursion-events": () => {
    const target = new EventTarget();
    target.addEventListener("e", () => target.dispatchEvent(new Event("e")));
    target.dispatchEvent(new Event("e"));
    return new Response("ok");
  },
  "/timers": () => {
    for (;;) setTimeout(() => {}, 60_000);
  },
  "/log": () => {
    for (let i = 0; i < 3000; i += 1) console.log("x".repeat(1000));
    return new Response("ok");
  },
  "/reports": () => {
    for (let i = 0; i < 3000; i += 1) reportError(new Error("x".repeat(1000)));
    return new Response("ok");
  },
  "/response-headers": () => {
    const headers = new Headers();
    for (let i = 0; i < 20_000; i += 1) headers.append(`x-${i}`, "y".repeat(100));
    return new Response("ok", { headers });
  },
};

/** 16 MiB of text, in one piece: it takes room once, however often it is referred to. */
function longText() {
  const text = "x".repeat(16 << 20);
  kept.push(text.charCodeAt(text.length - 1), text);
  return text;
}

export default {
  fetch(request) {
    return paths[new URL(request.url).pathname](request);
  },
};
