/**
 * Runs the common path of a request once, while the startup snapshot is made, so that its bytecode
 * is in the snapshot and the first request of a new isolate need not compile it.
 * @module
 */

import { primordials } from "../primordials.js";
import { Request } from "../fetch/request.js";
import { Response } from "../fetch/response.js";
import { Headers } from "../fetch/headers.js";
import { URL } from "../url/url.js";
import { dispatchFetch } from "./dispatch.js";
import { handlerNames, start } from "./handlers.js";

const { ArrayPrototypePush } = primordials;
const { json } = Response;

/** What small Workers do: look at the request, answer with text or JSON. */
function handler(request) {
  const url = new URL(request.url);
  const method = request.method;
  if (url.pathname === "/json") {
    // tidy: our own
    return json({ method, path: url.pathname, query: url.search });
  }
  const headers = new Headers({ "x-warm": `${request.headers.get("accept")}` }); // tidy: our own
  if (url.pathname === "/parameters") url.searchParams.get("a"); // tidy: our own
  return new Response("warm", { status: 200, headers });
}

/** What handlers saw. Hidden classes live as long as an object has them, so these stay. */
const kept = [];

const PATHS = ["/", "/json", "/parameters?a=b"];

/** Leaves nothing behind but bytecode. */
export function warmUp() {
  const simple = {
    fetch: (request, env, ctx) => {
      const response = new Response("Hello World!");
      ArrayPrototypePush(kept, request, ctx, response);
      return response;
    },
  };
  const asynchronous = { fetch: async (request) => handler(request) };
  const fetches = [simple, asynchronous];
  for (let i = 0; i < fetches.length; i++) {
    start({ __proto__: null, default: fetches[i] });
    handlerNames();
    for (let j = 0; j < PATHS.length; j++) {
      const url = `http://warm.example${PATHS[j]}`;
      dispatchFetch(i + 1, "GET", url, "host\0warm.example\0accept\0*/*\0", 0, undefined);
    }
  }
  new Request("http://warm.example/", { method: "POST", body: "text" });
  start({ __proto__: null, default: undefined });
}
