// Every clock is read before and after much work: a difference would time the work.
const clocks = {
  now: () => Date.now(),
  date: () => new Date().getTime(),
  text: () => Date(),
  performance: () => performance.now(),
  origin: () => performance.timeOrigin,
  mark: () => performance.mark("m").startTime,
  event: () => new Event("e").timeStamp,
  format: () => new Intl.DateTimeFormat("en", { fractionalSecondDigits: 3 }).format(),
  parts: () => new Intl.DateTimeFormat("en", { timeStyle: "full" }).formatToParts().at(-3).value,
  file: () => new File([], "f").lastModified,
  locale: () => new Date().toLocaleTimeString("en", { fractionalSecondDigits: 3 }),
  temporal: () => globalThis.Temporal?.Now?.instant().epochNanoseconds,
};

export default {
  async fetch() {
    await scheduler.wait(1);
    const leaks = [];
    for (const [name, clock] of Object.entries(clocks)) {
      const before = clock();
      for (let i = 0; i < 2_000_000; i += 1) Math.sqrt(i);
      if (clock() !== before) leaks.push(name);
    }
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
