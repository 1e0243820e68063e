// Getters on Object.prototype answer for names that property descriptors and the platform's
// records use.
const NAMES = [
  "get", "set", "value", "writable", "enumerable", "configurable", "done", "then", "next", "return",
  "status", "headers", "body", "bodyId", "signal", "cause", "stream", "size", "type", "error",
];
let reads = "";

export default {
  async fetch(request) {
    for (const name of NAMES) {
      const get = function () {
        if (name !== "then") reads += `${name} of ${typeof this}, `;
      };
      const property = { __proto__: null, get, set: undefined, configurable: true };
      Object.defineProperty(Object.prototype, name, property);
    }
    const none = { __proto__: null };
    const { readable, writable } = new TransformStream(none);
    const writer = writable.getWriter();
    await Promise.all([writer.write("a"), readable.getReader(none).read()]);
    new Headers(none).append("a", "b");
    await new Response("text", none).text();
    await new Request(request.url, none).clone().text();
    await fetch("http://127.0.0.1:1/", none).catch(() => {});
    new URL("http://a/?b=c").searchParams.append("d", "e");
    for (const name of NAMES) delete Object.prototype[name];
    return new Response(reads === "" ? "contained" : `LEAKED: ${reads}`);
  },
};
