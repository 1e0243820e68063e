/** HTMLRewriter with hostile documents, selectors, handlers and a patched realm. */

/** Calls of patched built-ins. The Worker itself calls none of them meanwhile. */
const leaks = [];

const textOf = Function.prototype.call.bind(Response.prototype.text);

/** Patches what the platform might call by mistake; gives what undoes it. */
function patch() {
  const restores = [];
  const trap = (holder, name) => {
    const original = holder[name];
    restores[restores.length] = () => (holder[name] = original);
    holder[name] = function (...args) {
      leaks[leaks.length] = name;
      return new.target === undefined ? original.apply(this, args) : new original(...args);
    };
  };
  const methods = [
    [Array.prototype, ["push", "slice", "map", "shift", "join"]],
    [Map.prototype, ["get", "set", "delete", "forEach"]], [Promise.prototype, ["then", "catch"]],
    [String.prototype, ["slice", "indexOf", "split"]], [Promise, ["resolve", "all", "reject"]],
    [Response.prototype, ["clone", "text"]], [Headers.prototype, ["get", "delete", "set"]],
    [ReadableStream.prototype, ["getReader", "cancel", "tee"]],
    [ReadableStreamDefaultReader.prototype, ["read", "cancel"]], [Reflect, ["apply", "ownKeys"]],
    [Object.getPrototypeOf(Uint8Array.prototype), ["set", "subarray"]], [TextDecoder.prototype, ["decode"]],
  ];
  for (const [holder, names] of methods) for (const name of names) trap(holder, name);
  for (const name of ["then", "value", "done", "live", "number", "chunk", "content", "reader"]) {
    Object.defineProperty(Object.prototype, name, {
      __proto__: null,
      configurable: true,
      get: () => void (leaks[leaks.length] = `Object.prototype.${name}`),
      set: () => void (leaks[leaks.length] = `Object.prototype.${name}=`),
    });
    restores[restores.length] = () => delete Object.prototype[name];
  }
  return () => {
    for (let i = 0; i < restores.length; i++) (0, restores[i])();
  };
}

const failure = async (fn) => {
  try {
    const value = await fn();
    return `gave ${typeof value === "string" ? `${value.length} characters` : JSON.stringify(value)}`;
  } catch (error) {
    return `${error?.name}: ${error?.message}`;
  }
};
const on = (selector, handlers, text) =>
  new HTMLRewriter().on(selector, handlers).transform(new Response(text)).text();
const nothing = { element() {}, comments() {}, text() {} };

