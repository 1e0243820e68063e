// Clocks are read between awaits, generators and messages that do no I/O: time must stand still
// there too.
const work = () => {
  for (let i = 0; i < 200_000; i += 1) Math.sqrt(i);
};
const hops = [
  async () => {},
  () => new Promise((resolve) => queueMicrotask(resolve)),
  () => new Response("x").text(),
  () => new ReadableStream({ start(c) { c.enqueue(1); c.close(); } }).getReader().read(),
  () => new Blob(["x"]).arrayBuffer(),
  () => import("cloudflare:workers"),
  () => new TransformStream().writable.getWriter().ready,
  () => new Promise((resolve) => {
    const target = new EventTarget();
    target.addEventListener("e", resolve);
    target.dispatchEvent(new Event("e"));
  }),
];

export default {
  async fetch() {
    const before = [Date.now(), performance.now()];
    for (let round = 0; round < 30; round += 1) {
      await hops[round % hops.length]();
      work();
    }
    const passed = [Date.now() - before[0], performance.now() - before[1]];
    return new Response(passed.join() === "0,0" ? "contained" : `LEAKED: ${passed}`);
  },
};
