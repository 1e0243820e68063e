/** HTMLRewriter as its documentation and the platform's own tests have it. */

const html = (text, headers = {}) =>
  new Response(text, { headers: { "content-type": "text/html", ...headers } });
const rewrite = (text, ...handlers) => {
  const rewriter = new HTMLRewriter();
  for (const [selector, handler] of handlers) {
    if (selector === undefined) rewriter.onDocument(handler);
    else rewriter.on(selector, handler);
  }
  return rewriter.transform(html(text)).text();
};
const failure = async (fn) => {
  try {
    return `gave ${JSON.stringify(await fn())}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A stream of chunks that come one by one. */
const chunks = (list, seen = []) =>
  new ReadableStream({
    async pull(controller) {
      await wait(1);
      const next = list.shift();
      if (next === undefined) return controller.close();
      seen.push(next);
      controller.enqueue(new TextEncoder().encode(next));
    },
  }, { highWaterMark: 0 });

class LinkRewriter {
  count = 0;

  constructor(attribute) {
    this.attribute = attribute;
  }

  element(element) {
    this.count++;
    const value = element.getAttribute(this.attribute);
    if (value) element.setAttribute(this.attribute, value.replace("http:", "https:"));
  }
}

const cases = {
  async links() {
    const links = new LinkRewriter("href");
    const page = `<a href="http://a/">a</a><A HREF=http://b/>b</A><a>c</a><img src="http://d/">`;
    const text = await rewrite(page, ["a", links], ["img", new LinkRewriter("src")]);
    return [text, links.count];
  },
  script: () =>
    rewrite("<html><head><title>x</title></head></html>", [
      "head", { element: (e) => void e.append("<script>1 < 2</script>", { html: true }) },
    ]),
  places: () =>
    rewrite("<p>inner</p><br>", [
      "p, br", {
        element(e) {
          e.before("<b1>").before("<b2>", { html: true });
          e.after("<a1>").after("<a2>", { html: true });
          e.prepend("<p1>").prepend("<p2>", { html: true });
          e.append("<e1>").append("<e2>", null);
        },
      },
    ]),
  inner: () =>
    rewrite("<p>old</p><q>old</q><i>old</i><b>o<u>l</u>d</b><s>old</s>", [
      "p", { element: (e) => void e.setInnerContent("<new>") },
    ], [
      "q", { element: (e) => void e.setInnerContent("<new>", { html: true }) },
    ], [
      "i", { element: (e) => void e.replace("<new>") },
    ], [
      "b", { element: (e) => void e.remove() },
    ], [
      "s", { element: (e) => void e.removeAndKeepContent() },
    ]),
  async attributes() {
    const seen = [];
    const text = await rewrite(`<p A="1" b='"' c d=>x</p>`, ["p", {
      element(e) {
        seen.push([...e.attributes], e.getAttribute("a"), e.getAttribute("C"), e.getAttribute("z"));
        seen.push(e.hasAttribute("B"), e.hasAttribute("z"));
        e.setAttribute("a", `2"`).setAttribute("new", "<&>").removeAttribute("b");
        const iterator = e.attributes;
        seen.push(iterator[Symbol.iterator]() === iterator, [...iterator].length);
        seen.push(iterator.next(), Object.prototype.toString.call(e));
      },
    }]);
    return [text, seen];
  },
  async names() {
    const seen = [];
    const text = await rewrite("<DIV><svg><a/></svg></DIV>", ["div", {
      element(e) {
        seen.push(e.tagName, e.namespaceURI);
        e.tagName = "section";
        for (const name of ["", "1", "a b"]) {
          try {
            e.tagName = name;
          } catch (error) {
            seen.push(`${error.name}: ${error.message}`);
          }
        }
      },
    }], ["a", { element: (e) => void seen.push(e.namespaceURI) }]);
    return [text, seen];
  },
  async removed() {
    const seen = [];
    await rewrite("<p>x</p><!--c-->", ["p", {
      element: (e) => void seen.push(e.removed, e.remove().removed),
    }], [undefined, {
      comments: (c) => void seen.push(c.removed, c.remove().removed),
    }]);
    return seen;
  },
  async text() {
    let buffer = "";
    const seen = [];
    const response = new HTMLRewriter().on("p", {
      text(chunk) {
        seen.push([chunk.text, chunk.lastInTextNode, chunk.removed]);
        buffer += chunk.text;
        if (chunk.lastInTextNode) chunk.replace(buffer.toUpperCase(), { html: true });
        else chunk.remove();
      },
    }).transform(new Response(chunks(["<p>one t", "wo &am", "p; three</", "p><q>four</q>"])));
    return [await response.text(), seen];
  },
  async textAround() {
    return rewrite("<p>x</p>", ["p", {
      text(chunk) {
        if (chunk.lastInTextNode) return;
        chunk.before("<1>").after("<2>", { html: true }).replace("<3>");
      },
    }]);
  },
  comments: () =>
    rewrite("<p><!--a--><!--b--><!--c--></p><!--d-->", ["p", {
      comments(comment) {
        if (comment.text === "a") comment.text = "new";
        else if (comment.text === "b") comment.before("<1>").after("<2>", { html: true });
        else comment.replace("gone");
      },
    }], [undefined, { comments: (c) => void (c.text === "d" && c.remove()) }]),
  async badComment() {
    const set = (c) => {
      c.text = "-->";
    };
    return failure(() => rewrite("<!--x-->", [undefined, { comments: set }]));
  },
  async document() {
    const seen = [];
    const text = await rewrite(
      `<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "x.dtd"><p>a<!--b-->`, [undefined, {
        doctype: (d) => void seen.push(d.name, d.publicId, d.systemId),
        comments: (c) => void seen.push(c.text),
        text: (t) => void seen.push(t.text),
        end(end) {
          seen.push("end", Object.prototype.toString.call(end));
          end.append("<x>").append("<y>", { html: true });
        },
      }],
    );
    await rewrite("<!doctype>", [undefined, {
      doctype: (d) => void seen.push(d.name, d.publicId, d.systemId),
    }]);
    return [text, seen];
  },
  async endTag() {
    const seen = [];
    const text = await rewrite("<div>a<p>b</P >c</div><i>d<br><u>e", ["*", {
      element(e) {
        try {
          e.onEndTag((end) => {
            seen.push(end.name);
            end.before("(").after(")");
            if (end.name === "p") end.name = "q";
            if (end.name === "div") end.remove();
          });
        } catch (error) {
          seen.push(`${e.tagName}: ${error.message}`);
        }
      },
    }]);
    return [text, seen];
  },
  async endTagOnce() {
    const seen = [];
    await rewrite("<p></p>", ["p", {
      element(e) {
        e.onEndTag(() => seen.push("first"));
        e.onEndTag(() => seen.push("second"));
      },
    }]);
    return seen;
  },
  async order() {
    const seen = [];
    await rewrite("<p class=x>a</p>", ["p", {
      element: (e) => void (seen.push(`p ${e.mark}`), e.mark = 1),
      text: (t) => void seen.push(`p text ${t.text}`),
    }], [".x", {
      element: async (e) => {
        await wait(1);
        seen.push(`.x ${e.mark}`);
      },
    }], ["*", {
      element: () => void seen.push("*"),
    }], [undefined, { text: (t) => void seen.push(`document text ${t.text}`) }]);
    return seen;
  },
  async asyncHandlers() {
    const seen = [];
    const text = await rewrite("<p>1</p><p>2</p>", ["p", {
      async element(e) {
        seen.push("begin");
        await wait(5);
        e.prepend("later: ");
        seen.push("end");
      },
      async text(t) {
        await null;
        if (!t.lastInTextNode) t.replace(`[${t.text}]`);
        seen.push(t.text);
      },
    }]);
    return [text, seen];
  },
  async subrequest(env, request) {
    return rewrite("<p></p>", ["p", {
      async element(e) {
        const response = await fetch(new URL("/included", env.origin ?? request.url));
        e.setInnerContent(await response.text(), { html: true });
      },
    }]);
  },
  async thenable() {
    return rewrite("<p></p>", ["p", {
      element: (e) => ({ then: (resolve) => void setTimeout(() => (e.append("x"), resolve()), 1) }),
    }]);
  },
  async interleaved() {
    let open;
    const gate = new Promise((resolve) => (open = resolve));
    const first = rewrite("<p></p>", ["p", {
      element: async (e) => (await gate, void e.append("first")),
    }]);
    const second = rewrite("<p></p>", ["p", {
      element: (e) => (open(), void e.append("second")),
    }]);
    return Promise.all([first, second]);
  },
  async nested() {
    const inner = (text) => rewrite(text, ["i", { element: (e) => void e.append("inner") }]);
    return rewrite("<p></p><i></i>", ["p", {
      element: async (e) => void e.append(await inner("<i></i>"), { html: true }),
    }], ["i", { element: (e) => void e.append("outer") }]);
  },
  async twice() {
    const first = new HTMLRewriter().on("p", { element: (e) => void e.append("1") });
    const second = new HTMLRewriter().on("p", { element: (e) => void e.append("2") });
    return second.transform(first.transform(html("<p></p>"))).text();
  },
  async reused() {
    const rewriter = new HTMLRewriter().on("p", { element: (e) => void e.append("x") });
    const texts = [rewriter.transform(html("<p></p>")), rewriter.transform(html("<p>y</p>"))];
    return Promise.all(texts.map((response) => response.text()));
  },
  async streams() {
    const part = (text) => new Response(text).body;
    return rewrite("<p>x</p><i></i><!--c-->", ["p", {
      async element(e) {
        e.before(chunks(["<one", "> \u20ac"]), { html: true });
        e.append(part("<two>"));
        e.after(html("<three>"), { html: true });
        e.prepend(new Response(null));
      },
    }], ["i", { element: (e) => void e.replace(part("<never>")).replace("now") }], [undefined, {
      comments: (c) => void c.replace(part("<four>")),
      end: (end) => void end.append("(").append(part("\u00e9<five>")).append(chunks([")", "."])),
    }]);
  },
  async badStreams() {
    const used = html("x");
    await used.text();
    const locked = new Response("x").body;
    locked.getReader();
    const append = (content) => failure(() => rewrite("<p></p>", ["p", {
      element: (e) => void e.append(content),
    }]));
    return [
      await append(used),
      await append(locked),
      await append(new ReadableStream({ pull: (c) => c.enqueue(1) })),
      await append(new ReadableStream({ pull: (c) => c.error(new Error("no more")) })),
      await append(new Response(new Uint8Array([0x61, 0xff])).body),
    ];
  },
  async response() {
    const before = new Response("<p>", {
      status: 418,
      statusText: "Teapot",
      headers: { "content-type": "text/html", "content-length": "3", "x-own": "1" },
    });
    const after = new HTMLRewriter().transform(before);
    after.headers.set("x-new", "2");
    const same = new Response(null);
    return [
      after.status, after.statusText, [...after.headers], before.bodyUsed, after.bodyUsed,
      after !== before, new HTMLRewriter().transform(same) === same,
      await after.clone().text(), await after.text(), after.bodyUsed,
      await failure(() => new HTMLRewriter().transform(before)),
    ];
  },
  async encodings() {
    const greek = new Response(new Uint8Array([0x3c, 0x70, 0x3e, 0xe1, 0x3c, 0x2f, 0x70, 0x3e]), {
      headers: { "content-type": "text/html; charset=iso-8859-7" },
    });
    let seen;
    const rewriter = new HTMLRewriter().on("p", {
      element: (e) => void e.append("\u03b2\u20ac\u{1f600}"),
      text: (t) => void (seen ??= t.text),
    });
    const bytes = new Uint8Array(await rewriter.transform(greek).arrayBuffer());
    const of = (type) => failure(() => rewriter.transform(html("x", { "content-type": type })).text());
    return [
      [...bytes].map((byte) => byte.toString(16)).join(" "), seen,
      await of("text/html; charset=none"), await of("text/html; charset=utf-16"),
      await of("text/html;charset=\"UTF-8\""), await of("nonsense"),
    ];
  },
  async pulled() {
    const seen = [];
    const list = ["<p>1</p>", "<p>2</p>", "<p>3</p>"];
    const response = new HTMLRewriter().on("p", { element: () => void seen.push("p") })
      .transform(new Response(chunks(list, seen)));
    await wait(5);
    const states = [[...seen]];
    const reader = response.body.getReader();
    for (let i = 0; i < 4; i++) {
      const { value, done } = await reader.read();
      states.push([done || new TextDecoder().decode(value), ...seen.splice(0)]);
      await wait(5);
    }
    return states;
  },
  async byob() {
    const response = new HTMLRewriter().on("p", { element: (e) => void e.append("more") })
      .transform(html("<p></p>"));
    const reader = response.body.getReader({ mode: "byob" });
    const parts = [];
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(4));
      if (done) return parts;
      parts.push(new TextDecoder().decode(value));
    }
  },
  async cancelled() {
    let reason;
    const body = new ReadableStream({
      pull: (c) => c.enqueue(new TextEncoder().encode("<p>")),
      cancel: (r) => void (reason = r),
    });
    const response = new HTMLRewriter().on("p", {}).transform(new Response(body));
    await response.body.cancel("enough");
    return reason;
  },
  async cancelledInHandler() {
    let token;
    const response = new HTMLRewriter().on("p", {
      async element(e) {
        token = e;
        await reader.cancel("enough");
      },
    }).transform(html("<p></p>"));
    const reader = response.body.getReader();
    const read = await reader.read();
    return [read, await failure(() => token.tagName)];
  },
  async errors() {
    const boom = () => {
      throw new RangeError("boom");
    };
    const asyncBoom = async () => {
      await wait(1);
      boom();
    };
    let cancelled;
    const source = () => new ReadableStream({
      pull: (c) => c.enqueue(new TextEncoder().encode("<p>x</p>")),
      cancel: (reason) => void (cancelled = reason.message),
    });
    const on = (handlers) =>
      failure(() => new HTMLRewriter().on("p", handlers).transform(new Response(source())).text());
    const broken = new ReadableStream({ pull: (c) => c.error(new Error("source")) });
    const read = async (promise) => (await promise, undefined);
    return [
      await on({ element: boom }), cancelled, await on({ text: asyncBoom }),
      await on({ element: (e) => e.onEndTag(boom) }),
      await on({ element: (e) => void e.setAttribute("a b", "") }),
      await failure(() => rewrite("", [undefined, { end: boom }])),
      await failure(() => new HTMLRewriter().transform(new Response(broken)).text()),
      await failure(() => read(rewrite("<p>", ["p", { element: () => Promise.reject("text") }]))
        .catch((e) => Promise.reject(new Error(e)))),
    ];
  },
  async errorBehindOutput() {
    const handlers = { element: () => Promise.reject(new Error("in the middle")) };
    const page = html("<p></p>".repeat(20_000) + "<i>");
    const reader = new HTMLRewriter().on("i", handlers).transform(page).body.getReader();
    let bytes = 0;
    const read = async () => {
      for (;;) bytes += (await reader.read()).value.length;
    };
    const found = await failure(read);
    return [found, bytes > 100_000 && bytes <= 140_000, await failure(() => reader.closed)];
  },
  async earlyOutput() {
    let open;
    const gate = new Promise((resolve) => (open = resolve));
    const response = new HTMLRewriter().on("i", {
      element: async (e) => (await gate, void e.append("later")),
    }).transform(html("<p>first</p><i></i><i></i>"));
    const reader = response.body.getReader();
    const text = ({ value }) => new TextDecoder().decode(value);
    const first = text(await reader.read());
    open();
    return [first, text(await reader.read()), text(await reader.read())];
  },
  async dead() {
    const kept = {};
    await rewrite("<!doctype html><p>x</p><!--c-->", [undefined, {
      doctype: (t) => void (kept.doctype = t),
      comments: (t) => void (kept.comment = t),
      text: (t) => void (kept.text = t),
      end: (t) => void (kept.end = t),
    }], ["p", {
      element: (t) => {
        Object.assign(kept, { element: t, attributes: t.attributes });
        t.onEndTag((end) => void (kept.endTag = end));
      },
    }]);
    const messages = await Promise.all([
      () => kept.doctype.name, () => (kept.comment.text = "x"), () => kept.text.replace("x"),
      () => kept.end.append("x"), () => kept.element.getAttribute("x"), () => kept.element.attributes,
      () => kept.attributes.next(), () => kept.endTag.remove(),
      () => kept.element.onEndTag(() => {}),
    ].map(failure));
    return [messages.length, ...new Set(messages)];
  },
  async arguments() {
    const on = (...args) => failure(() => void new HTMLRewriter().on(...args));
    const method = (fn) => failure(() => rewrite("<p></p>", ["p", { element: fn }]));
    return [
      await on(), await on("p"), await on("p", null), await on("p", { element: 1 }),
      await on("p", { text: null }), await on(Symbol(), {}),
      await failure(() => void new HTMLRewriter().onDocument()),
      await failure(() => void new HTMLRewriter().onDocument({ end: {} })),
      await failure(() => new HTMLRewriter().transform()),
      await failure(() => new HTMLRewriter().transform({ body: null })),
      await failure(() => HTMLRewriter()),
      await method((e) => e.append()), await method((e) => e.append("x", 1)),
      await method((e) => e.setAttribute("x")), await method((e) => e.onEndTag()),
      await method((e) => e.onEndTag({})), await method((e) => e.getAttribute(Symbol())),
      await method((e) => new e.constructor()), await method((e) => void e.append(undefined)),
      await method((e) => e.append.call({}, "x")), await method((e) => e.append({ toString: () => 1 })),
    ];
  },
  async selectors() {
    const good = [
      "*", "p", ".c", "#i", "p.c#i", "[a]", "[a=b]", "[a='b' i]", "[a~=b]", "[a^=b]", "[a$=b]",
      "[a*=b]", "[a|=b]", "a b", "a > b", ":first-child", ":nth-child(2n+1)", ":first-of-type",
      ":nth-of-type(2)", ":not(p)", "a, b",
    ];
    const bad = [
      "", " ", "a +b", "a ~ b", "a >", ":hover", "::before", "p:not(", "[", "[=x]", ".1", "a|b",
      ":not(:not(a))", ":nth-child(x)", "\0", "a{}", "\ud800", ":has(a)", ":is(a)",
    ];
    const check = (selector) => failure(() => void new HTMLRewriter().on(selector, {}));
    const wrong = [];
    for (const selector of good) {
      const found = await check(selector);
      if (found !== "gave undefined") wrong.push([selector, found]);
    }
    for (const selector of bad) wrong.push([selector, await check(selector)]);
    return wrong;
  },
  async globals() {
    const names = ["Element", "EndTag", "Text", "Comment", "Doctype", "DocumentEnd"];
    const { writable, enumerable, configurable } =
      Object.getOwnPropertyDescriptor(globalThis, "HTMLRewriter");
    return [
      names.map((name) => typeof globalThis[name]), HTMLRewriter.name, HTMLRewriter.length,
      String(new HTMLRewriter()), [writable, enumerable, configurable],
      Object.getOwnPropertyNames(HTMLRewriter.prototype),
    ];
  },
};

// Made in global scope, used in requests.
const atStart = new HTMLRewriter().on("p", { element: (e) => void e.append("made at the start") });
const inGlobalScope = await failure(() => atStart.transform(new Response("<p></p>")));
cases.atStart = async () => [await atStart.transform(html("<p></p>")).text(), inGlobalScope];

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "included") return new Response("<b>included</b>");
    if (name === "served") {
      const page = html("<p>served</p>", { "content-length": "13" });
      return new HTMLRewriter().on("p", { element: (e) => void e.after("!") }).transform(page);
    }
    if (name === "echo") {
      const body = new Response(request.body, { headers: { "content-type": "text/html" } });
      return new HTMLRewriter().on("b", { element: (e) => void (e.tagName = "i") }).transform(body);
    }
    if (name === "broken") {
      const element = async () => {
        await wait(20);
        throw new Error("in the middle");
      };
      return new HTMLRewriter().on("i", { element }).transform(html("<p>before</p><i>"));
    }
    const result = await cases[name](env, request);
    return new Response(JSON.stringify(result, null, 1) + "\n");
  },
};
