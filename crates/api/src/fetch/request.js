/**
 * `Request`.
 *
 * A request that comes in from outside is the hot path: `createInboundRequest` keeps what the
 * native side gives as it is. Headers, body stream and signal are made when a Worker reads them,
 * and most are never read.
 * https://fetch.spec.whatwg.org/#request-class
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { currentContext } from "../context.js";
import { createAbortSignal, dependentSignal, signalAbort } from "../events/abort.js";
import { domException } from "../events/dom_exception.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toUSVString,
} from "../webidl/webidl.js";
import {
  asBody,
  cloneBody,
  nativeBody,
  takeBody,
  takeSendable,
  usableBody,
} from "./body.js";
import { installBody } from "./body_mixin.js";
import { INBOUND_CF, parseCf } from "./cf.js";
import { flatGet } from "./flat_headers.js";
import { createHeaders, flatHeaders, IMMUTABLE, NO_CORS, NO_GUARD } from "./headers.js";
import { readInit, requestInit, RequestOptions } from "./request_init.js";
import { parsedUrl, parseUrl } from "./url_input.js";

const { JSONStringify, TypeError } = primordials;

const CONSTRUCT_REQUEST = "Failed to construct 'Request'";

/** What the first argument is when the platform itself makes a Request. */
const OUR_REQUEST = { __proto__: null };

/** The options of a Request that was given none. */
const DEFAULTS = new RequestOptions(null);

/** https://fetch.spec.whatwg.org/#dom-request, step 5 @param {any} input @returns {string} */
function toUrl(input) {
  const text = toUSVString(input, `${CONSTRUCT_REQUEST}: parameter 1`);
  const url = parseUrl(text);
  if (url === null) throw new TypeError(`Invalid URL: ${text}`);
  if (parsedUrl.hasCredentials) {
    throw new TypeError(`${CONSTRUCT_REQUEST}: the URL '${text}' contains credentials.`);
  }
  return url;
}

/** https://fetch.spec.whatwg.org/#dom-request, step 33 */
function checkNoCors(method) {
  if (method === "GET" || method === "HEAD" || method === "POST") return;
  throw new TypeError(
    `${CONSTRUCT_REQUEST}: the method '${method}' is not allowed in mode 'no-cors'.`,
  );
}

let requestBody;
let cfOf;
let requestHeaders;
let requestFriends;

