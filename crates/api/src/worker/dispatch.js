/**
 * From a request of the native side to the Worker's handler, and from its result back.
 *
 * This is the hot path: one call in, and one call of `respond` out.
 * @module
 */

import { cped_set, respond, respond_error, sink_new } from "isolde:ops";
import { runInContext } from "../context.js";
import { internal } from "../internal.js";
import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import { abortRequest, createInboundRequest, isSignalRead } from "../fetch/request.js";
import { isResponseObject, responseParts } from "../fetch/response.js";
import { reportException } from "../events/report.js";
import { withLength } from "../fetch/flat_headers.js";
import { NATIVE_BODY, STREAM_BODY } from "../fetch/body.js";
import { pumpStream } from "../fetch/pump.js";
import { RequestContext, createExecutionContext } from "./request_context.js";
import { fetchHandler } from "./handlers.js";

const {
  Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, PromisePrototypeThen, PromiseResolve,
  TypeError,
} = primordials;

/** A request that is told when its client leaves. */
class Waiter {
  /** @param {RequestContext} context @param {any} request */
  constructor(context, request) {
    this.context = context;
    this.request = request;
  }
}
internal(Waiter);

/** Requests whose handler has not settled, and those whose response the native side still sends,
 * by number. @type {Map<number, Waiter>} */
const waiting = new Map();

const NOT_A_RESPONSE =
  "Incorrect type for Promise: the Promise did not resolve to 'Response'.";

/** Starts a request. Nothing is thrown: whatever goes wrong is told to the native side.
 * @param {number} id @param {string} method @param {string} url serialised @param {string} headers
 * flat
 * @param {number} body id of the native body, 0 for none @param {object | undefined} cf
 * @param {string | undefined} entrypoint the named export that answers */
export function dispatchFetch(id, method, url, headers, body, cf, entrypoint) {
  const context = new RequestContext(id);
  cped_set(context);
  let request;
  try {
    request = createInboundRequest(method, url, headers, body, cf);
    const result = fetchHandler(request, createExecutionContext(context), entrypoint);
    if (isResponseObject(result)) {
      sendResponse(context, request, result);
    } else {
      const waiter = new Waiter(context, request);
      MapPrototypeSet(waiting, id, waiter);
      PromisePrototypeThen(
        PromiseResolve(result),
        (response) => settled(waiter, response),
        (error) => failed(waiter, error),
      );
    }
  } catch (error) {
    fail(context, request, error);
  }
  cped_set(undefined);
}

/** The client of a request has its whole response. @param {number} id */
export function forgetRequest(id) {
  MapPrototypeDelete(waiting, id);
}

/** The client of a request is gone. @param {number} id */
export function disconnect(id) {
  const waiter = MapPrototypeGet(waiting, id);
  if (waiter === undefined) return;
  MapPrototypeDelete(waiting, id);
  // Listeners may do I/O, for their request.
  runInContext(waiter.context, () => abortRequest(waiter.request));
}

function failed({ context, request }, error) {
  MapPrototypeDelete(waiting, context.id);
  fail(context, request, error);
}

/** The Worker threw: the origin answers, if the Worker wants that and there is one. */
function fail(context, request, error) {
  const answer = context.passThrough
    ? (0, load("worker/pass_through.js").askOrigin)(request, error)
    : undefined;
  if (answer === undefined) {
    respond_error(context.id, error);
    return;
  }
  PromisePrototypeThen(
    answer,
    (response) => sendResponse(context, request, response),
    () => respond_error(context.id, error),
  );
}

function settled({ context, request }, response) {
  MapPrototypeDelete(waiting, context.id);
  if (!isResponseObject(response)) {
    respond_error(context.id, new TypeError(NOT_A_RESPONSE));
    return;
  }
  try {
    sendResponse(context, request, response);
  } catch (error) {
    respond_error(context.id, error);
  }
}

/** Sends a response. Its body is used by this. */
function sendResponse(context, request, response) {
  const { status, statusText, headers, bodyKind, body, bodyLength, encodeBody } =
    responseParts(response);
  const encode = encodeBody === "automatic";
  if (bodyKind !== STREAM_BODY) {
    // Who has never looked at the signal need not be told.
    const watches = bodyKind === NATIVE_BODY && isSignalRead(request);
    if (watches) MapPrototypeSet(waiting, context.id, new Waiter(context, request));
    respond(context.id, status, statusText, headers, bodyKind, body, encode, watches);
    return;
  }
  const sink = sink_new();
  // The client gets the whole stream, whatever length was copied from another response.
  const flat = withLength(headers, bodyLength);
  respond(context.id, status, statusText, flat, bodyKind, sink, encode, false);
  // What breaks off a body has no other place to be seen: the status has gone out.
  const pumped = pumpStream(body, sink, () => abortRequest(request));
  PromisePrototypeThen(pumped, undefined, reportException);
}
