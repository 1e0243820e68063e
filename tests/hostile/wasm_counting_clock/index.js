// A counting loop in WebAssembly is used as a clock: no clock may tell how long it ran.
import module from "./count.wasm";

export default {
  async fetch() {
    const leaks = [];
    const { count, memory } = new WebAssembly.Instance(module).exports;
    await scheduler.wait(1);
    const ratios = new Set();
    for (const rounds of [1_000, 100_000, 10_000_000]) {
      const before = performance.now();
      count(rounds);
      ratios.add(performance.now() - before);
    }
    if (ratios.size !== 1 || !ratios.has(0)) leaks.push(...ratios);
    const view = new Int32Array(memory.buffer);
    const counted = view[0];
    await scheduler.wait(2);
    if (view[0] !== counted) leaks.push("it counts in another thread");
    if (typeof SharedArrayBuffer === "function") {
      try {
        new WebAssembly.Instance(module, { memory: new WebAssembly.Memory({ initial: 1 }) });
        if (memory.buffer instanceof SharedArrayBuffer) leaks.push("shared memory");
      } catch {}
    }
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
