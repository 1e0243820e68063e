// A proxy that is its own prototype, and prototype chains of proxies, for every kind of access.
const knot = new Proxy({}, { getPrototypeOf: () => knot });
Object.setPrototypeOf(Object.getPrototypeOf(Object.create(knot)), null);
const own = new Proxy({}, {});
const loop = Object.create(own);
Object.setPrototypeOf(own, loop);

export default {
  fetch() {
    loop[Symbol.iterator] ??= 1;
    for (const key in loop) console.log(key);
    return new Response("x" in loop ? loop.x : Object.create(loop).y);
  },
};
