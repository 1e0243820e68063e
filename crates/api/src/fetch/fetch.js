/**
 * `fetch()`: subrequests.
 *
 * Redirects are followed here rather than natively, so that each hop is a subrequest of its own
 * with its own limits.
 * https://fetch.spec.whatwg.org/#fetch-method
 * @module
 */

import { body_cancel, fetch_abort, fetch_id_new, fetch_start, sink_new } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { requireContext } from "../context.js";
import {
  abortReason,
  addAbortAlgorithm,
  isAborted,
  removeAbortAlgorithm,
} from "../events/abort.js";
import { load } from "../lazy.js";
import { requireArguments } from "../webidl/webidl.js";
import {
  Body,
  NATIVE_BODY,
  nativeBody,
  NO_BODY,
  sendable,
  STREAM_BODY,
} from "./body.js";
import { flatGet, withLength, withoutHeaders } from "./flat_headers.js";
import { pumpReader } from "./pump.js";
import { isRequestObject, Request, requestParts, takeRequestBody } from "./request.js";
import { createFetchedResponse } from "./response.js";
import { parsedUrl, parseUrl } from "./url_input.js";

const {
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;

/** https://fetch.spec.whatwg.org/#http-redirect-fetch, step 7: how many redirects are followed. */
const MAX_REDIRECTS = 20;

/** In code units; the native side counts bytes, of which there are as many or more. */
const MAX_URL_LENGTH = 16384;
const MAX_METHOD_LENGTH = 256;
const MAX_HEADERS_LENGTH = 131072;
const MAX_CF_LENGTH = 65536;

const FETCH = "Failed to execute 'fetch'";

const RETRANSMIT =
  "A request with a one-time-use body (it was initialized from a stream, not a buffer) " +
  "encountered a redirect requiring the body to be retransmitted. To avoid this error in the " +
  "future, construct this request from a buffer-like body initializer.";

/** What describes a body, and goes with it when a redirect turns the request into a GET. */
const BODY_HEADERS = {
  __proto__: null,
  "content-encoding": true,
  "content-language": true,
  "content-length": true,
  "content-location": true,
  "content-type": true,
};

const CREDENTIAL_HEADERS = { __proto__: null, authorization: true };

/** One call of fetch, over all its redirects. */
class Subrequest {
  method = "GET";
  /** Serialized, without fragment. */
  url = "";
  fragment = "";
  headers = "";
  redirect = "follow";
  /** For the native side, as JSON. @type {string | undefined} */
  cf = undefined;
  /** @type {AbortSignal | null} */
  signal = null;
  bodyKind = NO_BODY;
  body = null;
  owner = undefined;
  /** The number of the binding whose Worker is asked, or 0 for the network. */
  service = 0;
  /** Of the hop that is under way. */
  fetchId = 0;
  redirects = 0;
  /** Reads the body that goes out, where that is a stream. */
  reader = null;
  /** The native body of the answer, 0 until there is one. */
  answerId = 0;
}
internal(Subrequest);

/** https://fetch.spec.whatwg.org/#redirect-status */
const isRedirect = (status) =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

const hasNoBody = (method, status) =>
  method === "HEAD" || status === 204 || status === 205 || status === 304;

/** Scheme, host and port of a serialized http(s) URL, for comparison. */
function originOf(url) {
  const start = StringPrototypeIndexOf(url, "://") + 3;
  const end = StringPrototypeIndexOf(url, "/", start);
  return StringPrototypeSlice(url, 0, end);
}

const isHttp = (url) =>
  StringPrototypeStartsWith(url, "http://") || StringPrototypeStartsWith(url, "https://");

/** Nobody reads the body that goes out any more. */
function cancelOutgoing(reader, reason) {
  (0, load("streams/streams.js").cancelReader)(reader, reason);
}

/** Splits the fragment off. @param {Subrequest} subrequest @param {string} url */
function setUrl(subrequest, url) {
  const hash = StringPrototypeIndexOf(url, "#");
  if (hash < 0) {
    subrequest.url = url;
    return;
  }
  subrequest.url = StringPrototypeSlice(url, 0, hash);
  subrequest.fragment = StringPrototypeSlice(url, hash);
}

/** https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch, steps 15 and 16 */
function applyCacheMode(subrequest, mode) {
  if (mode === "default") return;
  const { headers } = subrequest;
  const hasControl = flatGet(headers, "cache-control") !== null;
  if (mode === "no-cache") {
    if (!hasControl) subrequest.headers += "cache-control\0max-age=0\0";
    return;
  }
  if (flatGet(headers, "pragma") === null) subrequest.headers += "pragma\0no-cache\0";
  if (!hasControl) subrequest.headers += "cache-control\0no-cache\0";
}

/** @param {Request} request @param {number} service @param {any} owner the running context
 * @returns {Subrequest} */
function prepare(request, service, owner) {
  const parts = requestParts(request);
  const { options } = parts;
  if (options.integrity !== "") {
    throw new TypeError("fetch: the option 'integrity' is not implemented yet in Isolde.");
  }
  const subrequest = new Subrequest();
  subrequest.owner = owner;
  subrequest.service = service;
  subrequest.method = parts.method;
  subrequest.headers = parts.headers;
  subrequest.redirect = parts.redirect;
  subrequest.cf = parts.cf;
  subrequest.signal = parts.signal;
  setUrl(subrequest, parts.url);
  applyCacheMode(subrequest, options.cache);
  takeRequestBody(request);
  subrequest.bodyKind = sendable.kind;
  subrequest.body = sendable.value;
  if (sendable.kind === STREAM_BODY) {
    const { acquireReader, expectedLength } = load("streams/streams.js");
    subrequest.headers = withLength(subrequest.headers, expectedLength(sendable.value));
    subrequest.reader = acquireReader(sendable.value);
  }
  return subrequest;
}

/** Sends a stream body while the answer is awaited. When the stream fails, so does the
 * subrequest. @param {Subrequest} subrequest @param {number} sink @param {Promise<any>} reply */
function startPump(subrequest, sink, reply) {
  const { fetchId, reader } = subrequest;
  return new Promise((resolve, reject) => {
    PromisePrototypeThen(reply, resolve, reject);
    PromisePrototypeThen(pumpReader(reader, sink), undefined, (error) => {
      // What is aborted never settles by itself.
      reject(error);
      fetch_abort(fetchId);
    });
  });
}

/** What is longer is refused before the native side copies it. @param {Subrequest} subrequest */
function requireShort({ method, url, headers, cf }) {
  if (url.length > MAX_URL_LENGTH) throw new TypeError("URL is too long.");
  if (method.length > MAX_METHOD_LENGTH) throw new TypeError("Invalid method.");
  if (headers.length > MAX_HEADERS_LENGTH) {
    throw new TypeError("Request headers are too large.");
  }
  if (cf !== undefined && cf.length > MAX_CF_LENGTH) {
    throw new TypeError("The cf options are too large.");
  }
}

/** One hop. @param {Subrequest} subrequest */
function send(subrequest) {
  requireShort(subrequest);
  const { bodyKind, method, url, headers, redirect, cf, service } = subrequest;
  const fetchId = fetch_id_new();
  subrequest.fetchId = fetchId;
  const isStream = bodyKind === STREAM_BODY;
  const body = isStream ? sink_new() : subrequest.body;
  const reply =
    fetch_start(method, url, headers, bodyKind, body, redirect, cf, service, fetchId);
  return isStream ? startPump(subrequest, body, reply) : reply;
}

/**
 * Makes the next hop of a redirect. https://fetch.spec.whatwg.org/#concept-http-redirect-fetch
 * @param {Subrequest} subrequest @param {number} status @param {string} location
 */
function redirectTo(subrequest, status, location) {
  const before = subrequest.url;
  const url = parseUrl(location, before + subrequest.fragment);
  if (url === null) throw new TypeError(`The redirect to '${location}' is not a valid URL.`);
  if (!isHttp(url)) throw new TypeError(`The redirect to '${url}' is not to an HTTP(S) URL.`);
  if (++subrequest.redirects > MAX_REDIRECTS) throw new TypeError("Too many redirects.");
  if (parsedUrl.hashStart >= 0) subrequest.fragment = "";
  const { bodyKind, method } = subrequest;
  const oneTime = bodyKind === STREAM_BODY || bodyKind === NATIVE_BODY;
  if (status !== 303 && oneTime) throw new TypeError(RETRANSMIT);
  setUrl(subrequest, url);
  const becomesGet =
    ((status === 301 || status === 302) && method === "POST") ||
    (status === 303 && method !== "GET" && method !== "HEAD");
  if (becomesGet) {
    subrequest.method = "GET";
    subrequest.bodyKind = NO_BODY;
    subrequest.body = null;
    subrequest.reader = null;
    subrequest.headers = withoutHeaders(subrequest.headers, BODY_HEADERS);
  }
  if (originOf(before) !== originOf(url)) {
    subrequest.headers = withoutHeaders(subrequest.headers, CREDENTIAL_HEADERS);
  }
}

/** @param {Subrequest} subrequest @param {any} reply of the native side @returns {Response} */
function respondTo(subrequest, reply) {
  const { status, statusText, headers, bodyId } = reply;
  subrequest.answerId = bodyId;
  let body = null;
  if (hasNoBody(subrequest.method, status)) {
    if (bodyId !== 0) body_cancel(bodyId);
  } else {
    // To JavaScript an empty body is one all the same.
    body =
      bodyId === 0
        ? new Body("")
        : nativeBody(bodyId, subrequest.owner, subrequest.signal);
  }
  const redirected = subrequest.redirects > 0;
  return createFetchedResponse(status, statusText, headers, body, subrequest.url, redirected);
}

/**
 * Runs a subrequest to its Response.
 * @param {Subrequest} subrequest
 * @returns {Promise<Response>}
 */
async function run(subrequest) {
  for (;;) {
    const reply = await send(subrequest);
    if (subrequest.redirect === "manual" || !isRedirect(reply.status)) {
      return respondTo(subrequest, reply);
    }
    const location = flatGet(reply.headers, "location");
    if (location === null) return respondTo(subrequest, reply);
    if (reply.bodyId !== 0) body_cancel(reply.bodyId);
    if (subrequest.redirect === "error") {
      throw new TypeError(`The response is a redirect, which the redirect mode 'error' forbids.`);
    }
    redirectTo(subrequest, reply.status, location);
    // Between two hops nothing is under way that an abort could end.
    if (subrequest.signal !== null && isAborted(subrequest.signal)) {
      throw abortReason(subrequest.signal);
    }
  }
}

/** Runs a subrequest that its signal can abort, before and after the Response has come. */
function runAbortable(subrequest) {
  const { signal } = subrequest;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      const reason = abortReason(signal);
      reject(reason);
      fetch_abort(subrequest.fetchId);
      if (subrequest.answerId !== 0) body_cancel(subrequest.answerId);
      if (subrequest.reader !== null) cancelOutgoing(subrequest.reader, reason);
    };
    addAbortAlgorithm(signal, onAbort);
    // One signal may see thousands of subrequests: it keeps no more of them than it needs.
    const settle = (fn, value) => {
      subrequest.body = null;
      const { answerId, reader } = subrequest;
      if (answerId === 0 && reader === null) removeAbortAlgorithm(signal, onAbort);
      fn(value);
    };
    PromisePrototypeThen(
      run(subrequest),
      (response) => settle(resolve, response),
      (error) => settle(reject, error),
    );
  });
}

