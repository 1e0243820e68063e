// Promise's then, catch, resolve and species are replaced, to hold the promises of the platform
// itself.
const { then } = Promise.prototype;
const seen = [];

export default {
  async fetch(request, env, ctx) {
    Promise.prototype.then = function (resolved, rejected) {
      const look = (value) => {
        if (Object(value) === value && !(value instanceof Response)) seen.push("then");
        return resolved?.(value);
      };
      return Reflect.apply(then, this, [look, rejected]);
    };
    for (const name of ["resolve", "reject", "all", "withResolvers"]) {
      Promise[name] = () => seen.push(name);
    }
    try {
      Object.defineProperty(Promise, Symbol.species, { get: () => seen.push("species") });
    } catch {}
    const { readable, writable } = new TransformStream({ transform() {} });
    const writer = writable.getWriter();
    writer.write("a");
    writer.close();
    await readable.pipeTo(new WritableStream());
    await new Response(new Blob(["a"]).stream()).text();
    try {
      await fetch("http://127.0.0.1:1/");
    } catch {}
    ctx.waitUntil(scheduler.wait(1));
    await crypto.subtle.digest("SHA-1", new Uint8Array(1));
    return new Response(seen.length === 0 ? "contained" : `LEAKED: ${seen}`);
  },
};
