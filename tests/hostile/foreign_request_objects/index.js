// Objects of one request (bodies, streams, signals, contexts) are kept and used by another
// request.
const kept = [];

export default {
  async fetch(request, env, ctx) {
    const mine = new URL(request.url).href;
    const leaks = [];
    const others = kept.splice(0);
    kept.push({ request, ctx, copy: request.clone(), reader: request.clone().body?.getReader() });
    await scheduler.wait(20);
    for (const other of others) {
      const tries = [
        () => other.copy.text(), () => other.request.text(), () => other.reader?.read(),
        () => fetch(other.request), () => other.ctx.waitUntil(Promise.resolve()),
      ];
      for (const attempt of tries) {
        try {
          const got = await Promise.race([attempt(), scheduler.wait(50)]);
          if (typeof got === "string" && got !== "") leaks.push(got);
        } catch {}
      }
    }
    if (request.url !== mine) leaks.push(request.url);
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