/** https://fetch.spec.whatwg.org/#request-class */
export class Request {
  #method = "GET";
  #url;
  /** The flat form, until somebody asks for the object. @type {string | Headers} */
  #headers = "";
  /** @type {null | string | import("./body.js").Body} */
  #body = null;
  /** The signal, once somebody has asked for it. @type {AbortSignal | undefined} */
  #signal = undefined;
  /** What the signal is to follow: a signal, or the Request whose signal it is. */
  #follows = null;
  /** JSON text, until somebody asks for the object. @type {string | object | undefined} */
  #cf = undefined;
  #redirect = "follow";
  /** Came in from outside: then the headers cannot be changed. */
  #inbound = false;
  /** @type {RequestOptions | null} */
  #options = null;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#method in receiver)) illegalInvocation();
  }

  // The parameters behind `init` are the platform's own; `length` counts only those before the
  // first default.
  constructor(input, init = undefined, url, headers, body, cf) {
    if (input === OUR_REQUEST) {
      this.#method = init;
      this.#url = url;
      this.#headers = headers;
      this.#body = body;
      this.#cf = cf;
      this.#redirect = "manual";
      this.#inbound = true;
      return;
    }
    requireArguments(arguments.length, 1, CONSTRUCT_REQUEST);
    const original = isObject(input) && #method in input ? input : null;
    if (original === null) this.#url = toUrl(input);
    else this.#copy(original, true);
    const donor = init === undefined || init === null ? original : this.#apply(init, original);
    if (donor !== null && donor.#body !== null) {
      // A GET that came in with a body, empty as a rule, can be passed on as it is.
      if (donor.#method !== this.#method) this.#requireBodyAllowed();
      // An init lends its body: it is used for both when one of them is read.
      const body = requestBody(donor);
      this.#body = donor === original ? takeBody(body) : usableBody(body);
    }
  }

  /** Takes over everything but body and, where it is asked to, URL. */
  #copy(other, withUrl) {
    if (withUrl) this.#url = other.#url;
    this.#method = other.#method;
    this.#headers = requestHeaders(other);
    this.#follows = other;
    this.#cf = cfOf(other);
    this.#redirect = other.#redirect;
    this.#options = other.#options;
  }

  /**
   * Steps 6 to 37 of the constructor, for what `init` says.
   * @returns {Request | null} the Request whose body is still to be taken over
   */
  #apply(init, original) {
    if (isObject(init) && #method in init) {
      // The way of proxies: `new Request(newUrl, request)`. Nothing is made that the copy does not
      // need.
      this.#copy(init, false);
      return init;
    }
    readInit(init, this.#options, CONSTRUCT_REQUEST);
    const { body, contentType, headers, method, redirect, signal, cf } = requestInit;
    this.#options = requestInit.options;
    if (cf !== undefined) this.#cf = cf;
    if (headers !== undefined) this.#headers = headers;
    if (method !== undefined) this.#method = method;
    if (redirect !== undefined) this.#redirect = redirect;
    if (signal !== undefined) this.#follows = signal;
    if (this.#isNoCors()) checkNoCors(this.#method);
    if (body === undefined) return original;
    this.#body = body;
    if (body === null) return null;
    this.#requireBodyAllowed();
    if (contentType !== null && flatGet(this.#headers, "content-type") === null) {
      this.#headers += `content-type\0${contentType}\0`;
    }
    return null;
  }

  #requireBodyAllowed() {
    if (this.#method !== "GET" && this.#method !== "HEAD") return;
    throw new TypeError("Request with a GET or HEAD method cannot have a body.");
  }

  get method() {
    Request.#check(this);
    return this.#method;
  }

  get url() {
    Request.#check(this);
    return this.#url;
  }

  get headers() {
    Request.#check(this);
    const headers = this.#headers;
    if (typeof headers !== "string") return headers;
    const guard = this.#inbound ? IMMUTABLE : this.#isNoCors() ? NO_CORS : NO_GUARD;
    return (this.#headers = createHeaders(headers, guard));
  }

  #isNoCors() {
    return this.#options !== null && this.#options.mode === "no-cors";
  }

  get destination() {
    Request.#check(this);
    return "";
  }

  get referrer() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).referrer;
  }

  get referrerPolicy() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).referrerPolicy;
  }

  get mode() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).mode;
  }

  get credentials() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).credentials;
  }

  get cache() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).cache;
  }

  get redirect() {
    Request.#check(this);
    return this.#redirect;
  }

  get integrity() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).integrity;
  }

  get keepalive() {
    Request.#check(this);
    return (this.#options ?? DEFAULTS).keepalive;
  }

  get isReloadNavigation() {
    Request.#check(this);
    return false;
  }

  get isHistoryNavigation() {
    Request.#check(this);
    return false;
  }

  get signal() {
    Request.#check(this);
    return this.#ownSignal();
  }

  get duplex() {
    Request.#check(this);
    return "half";
  }

  /** The platform's own: what is known about the client, or options for the subrequest. */
  get cf() {
    Request.#check(this);
    const cf = this.#cf;
    return typeof cf === "string" ? (this.#cf = parseCf(cf, this.#inbound)) : cf;
  }

  clone() {
    Request.#check(this);
    const body = requestBody(this);
    const headers = requestHeaders(this);
    const copy = new Request(OUR_REQUEST, this.#method, this.#url, headers, null, cfOf(this));
    if (body !== null) copy.#body = cloneBody(body);
    copy.#inbound = this.#inbound;
    copy.#redirect = this.#redirect;
    copy.#options = this.#options;
    copy.#follows = this;
    return copy;
  }

  #ownSignal() {
    if (this.#signal !== undefined) return this.#signal;
    const follows = this.#followed(true);
    this.#follows = null;
    return (this.#signal = follows === null ? createAbortSignal() : dependentSignal([follows]));
  }

  /**
   * The signal that aborts this request through another one, or null. A Request that came in may be
   * aborted later, by its client's leaving: `lasting` asks for its signal even if nobody has read
   * it yet.
   */
  #followed(lasting) {
    let follows = this.#follows;
    while (follows !== null && #method in follows) {
      if (follows.#signal !== undefined) return follows.#signal;
      if (lasting && follows.#inbound) return follows.#ownSignal();
      follows = follows.#follows;
    }
    return follows;
  }

  static {
    requestBody = (request) => {
      Request.#check(request);
      const body = request.#body;
      return typeof body === "string" ? (request.#body = asBody(body)) : body;
    };
    requestHeaders = (request) => {
      const headers = request.#headers;
      return typeof headers === "string" ? headers : flatHeaders(headers);
    };
    cfOf = (request) => {
      const cf = request.#cf;
      return typeof cf === "object" ? JSONStringify(cf) : cf;
    };
    requestFriends = {
      __proto__: null,
      isRequest: (value) => #method in value,
      isSignalRead: (request) => request.#signal !== undefined,
      takeBody: (request) => takeSendable(requestBody(request)),
      parts: (request, parts) => {
        parts.method = request.#method;
        parts.url = request.#url;
        parts.headers = requestHeaders(request);
        parts.redirect = request.#redirect;
        parts.cf = cfOf(request);
        parts.options = request.#options ?? DEFAULTS;
        // A signal that nobody has read can only be aborted through what it follows: none need be
        // made for it.
        parts.signal = request.#signal ?? request.#followed(false);
      },
      abort: (request, reason) => signalAbort((request.#signal ??= createAbortSignal()), reason),
      inbound: (method, url, headers, body, cf) =>
        new Request(OUR_REQUEST, method, url, headers, body, cf ?? INBOUND_CF),
    };
  }
}

installBody(Request, requestBody, (request) => flatGet(requestHeaders(request), "content-type"));
defineInterface(Request, { __proto__: null, length: 1 });

/** True for a Request. @param {any} value */
export function isRequestObject(value) {
  const { isRequest } = requestFriends;
  return isObject(value) && isRequest(value);
}

const inbound = requestFriends.inbound;
const abort = requestFriends.abort;
const signalRead = requestFriends.isSignalRead;
const partsOf = requestFriends.parts;
const takeBodyOf = requestFriends.takeBody;

/**
 * The Request for a `fetch` event. Called by the dispatcher with what the native side has
 * validated.
 * @param {string} method
 * @param {string} url serialized
 * @param {string} flatHeaders `name\0value\0...` with lower-case names
 * @param {number} bodyId of the native body, 0 for none
 * @param {string | undefined} cf JSON text of what is known about the client
 * @returns {Request}
 */
export function createInboundRequest(method, url, flatHeaders, bodyId, cf) {
  const body = bodyId === 0 ? null : nativeBody(bodyId, currentContext());
  return inbound(method, url, flatHeaders, body, cf);
}

/** Whether somebody has read the signal of a Request that came in. @param {Request} request */
export function isSignalRead(request) {
  return signalRead(request);
}

/** Aborts the signal of a Request whose client has gone. @param {Request} request */
export function abortRequest(request) {
  abort(request, domException("AbortError", "The client has disconnected"));
}

/** What `requestParts` gives. */
class RequestParts {
  method = "";
  url = "";
  headers = "";
  redirect = "";
  /** JSON text. @type {string | undefined} */
  cf = undefined;
  /** @type {RequestOptions} */
  options = DEFAULTS;
  /** @type {AbortSignal | null} */
  signal = null;
}
internal(RequestParts);

/** One record for all calls. */
const partsOfRequest = new RequestParts();

/** What is needed to send a Request; valid until the next call. @param {Request} request */
export function requestParts(request) {
  partsOf(request, partsOfRequest);
  return partsOfRequest;
}

/** Consumes the body in order to send it: sets `sendable` of body.js. @param {Request} request */
export function takeRequestBody(request) {
  takeBodyOf(request);
}
