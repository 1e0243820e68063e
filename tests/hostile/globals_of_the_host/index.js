// A search through all that can be reached from globalThis for things of V8, of a shell or of the
// host.
const UNWANTED = [
  "process", "Deno", "Bun", "require", "module", "global", "gc", "d8", "print", "load", "quit",
  "readFile", "version", "os", "Realm", "Worker", "importScripts", "SharedWorker", "ops", "isolde",
  "__bootstrap", "internal", "primordials", "host", "exports", "ShadowRealm", "chrome", "Isolate",
];

export default {
  fetch() {
    const found = UNWANTED.filter((name) => name in globalThis);
    const known = new Set();
    const todo = [globalThis];
    while (todo.length > 0 && known.size < 5000) {
      const object = todo.pop();
      if (known.has(object)) continue;
      known.add(object);
      for (const key of Reflect.ownKeys(object)) {
        const one = Reflect.getOwnPropertyDescriptor(object, key);
        if (/^%|internal|isolde|primordial/i.test(String(key))) found.push(String(key));
        for (const next of [one.value, one.get, one.set, Reflect.getPrototypeOf(object)]) {
          if (next !== null && /^(object|function)$/.test(typeof next)) todo.push(next);
        }
      }
    }
    return new Response(found.length === 0 ? "contained" : `LEAKED: ${found}`);
  },
};
