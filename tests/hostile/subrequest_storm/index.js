// Twelve thousand subrequests at once, none of which is awaited or handled.
export default {
  async fetch(request, env, ctx) {
    for (let i = 0; i < 12_000; i += 1) fetch("http://127.0.0.1:1/", { method: "POST", body: "x" });
    ctx.waitUntil(Promise.all(Array.from({ length: 100 }, () => fetch("http://127.0.0.1:1/"))));
    return new Response("sent");
  },
};
