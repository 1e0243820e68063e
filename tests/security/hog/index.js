/** Ways to use CPU time without end. Nothing here may be stopped by the Worker itself. */
import spin from "./spin.wasm";

let count = 0;
let crumbs = false;

const paths = {
  "/ok": () => new Response("ok"),
  "/count": () => new Response(String((count += 1))),
  "/loop": () => {
    for (;;);
  },
  "/caught": () => {
    for (;;) {
      try {
        for (;;);
      } catch {
        continue;
      } finally {
        for (;;);
      }
    }
  },
  "/microtasks": () => {
    const again = () => Promise.resolve().then(again);
    return again();
  },
  "/await": async () => {
    for (;;) await null;
  },
  "/queue": () => {
    const again = () => queueMicrotask(again);
    again();
    return new Promise(() => {});
  },
  "/regex": () => new Response(String(/^(a+)+$/.test(`${"a".repeat(60)}b`))),
  "/rsa-keys": async () => {
    const publicExponent = new Uint8Array([1, 0, 1]);
    const algorithm = { name: "RSA-PSS", hash: "SHA-256", modulusLength: 2048, publicExponent };
    const make = () => crypto.subtle.generateKey(algorithm, false, ["sign"]);
    for (;;) await Promise.all(Array.from({ length: 40 }, make));
  },
  "/passwords": async () => {
    const bytes = new Uint8Array(32);
    const key = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: "SHA-512", salt: bytes, iterations: 60_000 };
    const derive = () => crypto.subtle.deriveBits(algorithm, key, 512);
    for (;;) await Promise.allSettled(Array.from({ length: 40 }, derive));
  },
  "/signatures": async () => {
    const key = await crypto.subtle.generateKey("Ed25519", false, ["sign"]);
    for (;;) await crypto.subtle.sign("Ed25519", key.privateKey, new Uint8Array(1 << 20));
  },
  "/wasm": () => new WebAssembly.Instance(spin).exports.spin(),
  "/proxy": () => {
    const endless = new Proxy({}, { get: () => { for (;;); } });
    return new Response("", endless);
  },
  "/headers-iterator": () => {
    const headers = { *[Symbol.iterator]() { for (;;) yield ["a", "b"]; } };
    return new Response("", { headers });
  },
  "/getter-of-error": () => {
    throw { get message() { for (;;); }, get stack() { for (;;); }, toString() { for (;;); } };
  },
  "/patched": () => {
    Object.prototype.then = Array.prototype[Symbol.iterator] = () => { for (;;); };
    return new Response("patched");
  },
  "/to-json": () => Response.json({ toJSON() { for (;;); } }),
  "/sort": () => [3, 2, 1].sort(() => { for (;;); }),
  "/big-integer": () => {
    let n = 3n;
    for (;;) n *= n;
  },
  "/replace": () => {
    let text = "x";
    for (;;) text = text.replace(/x/g, "xx").slice(0, 100_000);
  },
  "/stream": () =>
    new Response(new ReadableStream({ pull() { for (;;); } })),
  "/timer": () => {
    setTimeout(() => { for (;;); }, 1);
    return new Promise(() => {});
  },
  "/many-turns": async () => {
    // No turn is long; together they are.
    for (let turn = 0; turn < 1000; turn += 1) {
      for (let i = 0; i < 3_000_000; i += 1) Math.sqrt(i);
      await scheduler.wait(1);
    }
    return new Response("never stopped");
  },
  "/crumbs": async () => {
    // Each turn ends by itself, far from where it would be terminated.
    crumbs = true;
    for (let turn = 0; turn < 10_000; turn += 1) {
      for (let i = 0; i < 300_000; i += 1) Math.sqrt(i);
      await scheduler.wait(0);
    }
    return new Response("never stopped");
  },
  "/beside-crumbs": async () => {
    for (let turn = 0; turn < 100 && !crumbs; turn += 1) await scheduler.wait(50);
    if (!crumbs) return new Response("nobody came");
    await scheduler.wait(2_000);
    return new Response("undisturbed");
  },
  "/crumbs-behind-a-response": (_, context) => {
    context.waitUntil(paths["/crumbs"]());
    return new Response("sent");
  },
  "/finalizer": () => {
    new FinalizationRegistry(() => { for (;;); }).register({}, 1);
    for (;;) ({ garbage: [] });
  },
  "/unstoppable": () => new Response(String(Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1))),
  "/self": (request) => {
    const itself = request.headers.get("x-itself");
    return fetch(itself, { headers: { "x-itself": itself } });
  },
  "/wait": async () => {
    await scheduler.wait(60_000);
    return new Response("waited");
  },
};

export default {
  fetch(request, environment, context) {
    return paths[new URL(request.url).pathname](request, context);
  },
};
