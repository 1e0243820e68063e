// The response is sent at once, and waitUntil keeps promises that burn CPU time behind it.
export default {
  fetch(request, env, ctx) {
    const burn = async () => {
      for (;;) {
        await scheduler.wait(1);
        for (let i = 0; i < 100_000; i += 1) Math.sqrt(i);
      }
    };
    for (let i = 0; i < 1000; i += 1) ctx.waitUntil(new Promise(() => {}));
    ctx.waitUntil(burn());
    return new Response("sent");
  },
};
