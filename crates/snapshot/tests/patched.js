// Replaces every own property of every built-in of the language by one that notes its use, and only
// then uses what the web APIs evaluate when it is first touched. What it needs itself it has taken
// before; it calls no method and iterates over nothing.

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { stringify } = JSON;
const NativeSet = Set;
const { add: setAdd, has: setHas } = Set.prototype;
const NativeError = Error;
const NativeString = String;
const NativeBytes = Uint8Array;
const { get: getLength } = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length");
const lengthOf = (bytes) => apply(getLength, bytes, []);

const { iterator } = Symbol;

/** Of two: a sequence is iterated over, which is the Worker's own business. */
const listOf = (first, second) => {
  let count = 0;
  const next = () => {
    count++;
    return { __proto__: null, value: count === 1 ? first : second, done: count > 2 };
  };
  return { __proto__: null, [iterator]: () => ({ __proto__: null, next }) };
};

const ENDED = { __proto__: null, next: () => ({ __proto__: null, done: true }) };
const EMPTY = { __proto__: null, [iterator]: () => ENDED };

const noted = [];
const note = (what) => {
  noted[noted.length] = `${what}${new NativeError().stack}`;
};

const LANGUAGE = [
  "AggregateError", "Array", "ArrayBuffer", "Atomics", "BigInt", "BigInt64Array",
  "BigUint64Array", "Boolean", "DataView", "Date", "Error", "EvalError", "FinalizationRegistry",
  "Float16Array", "Float32Array", "Float64Array", "Function", "Int16Array", "Int32Array",
  "Int8Array", "Intl", "Iterator", "JSON", "Map", "Math", "Number", "Object", "Promise", "Proxy",
  "RangeError", "ReferenceError", "Reflect", "RegExp", "Set", "String", "Symbol", "SyntaxError",
  "TypeError", "URIError", "Uint16Array", "Uint32Array", "Uint8Array", "Uint8ClampedArray",
  "WeakMap", "WeakRef", "WeakSet", "WebAssembly", "decodeURI", "decodeURIComponent", "encodeURI",
  "encodeURIComponent", "escape", "eval", "isFinite", "isNaN", "parseFloat", "parseInt", "unescape",
];

/** The built-ins that can be reached from the named globals and from syntax. */
function builtins() {
  const found = [];
  const seen = new NativeSet();
  const visit = (value) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
    if (value === globalThis || apply(setHas, seen, [value])) return;
    apply(setAdd, seen, [value]);
    found[found.length] = value;
  };
  for (let i = 0; i < LANGUAGE.length; i++) visit(globalThis[LANGUAGE[i]]);
  visit((async () => {}).constructor);
  visit((function* () {}).constructor);
  visit((async function* () {}).constructor);
  visit([][Symbol.iterator]());
  visit(new Map()[Symbol.iterator]());
  visit(new Set()[Symbol.iterator]());
  visit(""[Symbol.iterator]());
  visit("a".matchAll(/a/g));
  for (let i = 0; i < found.length; i++) {
    visit(getPrototypeOf(found[i]));
    const keys = ownKeys(found[i]);
    for (let j = 0; j < keys.length; j++) {
      const descriptor = getOwnPropertyDescriptor(found[i], keys[j]);
      visit(descriptor.value);
    }
  }
  return found;
}

/** How many properties were replaced. */
function patch(objects) {
  let count = 0;
  for (let i = 0; i < objects.length; i++) {
    const keys = ownKeys(objects[i]);
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j];
      const { value, get, configurable, writable } = getOwnPropertyDescriptor(objects[i], key);
      if (!configurable && !writable) continue;
      const name = NativeString(key);
      const replaced = function () {
        note(name);
        throw new NativeError(`patched: ${name}`);
      };
      if (get !== undefined) {
        defineProperty(objects[i], key, { __proto__: null, get: replaced, set: replaced });
        count++;
      } else if (typeof value === "function") {
        defineProperty(objects[i], key, { __proto__: null, value: replaced });
        count++;
      }
    }
  }
  for (let i = 0; i < LANGUAGE.length; i++) {
    const replaced = function () {
      note(LANGUAGE[i]);
      throw new NativeError(`patched: ${LANGUAGE[i]}`);
    };
    defineProperty(globalThis, LANGUAGE[i], { __proto__: null, value: replaced });
    count++;
  }
  return count;
}

