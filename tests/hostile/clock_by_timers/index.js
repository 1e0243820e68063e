// Two timers race a loop, so that their order or their time tells how long the loop took.
const after = (ms, act) => new Promise((resolve) => setTimeout(() => resolve(act()), ms));

export default {
  async fetch() {
    const order = [];
    const start = Date.now();
    const timers = [5, 1, 4, 2, 3].map((ms) =>
      after(ms, () => {
        order.push(ms);
        const before = performance.now();
        for (let i = 0; i < 500_000; i += 1) Math.sqrt(i);
        return performance.now() - before + (Date.now() < start ? 1 : 0);
      }),
    );
    for (let i = 0; i < 3_000_000; i += 1) Math.sqrt(i);
    const leaks = (await Promise.all(timers)).filter((passed) => passed !== 0);
    if (order.join() !== "1,2,3,4,5") leaks.push(order);
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
