/**
 * `Response`.
 *
 * The hot path is `new Response("text")` that goes straight out: string, status and flat headers
 * are kept as they are until `takeResponse` hands them to the native side. A Headers object or a
 * stream is made only for who reads one.
 * https://fetch.spec.whatwg.org/#response-class
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { load } from "../lazy.js";
import {
  defineInterface,
  illegalInvocation,
  isBufferSource,
  isObject,
  requireArguments,
  toByteString,
  toEnum,
  toUnsignedShort,
  toUSVString,
} from "../webidl/webidl.js";
import {
  Body,
  cloneBody,
  extractBody,
  extractedType,
  sendable,
  STREAM_BODY,
  takeSendable,
  usedBody,
} from "./body.js";
import { installBody } from "./body_mixin.js";
import { flatGet, withLength } from "./flat_headers.js";
import { createHeaders, flatFromInit, flatHeaders, IMMUTABLE, NO_GUARD } from "./headers.js";
import { parseUrl } from "./url_input.js";

const {
  JSONStringify,
  RangeError,
  StringPrototypeCharCodeAt,
  StringPrototypeStartsWith,
  StringPrototypeToWellFormed,
  TypedArrayPrototypeGetByteLength,
  TypeError,
} = primordials;

const CONSTRUCT_RESPONSE = "Failed to construct 'Response'";
const JSON_METHOD = "Failed to execute 'json' on 'Response'";
const REDIRECT = "Failed to execute 'redirect' on 'Response'";

const CONTENT_TYPE = "content-type\0";
const TEXT_HEADER = "content-type\0text/plain;charset=UTF-8\0";
const JSON_HEADER = "content-type\0application/json\0";

const ENCODE_BODY = ["automatic", "manual"];

/** What the first argument is when the platform itself makes a Response. */
const OUR_RESPONSE = { __proto__: null };

/** What few Responses have. */
class ResponseExtras {
  type = "default";
  url = "";
  redirected = false;
  cf = undefined;
  encodeBody = "automatic";

  /** @param {ResponseExtras | null} other to copy */
  constructor(other) {
    if (other === null) return;
    this.type = other.type;
    this.url = other.url;
    this.redirected = other.redirected;
    this.cf = other.cf;
    this.encodeBody = other.encodeBody;
  }
}
internal(ResponseExtras);

const PLAIN = new ResponseExtras(null);

/** https://fetch.spec.whatwg.org/#null-body-status */
const isNullBodyStatus = (status) =>
  status === 204 || status === 205 || status === 304 || status === 101;

/** Of what `extractBody` gives. */
function isEmpty(body) {
  const source = typeof body === "string" ? body : body.source;
  if (typeof source === "string") return source === "";
  return isBufferSource(source) && TypedArrayPrototypeGetByteLength(source) === 0;
}

/** https://fetch.spec.whatwg.org/#redirect-status */
const isRedirectStatus = (status) =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

/** @param {any} value @param {string} what @returns {number} */
function toStatus(value, what) {
  const status = toUnsignedShort(value, `${what}: member 'status'`);
  if (status >= 200 && status <= 599) return status;
  throw new RangeError(
    "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
  );
}

/** Here the standard holds: what is no byte is refused.
 * https://httpwg.org/specs/rfc9112.html#status.line @param {any} value @param {string} what */
function toStatusText(value, what) {
  if (value === "") return "";
  const text = toByteString(value, `${what}: member 'statusText'`);
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) {
      throw new TypeError(`${what}: member 'statusText' has a character that may not be there.`);
    }
  }
  return text;
}

/** @param {any} value the member `webSocket` @param {string} what */
function requireNoWebSocket(value, what) {
  if (value === undefined || value === null) return;
  throw new TypeError(`${what}: webSocket is not implemented yet in Isolde.`);
}

let responseBody;
let responseHeaders;
let responseFriends;

