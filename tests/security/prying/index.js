/** Patches built-ins that the web APIs could use, and notes what it sees through them. */
let count = 0;
const { apply, defineProperty, ownKeys } = Reflect;
const then = Promise.prototype.then;

/** Names of properties that objects of the web APIs' own have, or could have. */
const NAMES = [
  "id", "bodyId", "body", "source", "stream", "state", "reader", "queue", "request", "context",
  "value", "done", "kind", "next", "head", "tail", "first", "size", "resolve", "reject", "promise",
  "controller", "pending", "buffer", "signal", "owner", "headers", "status", "method", "url",
  "type", "redirect", "cancel", "pull", "write", "close", "abort", "flush", "transform", "error",
  "passThrough", "started", "closed", "chunk", "sink", "interval", "callback", "args", "list",
];

/** Lets setters and getters on Object.prototype note the objects that they are called with. */
function watchObjects(seen) {
  let noting = false;
  const note = (what, object) => {
    if (noting) return;
    noting = true;
    seen[seen.length] = `${what} of ${apply(Object.prototype.toString, object, [])}`;
    noting = false;
  };
  for (const name of NAMES) {
    defineProperty(Object.prototype, name, {
      __proto__: null,
      configurable: true,
      get: undefined,
      set(value) {
        note(name, this);
        const own = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
        defineProperty(this, name, own);
      },
    });
  }
}

function unwatchObjects() {
  for (const name of NAMES) delete Object.prototype[name];
}

/** Uses what has state of its own. */
async function useApis(url) {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  writer.write(new Uint8Array([1]));
  writer.close();
  const [a, b] = readable.tee();
  await Promise.resolve(new Response(a).text());
  await Promise.resolve(new Response(b).arrayBuffer());
  await new Response("text").body.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream());
  const form = new FormData();
  form.append("name", new File(["text"], "name"));
  await new Response(form).formData();
  await (await fetch(`${url}/ok`, { method: "POST", body: "text" })).text();
  await scheduler.wait(1);
  await crypto.subtle.digest("SHA-256", new Uint8Array(1));
  new URLSearchParams("a=b").append("c", "d");
  new Request(url, { method: "POST", body: "text" }).clone();
  structuredClone({ a: [1] });
}

const paths = {
  "/ok": () => new Response("ok"),
  "/count": () => new Response(String((count += 1))),
  "/setters": async (request) => {
    const seen = [];
    const url = request.headers.get("x-url");
    watchObjects(seen);
    try {
      await useApis(url);
    } finally {
      unwatchObjects();
    }
    return new Response(seen.join("\n"));
  },
  /** Waits with its body unread for `/thief` to try. */
  "/victim": async (request) => {
    await scheduler.wait(1500);
    return new Response(`mine: ${await request.text()}`);
  },
  /** Replaces what `fetch` gets from the native side by replies that name others' bodies. */
  "/thief": async (request) => {
    const url = request.headers.get("x-url");
    let forged = 0;
    try {
      defineProperty(Promise.prototype, "constructor", { get: () => undefined });
    } catch {}
    Promise.prototype.then = function (resolved, rejected) {
      const replace = (value) => {
        const isReply = forged > 0 && typeof value === "object" && value !== null;
        if (isReply && ownKeys(value).includes("bodyId")) {
          value = { status: 200, statusText: "", headers: "", bodyId: forged };
        }
        return resolved ? resolved(value) : value;
      };
      return apply(then, this, [replace, rejected]);
    };
    const stolen = [];
    for (let id = 1; id < 20; id += 1) {
      forged = id;
      try {
        const response = await fetch(`${url}/ok`);
        const text = await Promise.race([response.text(), scheduler.wait(20)]);
        if (text !== undefined && text !== "ok") stolen.push(text);
      } catch {}
    }
    Promise.prototype.then = then;
    return new Response(stolen.join("\n"));
  },
};

export default {
  fetch(request) {
    return paths[new URL(request.url).pathname](request);
  },
};
