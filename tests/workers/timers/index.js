/** Timers, and signals that fire by themselves. */
const paths = {
  "/order": async (log) => {
    await new Promise((resolve) => {
      setTimeout(() => log("timeout 0"), 0);
      setTimeout(() => log("timeout 20"), 20);
      setTimeout(() => log("timeout 10"), 10);
      setTimeout(resolve, 40);
      queueMicrotask(() => log("microtask"));
      Promise.resolve().then(() => log("promise"));
      log("synchronous");
    });
  },
  "/arguments": async (log) => {
    await new Promise((resolve) => setTimeout((a, b) => resolve(log(a, b)), 1, "one", "two"));
  },
  "/clear": async (log) => {
    const id = setTimeout(() => log("never"), 1);
    clearTimeout(id);
    clearTimeout(undefined);
    clearTimeout(123456);
    await scheduler.wait(10);
    log(typeof id, "cleared");
  },
  "/interval": async (log) => {
    let count = 0;
    await new Promise((resolve) => {
      const id = setInterval(() => {
        log("tick", (count += 1));
        if (count === 3) resolve(clearInterval(id));
      }, 2);
    });
    await scheduler.wait(10);
  },
  "/wait": async (log) => {
    const before = Date.now();
    log(await scheduler.wait(15));
    log(Date.now() - before >= 14);
  },
  "/wait-abort": async (log) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 2);
    await scheduler.wait(60_000, { signal: controller.signal }).catch((error) => log(error.name));
  },
  "/signal-timeout": async (log) => {
    const signal = AbortSignal.timeout(5);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    log(signal.aborted, signal.reason.name, signal.reason.message);
  },
  "/signal-any": async (log) => {
    const controller = new AbortController();
    const any = AbortSignal.any([controller.signal, AbortSignal.timeout(60_000)]);
    setTimeout(() => controller.abort("mine"), 2);
    await new Promise((resolve) => any.addEventListener("abort", resolve));
    log(any.reason);
  },
  "/throws": async (log) => {
    setTimeout(() => {
      throw new Error("thrown in a timer");
    }, 1);
    await scheduler.wait(10);
    log("the request goes on");
  },
  "/frozen": async (log) => {
    const before = [Date.now(), performance.now()];
    for (let i = 0; i < 2_000_000; i += 1) Math.sqrt(i);
    log(Date.now() - before[0], performance.now() - before[1]);
    await scheduler.wait(5);
    log(Date.now() > before[0]);
  },
};

export default {
  async fetch(request) {
    const lines = [];
    await paths[new URL(request.url).pathname]((...words) => lines.push(words.join(" ")));
    return new Response(`${lines.join("\n")}\n`);
  },
};
