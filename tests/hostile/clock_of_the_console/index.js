// console.time, console.timeLog and performance entries print how long a loop took.
export default {
  fetch() {
    console.time("loop");
    performance.mark("a");
    for (let i = 0; i < 5_000_000; i += 1) Math.sqrt(i);
    console.timeLog("loop");
    performance.mark("b");
    const measure = performance.measure("ab", "a", "b");
    console.timeEnd("loop");
    const starts = performance.getEntries().map(({ startTime }) => startTime);
    const times = new Set(starts.filter((time) => time !== 0));
    const leaks = [];
    if (measure.duration !== 0) leaks.push(measure.duration);
    if (times.size > 1) leaks.push(...times);
    if (performance.memory !== undefined) leaks.push("memory");
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