const cases = {
  async nested() {
    const deep = "<a>".repeat(100_000);
    const closed = `${"<div>".repeat(5_000)}${"</div>".repeat(5_000)}`;
    return [
      await failure(() => on("*", nothing, deep)),
      await failure(() => on("a a a > a", nothing, deep)),
      await failure(() => on("div", { element: (e) => void e.onEndTag(() => {}) }, closed)),
    ];
  },
  async selectors() {
    const select = (selector) => failure(() => on(selector, nothing, "<a><b>"));
    const many = new HTMLRewriter();
    for (let i = 0; i < 5_000; i++) many.on("a", nothing);
    const long = new HTMLRewriter();
    for (let i = 0; i < 20; i++) long.on(`.${"a".repeat(16_000)}`, nothing);
    return [
      await select("a ".repeat(100_000)), await select("a>".repeat(5_000) + "a"),
      await select(":not(".repeat(10_000)), await select("(".repeat(10_000)),
      await select("[".repeat(10_000)), await select(":not(a)".repeat(100)),
      await select(Array(2_000).fill("a.b").join()), await select("*".repeat(1_000)),
      await select("a".repeat(1e6)), await select(":nth-child(99999999999n + 1)"),
      await failure(() => many.transform(new Response("x")).text()),
      await failure(() => long.transform(new Response("x")).text()),
    ];
  },
  async attributes() {
    const value = "x".repeat(1 << 20);
    let length;
    const result = await on("a", {
      element(e) {
        length = [e.getAttribute("b").length, [...e.attributes].length];
        e.setAttribute("c", value);
      },
    }, `<a b="${value}">y</a>`);
    const manyAttributes = `<a ${Array.from({ length: 50_000 }, (_, i) => `a${i}`).join(" ")}>`;
    return [
      length, result.length, await failure(() => on("a", nothing, `<a b="${value.repeat(4)}">`)),
      await failure(() => on("a", { element: (e) => void (length = [...e.attributes].length) },
        manyAttributes)), length,
    ];
  },
  async broken() {
    const pieces = [
      "<", "</", "<!", "<!-", "<!--", "<a", "<a b=", "<a b='", "</a", "<!doctype", "<![CDATA[", "&",
      "\0", "<\0>", "<script><!--<script>", "<select><table>", "<svg><![CDATA[x", "<title></",
      "<plaintext>x</plaintext>", "<math><annotation-xml encoding='text/html'><p>",
    ];
    const changed = [];
    for (const piece of pieces) {
      const result = await failure(async () => (await on("*", nothing, piece)) === piece);
      if (result !== "gave true") changed.push([piece, result]);
    }
    const bytes = new Uint8Array([0x3c, 0x70, 0x3e, 0xff, 0xfe, 0x3c, 0x2f]);
    const rewritten = new HTMLRewriter().on("p", { element() {} }).transform(new Response(bytes));
    return [changed, [...new Uint8Array(await rewritten.arrayBuffer())]];
  },
  async contents() {
    const megabyte = "x".repeat(1 << 20);
    const lots = (count) => failure(() => on("p", {
      element(e) {
        for (let i = 0; i < count; i++) e.append(megabyte);
      },
    }, "<p></p>"));
    const small = failure(() => on("p", {
      element(e) {
        for (let i = 0; i < 100_000; i++) e.before("y");
      },
    }, "<p></p>"));
    return [await lots(5), (await lots(200)).replace(/\d+/, "n"), await small];
  },
  async many() {
    const never = () => new HTMLRewriter().on("p", { element: () => new Promise(() => {}) })
      .transform(new Response("<p>"));
    const readers = [];
    let failed;
    for (let i = 0; i < 1_000 && failed === undefined; i++) {
      try {
        const reader = never().body.getReader();
        readers.push(reader);
        reader.read().catch((error) => void (failed ??= `${error.name}: ${error.message}`));
      } catch (error) {
        failed = `${error.name}: ${error.message}`;
      }
      await null;
      await null;
    }
    const count = readers.length;
    for (const reader of readers) reader.cancel().catch(() => {});
    // There is room again.
    return [count > 50 && count < 300, failed !== undefined, await failure(() => on("p", nothing, "<p>"))];
  },
  async reentrant() {
    const seen = [];
    const rewriter = new HTMLRewriter();
    const response = rewriter.on("p", {
      async element(e) {
        // Its own body, in the middle of it.
        seen.push(await failure(() => response.text()), await failure(() => rewriter.transform(response)));
        seen.push(await failure(() => e.append({ toString: () => (e.remove(), "x") })));
        rewriter.on("p", { element: () => void seen.push("too late") });
      },
    }).transform(new Response("<p></p>"));
    seen.push(await response.text());
    return seen;
  },
  async options() {
    const order = [];
    const options = new Proxy({}, { get: (_, name) => (order.push(String(name)), true) });
    const handlers = new Proxy({}, { get: (_, name) => void order.push(String(name)) });
    new HTMLRewriter().on("p", handlers).onDocument(handlers);
    let kept;
    const late = {
      get html() {
        kept.resolve();
        return true;
      },
    };
    const text = await on("p", {
      element(e) {
        kept = Promise.withResolvers();
        e.append("<x>", options).append("<y>", late);
      },
    }, "<p></p>");
    return [order, text];
  },
  async unread() {
    let pulled = 0;
    const source = new ReadableStream({ pull: (c) => (pulled++, c.enqueue("<p>")) }, { highWaterMark: 0 });
    new HTMLRewriter().on("p", nothing).transform(new Response(source));
    await new Promise((resolve) => setTimeout(resolve, 5));
    return pulled;
  },
  async shrinking() {
    const buffer = new ArrayBuffer(40_000, { maxByteLength: 40_000 });
    new Uint8Array(buffer).fill(0x78).set([0x3c, 0x70, 0x3e]);
    const source = new ReadableStream({
      start(c) {
        c.enqueue(new Uint8Array(buffer));
        c.close();
      },
    });
    return failure(() => new HTMLRewriter().on("p", { element: () => void buffer.resize(10) })
      .transform(new Response(source)).text());
  },
  async patched() {
    const chunks = ["<p>one</p>", "<p>two</p>"];
    const body = new ReadableStream({
      pull(c) {
        if (chunks.length === 0) return c.close();
        c.enqueue(chunks[0]);
        chunks.length === 2 ? (chunks[0] = chunks[1], chunks.length = 1) : (chunks.length = 0);
      },
    });
    const response = new Response(body, { headers: { "content-type": "text/html" } });
    const included = new Response("<i>");
    // What is loaded when it is touched is there before.
    await on("p", nothing, "<p>x");
    const unpatch = patch();
    let text;
    try {
      const rewritten = new HTMLRewriter().on("p", {
        async element(e) {
          e.append("<", { html: false });
          e.setAttribute("a", "b");
          e.attributes.next();
          if (!included.bodyUsed) e.before(included, { html: true });
          e.onEndTag((end) => void end.before("!"));
        },
        text: (t) => void t.after("?"),
      }).transform(response);
      text = await textOf(rewritten);
    } finally {
      unpatch();
    }
    return [text, [...new Set(leaks)]];
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "never") {
      return new HTMLRewriter().on("p", { element: () => new Promise(() => {}) })
        .transform(new Response("<b>before</b><p>"));
    }
    if (name === "dies") {
      // The isolate ends in the middle of a document.
      const reader = new HTMLRewriter().on("p", { element: () => new Promise(() => {}) })
        .transform(new Response("<p>")).body.getReader();
      reader.read();
      await new Promise((resolve) => setTimeout(resolve, 1));
      const hog = [];
      for (;;) hog.push(new Array(100_000).fill(hog.length));
    }
    if (name === "loop") {
      const body = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65536).fill(0x3c)) });
      const rewritten = new HTMLRewriter().on("p", nothing).transform(new Response(body));
      const reader = rewritten.body.getReader();
      let length = 0;
      while (length < 10_000_000) length += (await reader.read()).value.length;
      await reader.cancel();
      return new Response(`${length > 0}\n`);
    }
    return new Response(JSON.stringify(await cases[name](request), null, 1) + "\n");
  },
};
