// SharedArrayBuffer and Atomics as a clock or a way to wait: there must be no second thread to
// count.
export default {
  async fetch() {
    const leaks = [];
    const memory = new Int32Array(new SharedArrayBuffer(16));
    try {
      leaks.push(`wait: ${Atomics.wait(memory, 0, 0, 10)}`);
    } catch (error) {
      if (!(error instanceof TypeError)) leaks.push(String(error));
    }
    if (typeof Atomics.waitAsync === "function") leaks.push("waitAsync");
    if (typeof Worker !== "undefined") leaks.push("Worker");
    if (Atomics.notify(memory, 0, 1) !== 0) leaks.push("somebody waited");
    try {
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(memory);
      const got = new Promise((resolve) => { port2.onmessage = resolve; });
      const event = await Promise.race([got, scheduler.wait(50)]);
      if (event !== undefined) Atomics.add(event.data, 1, 1);
    } catch {}
    const before = memory[0];
    for (let i = 0; i < 1_000_000; i += 1) Atomics.load(memory, 0);
    if (memory[0] !== before) leaks.push("something counts");
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
