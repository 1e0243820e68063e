// Every method of the language's own prototypes is replaced by a spy, to see the platform's
// private objects pass.
const { apply, defineProperty, ownKeys, getOwnPropertyDescriptor: describe } = Reflect;
const seen = [];
let on = false;
const note = (name) => {
  if (on) seen[seen.length] = name;
};

function spy(object, path) {
  for (const key of ownKeys(object)) {
    const property = describe(object, key);
    const { value } = property;
    if (!property.configurable || typeof value !== "function" || key === "constructor") continue;
    if (value.prototype !== undefined || key === Symbol.iterator) continue;
    const f = function (...args) {
      note(`${path} ${String(key)}`);
      return apply(value, this, args);
    };
    defineProperty(object, key, { ...property, value: f });
  }
}
const own = [Function, Array, Map, Set, WeakMap, String, RegExp, Number, Error, DataView];

export default {
  async fetch(request) {
    const typed = Object.getPrototypeOf(Uint8Array);
    for (const one of [...own, typed]) spy(one.prototype, one.name);
    for (const one of [Reflect, JSON, Math, Array, Object, String]) spy(one, `${one}`);
    const form = new FormData();
    on = true;
    form.append("a", "b");
    await new Response(form).formData();
    await new Response(new Blob(["x"]).stream().pipeThrough(new TransformStream())).bytes();
    new URL("http://a/?b=c").searchParams.append("d", "e");
    await fetch("http://127.0.0.1:1/").catch(() => {});
    on = false;
    return new Response(seen.length === 0 ? "contained" : `LEAKED: ${seen}`);
  },
};
