/**
 * `ctx.passThroughOnException()`: the request goes to the origin after the Worker has thrown.
 * https://developers.cloudflare.com/workers/runtime-apis/context/#passthroughonexception
 * @module
 */

import { origin_exists } from "isolde:ops";
import { reportException } from "../events/report.js";
import { startFetch } from "../fetch/fetch.js";

/** The origin's answer to a request, or undefined where there is no origin. What the Worker has
 * read of the body is gone: then the promise rejects.
 * @param {any} request @param {any} error what the Worker threw
 * @returns {Promise<any> | undefined} */
export function askOrigin(request, error) {
  if (!origin_exists()) return undefined;
  reportException(error);
  return startFetch(request, undefined, 0);
}
