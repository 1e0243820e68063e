/**
 * From a request of the native side to the Worker's handler, and from its result back.
 *
 * This is the hot path: one call in, and one call of `respond` out.
 * @module
 */

import { cped_set, respond, respond_error, sink_new } from "isolde:ops";
import { primordials } from "../primordials.js";
import { createInboundRequest } from "../fetch/request.js";
import { isResponseObject, responseParts } from "../fetch/response.js";
import { STREAM_BODY } from "../fetch/body.js";
import { pumpStream } from "../fetch/pump.js";
import { endContext } from "../context.js";
import { RequestContext, createExecutionContext } from "./request_context.js";
import { fetchHandler } from "./handlers.js";

const {
  MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, Map, PromisePrototypeThen, PromiseResolve, TypeError,
} = primordials;

/** Requests in flight by number. @type {Map<number, RequestContext>} */
const contexts = new Map();

const NOT_A_RESPONSE =
  "Incorrect type for Promise: the Promise did not resolve to 'Response'.";

/** Starts a request. Nothing is thrown: whatever goes wrong is told to the native side.
 * @param {number} id @param {string} method @param {string} url serialised @param {string} headers flat
 * @param {number} body id of the native body, 0 for none @param {object | undefined} cf */
export function dispatchFetch(id, method, url, headers, body, cf) {
  const context = new RequestContext(id);
  MapPrototypeSet(contexts, id, context);
  cped_set(context);
  try {
    const request = createInboundRequest(method, url, headers, body, cf);
    const result = fetchHandler(request, createExecutionContext(context));
    if (isResponseObject(result)) {
      sendResponse(context, result);
    } else {
      PromisePrototypeThen(
        PromiseResolve(result),
        (response) => settled(context, response),
        (error) => respond_error(id, error),
      );
    }
  } catch (error) {
    respond_error(id, error);
  }
  cped_set(undefined);
}

/** Forgets a request whose response has been sent and for which nothing is pending. @param {number} id */
export function endRequest(id) {
  const context = MapPrototypeGet(contexts, id);
  if (context === undefined) return;
  MapPrototypeDelete(contexts, id);
  endContext(context);
}

function settled(context, response) {
  if (!isResponseObject(response)) {
    respond_error(context.id, new TypeError(NOT_A_RESPONSE));
    return;
  }
  try {
    sendResponse(context, response);
  } catch (error) {
    respond_error(context.id, error);
  }
}

/** Sends a response. Its body is used by this. */
function sendResponse(context, response) {
  const { status, statusText, headers, bodyKind, body } = responseParts(response);
  if (bodyKind !== STREAM_BODY) {
    respond(context.id, status, statusText, headers, bodyKind, body);
    return;
  }
  const sink = sink_new();
  respond(context.id, status, statusText, headers, bodyKind, sink);
  pumpStream(body, sink);
}
