/** Work after the response. */
import { waitUntil } from "cloudflare:workers";

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const later = async (text) => {
      await scheduler.wait(5);
      console.log(text);
    };
    switch (pathname) {
      case "/ctx":
        ctx.waitUntil(later("ctx.waitUntil finished"));
        break;
      case "/import":
        waitUntil(later("imported waitUntil finished"));
        break;
      case "/several":
        ctx.waitUntil(later("first of two"));
        ctx.waitUntil(
          later("second of two").then(() => scheduler.wait(20)).then(() => later("third")),
        );
        break;
      case "/rejected":
        ctx.waitUntil(Promise.reject(new Error("rejected in waitUntil")));
        break;
      case "/not-a-promise":
        ctx.waitUntil(1);
        break;
      case "/pass-through":
        ctx.passThroughOnException();
        break;
    }
    return new Response(`answered ${pathname}\n`);
  },
};
