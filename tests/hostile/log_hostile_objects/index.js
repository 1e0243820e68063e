// console methods are given objects with getters that throw, proxies, cycles and endless
// iterators.
const thrower = new Proxy(class {}, {
  get() { throw new Error("get"); },
  ownKeys() { throw new Error("ownKeys"); },
  getPrototypeOf() { throw thrower; },
});

export default {
  fetch() {
    const cycle = { thrower, map: new Map(), get bad() { throw cycle; } };
    cycle.map.set(cycle, new Set([cycle, thrower]));
    const error = new Error("x", { cause: thrower });
    Object.defineProperty(error, "stack", { get() { throw error; } });
    Object.defineProperty(error, "name", { value: thrower });
    for (const method of ["log", "error", "table", "dir", "trace", "group", "count", "assert"]) {
      try {
        console[method](cycle, thrower, error, "%s %o %d %c %j", Symbol("s"), -0, 1n);
        console[method]("%s%s%o%O%d", thrower, cycle, error, thrower, cycle);
      } catch {}
    }
    return new Response("logged");
  },
};
