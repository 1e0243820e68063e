/** URLPattern as routers use it, and with patterns that are made to hurt. */
const list = (lines) => new Response(`${lines.join("\n")}\n`);

/** What some code gives, or how it fails. */
function outcome(run) {
  try {
    const value = run();
    return typeof value === "string" ? value : JSON.stringify(value);
  } catch (error) {
    const { message, name } = error;
    return `${name}: ${message.length > 160 ? `${message.slice(0, 160)}...` : message}`;
  }
}

const routes = [
  ["home", new URLPattern({ pathname: "/" })],
  ["user", new URLPattern({ pathname: "/users/:id(\\d+)" })],
  ["file", new URLPattern({ pathname: "/files/*" })],
  ["page", new URLPattern({ pathname: "/:lang?/page{.:format}?" })],
];

function route(url) {
  for (const [name, pattern] of routes) {
    const match = pattern.exec(url);
    if (match !== null) return `${name} ${JSON.stringify(match.pathname.groups)}`;
  }
  return "nothing";
}

function routed() {
  const paths = ["/", "/users/7", "/users/x", "/files/a/b.txt", "/page", "/de/page.html", "/a/b"];
  return list(paths.map((path) => `${path}: ${route(`https://example.com${path}`)}`));
}

function patterns() {
  const of = (...args) => outcome(() => {
    const pattern = new URLPattern(...args);
    const { protocol, username, password, hostname, port, pathname, search, hash } = pattern;
    const parts = [protocol, username, password, hostname, port, pathname, search, hash];
    return `${parts.join(" ")} ${pattern.hasRegExpGroups}`;
  });
  return list([
    of(),
    of("https://*.example.com:8080/:a/*?q=(x+)#h"),
    of("/a/../b", "https://example.com/x?y#z"),
    of({ pathname: "b", baseURL: "https://example.com/a/c" }),
    of("https://example.com:443/\u{e9}"),
    of({ hostname: "B\u{fc}cher.example" }),
    of("data\\:text/:kind"),
    of("https://[\\:\\:1]/"),
    of({ protocol: "http{s}?", port: "443" }),
  ]);
}

function results() {
  const pattern = new URLPattern({ pathname: "/:__proto__/:toString" }, { ignoreCase: true });
  const match = pattern.exec("/A/b", "https://example.com");
  const { groups } = match.pathname;
  return list([
    Object.keys(match).join(),
    JSON.stringify(match.inputs),
    JSON.stringify(Object.entries(groups)),
    Object.getPrototypeOf(groups) === Object.prototype,
    new URLPattern({ pathname: "/ABC" }, { ignoreCase: true }).test({ pathname: "/abc" }),
    new URLPattern({ pathname: "/ABC" }).test({ pathname: "/abc" }),
    new URLPattern({ pathname: "/a" }).test("no URL"),
    new URLPattern({ port: "80" }).test({ port: "x" }),
    JSON.stringify(new URLPattern({ search: "{a}?*" }).exec({ search: "?b" }).search),
  ]);
}

function wrong() {
  const pattern = new URLPattern({ pathname: "/a" });
  return list([
    outcome(() => new URLPattern("/relative")),
    outcome(() => new URLPattern({}, "https://example.com")),
    outcome(() => new URLPattern("a", "no URL")),
    outcome(() => new URLPattern({ pathname: "(" })),
    outcome(() => new URLPattern({ pathname: "/:a/:a" })),
    outcome(() => new URLPattern({ pathname: "/([)" })),
    outcome(() => new URLPattern({ pathname: "/{a" })),
    outcome(() => new URLPattern({ hostname: "a b" })),
    outcome(() => new URLPattern({ protocol: "no scheme" })),
    outcome(() => new URLPattern({ port: "70000" })),
    outcome(() => new URLPattern({ get pathname() { throw new RangeError("thrown"); } })),
    outcome(() => new URLPattern("https://example.com", 1)),
    outcome(() => new URLPattern(Symbol("s"))),
    outcome(() => pattern.test({ pathname: "/a" }, "https://example.com")),
    outcome(() => URLPattern.prototype.test.call({}, "https://example.com/a")),
    outcome(() => Object.getOwnPropertyDescriptor(URLPattern.prototype, "hash").get.call(null)),
  ]);
}

function hostile() {
  const many = (text, count) => text.repeat(count);
  const lines = [
    outcome(() => new URLPattern({ pathname: many("a", 16385) }).pathname.length),
    outcome(() => new URLPattern({ pathname: many("a", 16384) }).pathname.length),
    outcome(() => new URLPattern(many("a", 20000), "https://example.com").pathname.length),
    outcome(() => new URLPattern({ pathname: many("{a}?", 2049) }).pathname.length),
    outcome(() => new URLPattern({ pathname: many("(", 8000) })),
    outcome(() => new URLPattern({ pathname: many("(a(?:", 3000) })),
    outcome(() => new URLPattern(many("(a(?:", 3000), "https://example.com")),
    outcome(() => new URLPattern({ pathname: many("{", 16000) })),
    outcome(() => new URLPattern({ pathname: many("*", 1000) }).test({ pathname: "a" })),
    outcome(() => new URLPattern({ pathname: many(":a", 2000) })),
    outcome(() => new URLPattern({ pathname: "(a{1000}{1000}{1000})" })),
    outcome(() => new URLPattern({ pathname: "(\\u{0})" }).pathname),
    outcome(() => new URLPattern({ pathname: "\\" })),
    outcome(() => new URLPattern({ pathname: "\ud800:\udc00" }).pathname),
    outcome(() => new URLPattern({ hostname: `${many("a.", 5000)}com` }).hostname.length),
    outcome(() => new URLPattern({ pathname: "*" }).test({ pathname: many("a", 2 << 20) })),
  ];
  return list(lines);
}

/** Nothing that a Worker replaces is seen. */
function patched() {
  const { exec } = RegExp.prototype;
  const { push } = Array.prototype;
  RegExp.prototype.exec = () => {
    throw new Error("exec is called");
  };
  Array.prototype.push = () => {
    throw new Error("push is called");
  };
  Object.defineProperty(Object.prototype, "a", { configurable: true, set() {
    throw new Error("a setter is called");
  } });
  const result = outcome(() => new URLPattern({ pathname: "/:a" }).exec({ pathname: "/b" }));
  RegExp.prototype.exec = exec;
  Array.prototype.push = push;
  delete Object.prototype.a;
  return list([result]);
}

const paths = {
  "/routed": routed,
  "/patterns": patterns,
  "/results": results,
  "/wrong": wrong,
  "/hostile": hostile,
  "/patched": patched,
};

export default { fetch: (request) => paths[new URL(request.url).pathname]() };