/** https://fetch.spec.whatwg.org/#scheme-fetch, for `data:` */
function fetchData(url, method) {
  const data = (0, load("fetch/data_url.js").processDataUrl)(url);
  if (data === null) throw new TypeError("The data: URL is not valid.");
  const headers = `content-type\0${data.type}\0`;
  const body = method === "HEAD" ? null : new Body(data.bytes);
  return createFetchedResponse(200, "OK", headers, body, url, false);
}

/**
 * Asks the network, or the Worker of a binding.
 * @param {any} input @param {any} init @param {number} service the binding's number, or 0
 * @returns {Promise<Response>}
 */
export async function startFetch(input, init, service) {
  const request = init === undefined && isRequestObject(input) ? input : new Request(input, init);
  const owner = requireContext("fetch");
  const subrequest = prepare(request, service, owner);
  const { signal, url } = subrequest;
  if (signal !== null && isAborted(signal)) {
    if (subrequest.reader !== null) cancelOutgoing(subrequest.reader, abortReason(signal));
    throw abortReason(signal);
  }
  if (service === 0 && StringPrototypeStartsWith(url, "data:")) {
    return fetchData(url, subrequest.method);
  }
  if (!isHttp(url)) throw new TypeError(`Fetch API cannot load: ${url}`);
  return signal === null ? run(subrequest) : runAbortable(subrequest);
}

/**
 * https://fetch.spec.whatwg.org/#dom-global-fetch
 * @param {any} input @param {any} [init] @returns {Promise<Response>}
 */
export function fetch(input, init = undefined) {
  try {
    requireArguments(arguments.length, 1, FETCH);
  } catch (error) {
    return PromiseReject(error);
  }
  return startFetch(input, init, 0);
}
