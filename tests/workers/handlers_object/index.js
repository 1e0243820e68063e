/** The usual shape: an object with a fetch handler, its three arguments and its `this`. */
export default {
  greeting: "hello",
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const facts = [
      `${request.method} ${pathname}`,
      `this.greeting ${this?.greeting}`,
      `env ${JSON.stringify(env)}`,
      `ctx ${Object.prototype.toString.call(ctx)} ${typeof ctx.waitUntil}`,
      `arguments ${arguments.length}`,
      `request ${request instanceof Request}`,
      `url ${request.url}`,
    ];
    return new Response(`${facts.join("\n")}\n`);
  },
};
