/** Web APIs that need no request: copies, crypto, addresses, events, encodings. */
const hex = (buffer) => {
  const bytes = [...new Uint8Array(buffer)];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

const paths = {
  "/structured-clone": (log) => {
    const map = new Map([[1, { deep: [1, 2] }]]);
    const original = { date: new Date(0), map, set: new Set(["a"]), re: /x/gi };
    original.self = original;
    const copy = structuredClone(original);
    log(copy !== original, copy.self === copy, copy.date.getTime());
    log(copy.map.get(1).deep, [...copy.set], copy.re);
    const bytes = new Uint8Array([1, 2, 3]);
    const moved = structuredClone(bytes, { transfer: [bytes.buffer] });
    log(moved.length, bytes.length);
    try {
      structuredClone(() => 1);
    } catch (error) {
      log(error.name, error instanceof DOMException, error.code);
    }
  },
  "/crypto": async (log) => {
    const data = new TextEncoder().encode("abc");
    for (const name of ["SHA-1", "SHA-256", "SHA-384", "SHA-512", "MD5"]) {
      log(name, hex(await crypto.subtle.digest(name, data)).slice(0, 16));
    }
    log(crypto.getRandomValues(new Uint8Array(8)).length);
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    log(uuid.test(crypto.randomUUID()));
    log(crypto.randomUUID() !== crypto.randomUUID());
    try {
      crypto.getRandomValues(new Uint8Array(65_537));
    } catch (error) {
      log(error.name);
    }
    await crypto.subtle.digest("SHA-3", data).catch((error) => log(error.name));
  },
  "/url": (log) => {
    const url = new URL("../x/./y?q=1&q=2#h", "https://user:pw@EXAMPLE.com:443/a/b/c");
    log(url.href, url.origin, url.searchParams.getAll("q"));
    url.searchParams.append("z", "ä b");
    url.hash = "";
    log(url.search, url.href);
    log(new URL("http://0x7f.1/").host, new URL("https://münchen.de/").host, URL.canParse("nope"));
    log(URL.parse("nope"), new URLSearchParams({ a: "1", b: "&" }).toString());
    try {
      new URL("nope");
    } catch (error) {
      log(error.name, error.message);
    }
  },
  "/events": (log) => {
    const target = new EventTarget();
    target.addEventListener("e", { handleEvent: (event) => log("object", event.type) });
    target.addEventListener("e", (event) => event.preventDefault(), { once: true });
    target.addEventListener("e", (event) => log("detail", event.detail));
    const event = new CustomEvent("e", { detail: 7, cancelable: true });
    log(target.dispatchEvent(event), event.defaultPrevented);
    log(target.dispatchEvent(new CustomEvent("e", { cancelable: true })));
  },
  "/abort": (log) => {
    const controller = new AbortController();
    controller.signal.onabort = (event) => log(event.type, controller.signal.aborted);
    controller.abort();
    log(controller.signal.reason.name);
    try {
      AbortSignal.abort(new Error("own reason")).throwIfAborted();
    } catch (error) {
      log(error.message);
    }
  },
  "/encoding": (log) => {
    log(btoa("hi"), atob("aGk="), [...new TextEncoder().encode("é€")]);
    log(new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xff, 0x61])));
    log(new TextDecoder("windows-1252").decode(new Uint8Array([0x80])));
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([0xff]));
    } catch (error) {
      log(error.name);
    }
    try {
      atob("***");
    } catch (error) {
      log(error.name);
    }
  },
  "/blob": async (log) => {
    const blob = new Blob(["ab", new Uint8Array([99])], { type: "Text/Plain" });
    log(blob.size, blob.type, await blob.text(), await blob.slice(1, 2).text());
    const file = new File([blob], "f.txt", { lastModified: 5 });
    log(file.name, file.lastModified, file.size, Object.prototype.toString.call(file));
  },
  "/globals": (log) => {
    log(self === globalThis, navigator.userAgent, globalThis.constructor.name);
    log(typeof SharedArrayBuffer, typeof process, typeof window);
    log(typeof globalThis.require, typeof Buffer);
  },
  "/eval": (log) => {
    for (const attempt of [() => new Function("return 1")(), () => (0, eval)("1")]) {
      try {
        log("ran", attempt());
      } catch (error) {
        log(error.name, error.message);
      }
    }
  },
  "/wasm-bytes": async (log) => {
    const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    try {
      log("compiled", new WebAssembly.Module(bytes));
    } catch (error) {
      log(error.name, error.message);
    }
    await WebAssembly.instantiate(bytes).then(log, (error) => log(error.name));
  },
  "/report-error": (log) => {
    reportError(new RangeError("reported"));
    log("went on");
  },
  "/unhandled": async (log) => {
    const seen = new Promise((resolve) => {
      addEventListener("unhandledrejection", (event) => {
        event.preventDefault();
        resolve(event.reason.message);
      }, { once: true });
    });
    Promise.reject(new Error("nobody caught this"));
    log(await Promise.race([seen, scheduler.wait(1000)]));
  },
  "/message-channel": async (log) => {
    const { port1, port2 } = new MessageChannel();
    const message = { list: [1] };
    port1.postMessage(message);
    message.list.push(2);
    const arrived = new Promise((resolve) => (port2.onmessage = resolve));
    log("not yet");
    const { data, ports, isTrusted } = await arrived;
    log(data.list, ports.length, isTrusted);
    const closed = new Promise((resolve) => port2.addEventListener("close", resolve));
    port1.close();
    log((await closed).type);
    try {
      port2.postMessage(() => 1);
    } catch (error) {
      log(error.name);
    }
  },
};

export default {
  async fetch(request) {
    const lines = [];
    const log = (...words) => lines.push(words.map(String).join(" "));
    await paths[new URL(request.url).pathname](log);
    return new Response(`${lines.join("\n")}\n`);
  },
};
