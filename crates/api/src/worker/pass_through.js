/**
 * Requests that the Worker leaves to its origin: after it has thrown, if it asked for that with
 * `ctx.passThroughOnException()`, and those that a Service Worker script does not answer.
 * https://developers.cloudflare.com/workers/runtime-apis/context/#passthroughonexception
 * @module
 */

import { origin_exists } from "isolde:ops";
import { reportException } from "../events/report.js";
import { startFetch } from "../fetch/fetch.js";

/** The origin's answer to a request, or undefined where there is no origin.
 * @param {any} request @returns {Promise<any> | undefined} */
export function passOn(request) {
  return origin_exists() ? startFetch(request, undefined, 0) : undefined;
}

/** The same for a request whose handler has thrown. What the Worker has read of the body is gone:
 * then the promise rejects.
 * @param {any} request @param {any} error what was thrown @returns {Promise<any> | undefined} */
export function askOrigin(request, error) {
  const answer = passOn(request);
  if (answer !== undefined) reportException(error);
  return answer;
}