const checks = {
  __proto__: null,

  async blobs() {
    const blob = new Blob(listOf("a", new Blob(listOf("b", ""))), { type: "text/plain" });
    const file = new File(listOf(blob, "c"), "name");
    const text = await file.text();
    const slice = await blob.slice(1).bytes();
    return `${text}${slice[0]}${file.name}`;
  },

  async forms() {
    const form = new FormData();
    form.append("a", "1");
    form.append("b", new Blob(listOf("2", "3")), "b.txt");
    const read = await new Response(form).formData();
    const file = read.get("b");
    return `${read.get("a")}${await file.text()}${file.name}`;
  },

  async events() {
    const target = new EventTarget();
    let seen = "";
    target.addEventListener("x", (event) => (seen += event.detail));
    target.dispatchEvent(new CustomEvent("x", { __proto__: null, detail: 5 }));
    new CloseEvent("close");
    new ErrorEvent("error");
    return `${seen}${new MessageEvent("y", { __proto__: null, data: 6 }).data}`;
  },

  async crypto() {
    const digest = await crypto.subtle.digest("SHA-1", new NativeBytes(3));
    const stream = new crypto.DigestStream("MD5");
    const writer = stream.getWriter();
    writer.write(new NativeBytes(2));
    await writer.close();
    const other = new NativeBytes(await stream.digest);
    return `${new NativeBytes(digest)[0]},${other[0]},${crypto.randomUUID().length}`;
  },

  async cryptoKeys() {
    const data = new NativeBytes(16);
    const hmac = { __proto__: null, name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", data, hmac, true, listOf("sign", "verify"));
    const signature = await crypto.subtle.sign("HMAC", key, data);
    const aes = { __proto__: null, name: "AES-GCM", length: 128, iv: data };
    const kek = await crypto.subtle.generateKey(aes, false, listOf("wrapKey", "unwrapKey"));
    const wrapped = await crypto.subtle.wrapKey("jwk", key, kek, aes);
    const again =
      await crypto.subtle.unwrapKey("jwk", wrapped, kek, aes, hmac, true, listOf("verify", "sign"));
    const verified = await crypto.subtle.verify("HMAC", structuredClone(again), signature, data);
    const ecdh = { __proto__: null, name: "ECDH", namedCurve: "P-256" };
    const pair = await crypto.subtle.generateKey(ecdh, false, listOf("deriveBits", "deriveKey"));
    const agree = { __proto__: null, name: "ECDH", public: pair.publicKey };
    const bits = await crypto.subtle.deriveBits(agree, pair.privateKey, 9);
    const { x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const publicJwk = { __proto__: null, kty: "EC", crv: "P-256", x, y };
    await crypto.subtle.importKey("jwk", publicJwk, ecdh, true, EMPTY);
    const { alg } = await crypto.subtle.exportKey("jwk", key);
    return `${verified}${lengthOf(new NativeBytes(bits))}${key.usages[0]}${alg}`;
  },

  async encodings() {
    const bytes = new TextEncoder().encode(atob(btoa("abc")));
    return `${new TextDecoder().decode(bytes)}${new TextDecoder("utf-16le").encoding}`;
  },

  async encodingStreams() {
    const { readable, writable } = new TextEncoderStream();
    const text = readable.pipeThrough(new TextDecoderStream());
    const writer = writable.getWriter();
    writer.write("text");
    writer.close();
    const { value } = await text.getReader().read();
    return value;
  },

  async streams() {
    const source = { __proto__: null, start: (c) => (c.enqueue(1), c.enqueue(2), c.close()) };
    const { readable, writable } = new TransformStream();
    new ReadableStream(source, new CountQueuingStrategy({ __proto__: null, highWaterMark: 3 }))
      .pipeTo(writable);
    const branches = readable.tee();
    const first = branches[0].getReader();
    const second = branches[1].getReader();
    const results = [await first.read(), await first.read(), await second.read()];
    return `${results[0].value}${results[1].value}${results[2].value}`;
  },

  async byteStreams() {
    const stream = new ReadableStream({
      __proto__: null,
      type: "bytes",
      pull: (controller) => {
        controller.byobRequest.view[0] = 7;
        controller.byobRequest.respond(1);
      },
    });
    const reader = stream.getReader({ __proto__: null, mode: "byob" });
    const { value } = await reader.read(new NativeBytes(4));
    const { readable, writable } = new FixedLengthStream(1);
    const writer = writable.getWriter();
    writer.write(new NativeBytes(1));
    writer.close();
    const bytes = await new Response(readable).bytes();
    return `${value[0]}${lengthOf(bytes)}`;
  },

  async clones() {
    const clone = structuredClone({ a: [1, { b: "c" }] });
    const original = new Response(
      new ReadableStream({ __proto__: null, start: (c) => (c.enqueue({ d: 4 }), c.close()) }),
    );
    const { value } = await original.clone().body.getReader().read();
    return `${clone.a[1].b}${value.d}`;
  },

  async bodies() {
    const { value } = await new Response("body").body.getReader().read();
    const init = { __proto__: null, method: "PUT", body: "x" };
    const blob = await new Request("http://a/", init).blob();
    return `${lengthOf(value)}${blob.size}`;
  },

  async dataUrls() {
    const response = await fetch("data:text/x;base64,YWJj");
    return `${response.headers.get("content-type")}${await response.text()}`;
  },

  async performance() {
    const observer = new PerformanceObserver(() => {});
    observer.observe({ __proto__: null, type: "mark" });
    performance.mark("a", { __proto__: null, detail: { e: 1 } });
    performance.measure("b", "a");
    observer.disconnect();
    return `${performance.getEntries().length}${performance.now() >= 0}`;
  },

  async messaging() {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {};
    port1.postMessage({ a: 1 });
    port1.close();
    return `${port1 instanceof MessagePort}`;
  },

  async console() {
    const object = { b: new Headers(), c: [1n, null], d: new Blob(listOf(1, 2)) };
    console.log("%s %o", "a", object, new Event("e"));
    console.table([{ a: 1 }, { a: 2 }]);
    console.group("g");
    console.count();
    console.time();
    console.timeEnd();
    console.groupEnd();
    return typeof console.error;
  },

  async navigator() {
    return `${navigator.language}${navigator.hardwareConcurrency}`;
  },
};

const patched = patch(builtins());

async function runAll() {
  const results = { __proto__: null, patched };
  const names = ownKeys(checks);
  for (let i = 0; i < names.length; i++) {
    try {
      results[names[i]] = await (0, checks[names[i]])();
    } catch (error) {
      results[names[i]] = `failed: ${error.stack}`;
    }
  }
  globalThis.noted = noted;
  globalThis.results = apply(stringify, undefined, [results]);
}

export default {
  async fetch() {
    await runAll();
    return new Response("done");
  },
};