/** https://fetch.spec.whatwg.org/#response-class */
export class Response {
  #status = 200;
  #statusText = "";
  /** The flat form, until somebody asks for the object. @type {string | Headers} */
  #headers = "";
  /**
   * undefined is a string that was sent: it costs no Body to remember.
   * @type {null | undefined | string | Body}
   */
  #body = null;
  /** @type {ResponseExtras | null} */
  #extras = null;
  /** Whether the headers are not to be changed. */
  #immutable = false;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#status in receiver)) illegalInvocation();
  }

  // The parameters behind `init` are the platform's own; `length` counts only those before the
  // first default.
  constructor(body = null, init = undefined, status, statusText, headers, extras) {
    if (body === OUR_RESPONSE) {
      this.#body = init;
      this.#status = status;
      this.#statusText = statusText;
      this.#headers = headers;
      this.#extras = extras;
      return;
    }
    if (body === null) {
      if (init !== undefined) this.#apply(init, CONSTRUCT_RESPONSE);
      return;
    }
    // Conversions go from left to right: the body's comes first.
    const extracted = extractBody(body);
    const type = extractedType;
    if (init !== undefined) this.#apply(init, CONSTRUCT_RESPONSE);
    this.#setBody(extracted, type);
  }

  /** https://fetch.spec.whatwg.org/#initialize-a-response, without the body */
  #apply(init, what) {
    if (init === null) return;
    if (!isObject(init)) throw new TypeError(`${what}: parameter 2 is not an object.`);
    if (#status in init) {
      // The way of proxies: `new Response(body, response)`.
      this.#status = init.#status === 0 ? toStatus(0, what) : init.#status;
      this.#statusText = init.#statusText;
      this.#headers = responseHeaders(init);
      this.#setExtras(init.#extras?.cf, init.#extras?.encodeBody);
      return;
    }
    const { cf } = init;
    const encodeBody = init.encodeBody;
    const encoding =
      encodeBody === undefined
        ? undefined
        : toEnum(encodeBody, ENCODE_BODY, `${what}: member 'encodeBody'`);
    const headers = init.headers;
    if (headers !== undefined) this.#headers = flatFromInit(headers, what);
    const status = init.status;
    if (status !== undefined) this.#status = toStatus(status, what);
    const statusText = init.statusText;
    if (statusText !== undefined) this.#statusText = toStatusText(statusText, what);
    requireNoWebSocket(init.webSocket, what);
    if (cf !== undefined || encoding !== undefined) this.#setExtras(cf, encoding);
  }

  #setExtras(cf, encodeBody) {
    if (cf === undefined && (encodeBody === undefined || encodeBody === "automatic")) return;
    this.#extras = new ResponseExtras(null);
    this.#extras.cf = cf;
    if (encodeBody !== undefined) this.#extras.encodeBody = encodeBody;
  }

  /** The end of https://fetch.spec.whatwg.org/#initialize-a-response */
  #setBody(body, type) {
    if (isNullBodyStatus(this.#status)) {
      // The platform's own leniency: `new Response("", { status: 204 })`, which is everywhere.
      if (isEmpty(body)) return;
      throw new TypeError(
        "Response with null body status (101, 204, 205, or 304) cannot have a body.",
      );
    }
    this.#body = body;
    if (type === null) return;
    const headers = this.#headers;
    if (headers === "") {
      this.#headers = type === "text/plain;charset=UTF-8" ? TEXT_HEADER : `content-type\0${type}\0`;
    } else if (
      !StringPrototypeStartsWith(headers, CONTENT_TYPE) &&
      flatGet(headers, "content-type") === null
    ) {
      this.#headers = `${headers}content-type\0${type}\0`;
    }
  }

  static error() {
    const extras = new ResponseExtras(null);
    extras.type = "error";
    const response = new Response(OUR_RESPONSE, null, 0, "", "", extras);
    response.#immutable = true;
    return response;
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, JSON_METHOD);
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError(`${JSON_METHOD}: the data has no JSON form.`);
    const response = new Response();
    if (init === undefined) {
      response.#body = text;
      response.#headers = JSON_HEADER;
      return response;
    }
    response.#apply(init, JSON_METHOD);
    response.#setBody(StringPrototypeToWellFormed(text), "application/json");
    return response;
  }

  static redirect(url, status = 302) {
    requireArguments(arguments.length, 1, REDIRECT);
    const text = toUSVString(url, `${REDIRECT}: parameter 1`);
    const code = toUnsignedShort(status, `${REDIRECT}: parameter 2`);
    const location = parseUrl(text);
    if (location === null) throw new TypeError(`Unable to parse URL: ${text}`);
    if (!isRedirectStatus(code)) {
      throw new RangeError(
        `${code} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`,
      );
    }
    const response = new Response(OUR_RESPONSE, null, code, "", `location\0${location}\0`, null);
    response.#immutable = true;
    return response;
  }

  get type() {
    Response.#check(this);
    return (this.#extras ?? PLAIN).type;
  }

  get url() {
    Response.#check(this);
    return (this.#extras ?? PLAIN).url;
  }

  get redirected() {
    Response.#check(this);
    return (this.#extras ?? PLAIN).redirected;
  }

  get status() {
    Response.#check(this);
    return this.#status;
  }

  get ok() {
    Response.#check(this);
    return this.#status >= 200 && this.#status <= 299;
  }

  get statusText() {
    Response.#check(this);
    return this.#statusText;
  }

  get headers() {
    Response.#check(this);
    const headers = this.#headers;
    if (typeof headers !== "string") return headers;
    return (this.#headers = createHeaders(headers, this.#immutable ? IMMUTABLE : NO_GUARD));
  }

  /** The platform's own: what the Worker that made the response wants to tell about it. */
  get cf() {
    Response.#check(this);
    return (this.#extras ?? PLAIN).cf;
  }

  /** The platform's own. WebSockets are not implemented yet, so there never is one. */
  get webSocket() {
    Response.#check(this);
    return null;
  }

  clone() {
    Response.#check(this);
    const body = responseBody(this);
    const copied = body === null ? null : cloneBody(body);
    const copy = new Response(
      OUR_RESPONSE,
      copied,
      this.#status,
      this.#statusText,
      responseHeaders(this),
      this.#extras,
    );
    copy.#immutable = this.#immutable;
    return copy;
  }

  static {
    responseBody = (response) => {
      Response.#check(response);
      const body = response.#body;
      if (typeof body === "string") return (response.#body = new Body(body));
      return body === undefined ? (response.#body = usedBody()) : body;
    };
    responseHeaders = (response) => {
      const headers = response.#headers;
      return typeof headers === "string" ? headers : flatHeaders(headers);
    };
    responseFriends = {
      __proto__: null,
      isResponse: (value) => #status in value,
      urlOf: (response) => (response.#extras === null ? "" : response.#extras.url),
      take: (response, parts) => {
        takeSendable(typeof response.#body === "string" ? response.#body : responseBody(response));
        if (typeof response.#body === "string") response.#body = undefined;
        parts.status = response.#status;
        parts.statusText = response.#statusText;
        parts.headers = responseHeaders(response);
        parts.encodeBody = response.#extras === null ? "automatic" : response.#extras.encodeBody;
      },
      rewritten: (response, stream) => {
        const headers = withLength(responseHeaders(response), undefined);
        const copy = new Response(
          OUR_RESPONSE, new Body(null, stream), response.#status, response.#statusText, headers,
          null,
        );
        copy.#setExtras(response.#extras?.cf, response.#extras?.encodeBody);
        return copy;
      },
      received: (status, statusText, headers, body, extras) => {
        const response = new Response(OUR_RESPONSE, body, status, statusText, headers, extras);
        response.#immutable = true;
        return response;
      },
    };
  }
}

const typeOfResponse = (response) => flatGet(responseHeaders(response), "content-type");

installBody(Response, responseBody, typeOfResponse);
defineInterface(Response, { __proto__: null, length: 0 });

const { isResponse, take, received, rewritten, urlOf } = responseFriends;

/** The body of a Response, null where it has none. @param {Response} response
 * @returns {Body | null} */
export function bodyOfResponse(response) {
  return responseBody(response);
}

/** The headers of a Response in flat form. @param {Response} response @returns {string} */
export function headersOfResponse(response) {
  return responseHeaders(response);
}

/**
 * A Response like another one, but for its body, which is a stream, and without the length of the
 * other one's. Its headers can be changed.
 * @param {Response} response @param {ReadableStream} stream @returns {Response}
 */
export function rewrittenResponse(response, stream) {
  return rewritten(response, stream);
}

/** True for a Response. @param {any} value */
export function isResponseObject(value) {
  return isObject(value) && isResponse(value);
}

/** Where a Response comes from; empty for one that was made here. @param {Response} response
 * @returns {string} */
export function responseUrl(response) {
  return urlOf(response);
}

/** What `responseParts` gives. */
class ResponseParts {
  status = 200;
  statusText = "";
  /** In flat form. */
  headers = "";
  /**
   * One of the kinds of body.js: 0 none, 1 string or Uint8Array, 2 ReadableStream, 3 native body's
   * number.
   */
  bodyKind = 0;
  body = null;
  /** How many bytes a stream will give where that is known, else undefined. */
  bodyLength = undefined;
  /** "automatic" or "manual": whether `Content-Encoding` is still to be applied. */
  encodeBody = "automatic";
}
internal(ResponseParts);

/** One record for all calls. */
const partsOfResponse = new ResponseParts();

/**
 * Consumes a Response in order to send it. The record is valid until the next call. Throws a
 * TypeError where the body was used before, and the I/O error where it belongs to another request.
 * @param {Response} response
 * @returns {ResponseParts}
 */
export function responseParts(response) {
  take(response, partsOfResponse);
  const { kind, value } = sendable;
  partsOfResponse.bodyKind = kind;
  partsOfResponse.body = value;
  partsOfResponse.bodyLength =
    kind === STREAM_BODY ? (0, load("streams/streams.js").expectedLength)(value) : undefined;
  return partsOfResponse;
}

/**
 * The Response of a subrequest.
 * @param {number} status
 * @param {string} statusText
 * @param {string} headers flat
 * @param {any} body null, string or Body
 * @param {string} url serialized, without fragment
 * @param {boolean} redirected
 * @returns {Response}
 */
export function createFetchedResponse(status, statusText, headers, body, url, redirected) {
  const extras = new ResponseExtras(null);
  extras.url = url;
  extras.redirected = redirected;
  extras.type = "basic";
  return received(status, statusText, headers, body, extras);
}
