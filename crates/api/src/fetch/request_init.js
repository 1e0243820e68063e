/**
 * Reading a `RequestInit`: conversions and checks that need no Request.
 *
 * Written out member by member rather than with a table, for `fetch(url, { method, headers, body
 * })` is a hot path.
 * https://fetch.spec.whatwg.org/#requestinit
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { toSignal } from "../events/abort.js";
import { isObject, toDOMString, toEnum, toUSVString } from "../webidl/webidl.js";
import { extractBody, extractedType } from "./body.js";
import { cfText } from "./cf.js";
import { flatFromInit } from "./headers.js";
import { isToken } from "./mime.js";
import { parseUrl } from "./url_input.js";

const { StringPrototypeToUpperCase, TypeError } = primordials;

const CREDENTIALS = ["omit", "same-origin", "include"];
const DUPLEXES = ["half"];
const ENCODE_RESPONSE_BODY = ["automatic", "manual"];
const MODES = ["navigate", "same-origin", "no-cors", "cors"];
const PRIORITIES = ["high", "low", "auto"];
const REDIRECTS = ["follow", "error", "manual"];
const REFERRER_POLICIES = [
  "",
  "no-referrer",
  "no-referrer-when-downgrade",
  "same-origin",
  "origin",
  "strict-origin",
  "origin-when-cross-origin",
  "strict-origin-when-cross-origin",
  "unsafe-url",
];

/**
 * The cache modes that the platform knows: the others have no meaning without a cache of the
 * client's own.
 */
const CACHE_MODES = {
  __proto__: null,
  default: true,
  "no-store": true,
  "no-cache": true,
  reload: true,
};

const FORBIDDEN_METHODS = { __proto__: null, CONNECT: true, TRACE: true, TRACK: true };

/**
 * What a Request has besides the members that it nearly always has. One is made only where
 * something differs.
 */
export class RequestOptions {
  cache = "default";
  credentials = "same-origin";
  integrity = "";
  keepalive = false;
  mode = "cors";
  referrer = "about:client";
  referrerPolicy = "";

  /** @param {RequestOptions | null} other to copy */
  constructor(other) {
    if (other === null) return;
    this.cache = other.cache;
    this.credentials = other.credentials;
    this.integrity = other.integrity;
    this.keepalive = other.keepalive;
    this.mode = other.mode;
    this.referrer = other.referrer;
    this.referrerPolicy = other.referrerPolicy;
  }
}
internal(RequestOptions);

/** What `readInit` found; `undefined` stands for absent members. */
class ReadInit {
  /** undefined, null, or what `extractBody` gives */
  body = undefined;
  /** The content type that goes with the body, or null. */
  contentType = null;
  /** JSON text. */
  cf = undefined;
  /** In flat form. */
  headers = undefined;
  method = undefined;
  redirect = undefined;
  signal = undefined;
  /** @type {RequestOptions | null} */
  options = null;
}
internal(ReadInit);

/** One record for all calls: the caller takes what it needs before anything else runs. */
export const requestInit = new ReadInit();

/**
 * https://fetch.spec.whatwg.org/#concept-method-normalize, for all methods as the platform does by
 * now
 * @param {any} value
 * @param {string} what
 * @returns {string}
 */
function toMethod(value, what) {
  if (value === "GET" || value === "POST" || value === "PUT" || value === "HEAD") return value;
  const text = toDOMString(value, what);
  const method = StringPrototypeToUpperCase(text);
  if (!isToken(text) || FORBIDDEN_METHODS[method] === true) {
    throw new TypeError(`Invalid HTTP method string: ${text}`);
  }
  return method;
}

/** @param {any} value @returns {string} */
function toCacheMode(value, what) {
  const mode = toDOMString(value, what);
  if (CACHE_MODES[mode] !== true) throw new TypeError(`Unsupported cache mode: ${mode}`);
  return mode;
}

/** Steps 14 to 17 of the Request constructor: the referrer as its getter gives it. */
function toReferrer(value, what) {
  const text = toUSVString(value, what);
  if (text === "") return "";
  const url = parseUrl(text);
  if (url === null) throw new TypeError(`${what}: '${text}' is not a valid URL.`);
  return url;
}

/** @param {any} value @param {string} what */
function toMode(value, what) {
  const mode = toEnum(value, MODES, what);
  if (mode === "navigate") throw new TypeError(`${what}: 'navigate' is not allowed.`);
  return mode;
}

/** @param {any} value @param {string} what */
function toReferrerPolicy(value, what) {
  return toEnum(value, REFERRER_POLICIES, `${what}: member 'referrerPolicy'`);
}

/** Members that are checked but have no effect, or whose effect does not exist here. */
function checkEncodeResponseBody(value, what) {
  if (toEnum(value, ENCODE_RESPONSE_BODY, what) === "manual") {
    throw new TypeError(`${what}: 'manual' is not implemented yet in Isolde.`);
  }
}

/**
 * Reads the members of a RequestInit in lexicographical order into `requestInit`. Reading them may
 * run a Worker's getters, which may make Requests of their own, so the record is written when all
 * have been read.
 * @param {any} init
 * @param {RequestOptions | null} base options of the Request that is copied
 * @param {string} what the beginning of messages
 */
export function readInit(init, base, what) {
  if (!isObject(init)) throw new TypeError(`${what}: parameter 2 is not an object.`);
  const member = `${what}: member`;
  let options = base;
  /** The options to write to: a copy, made when the first member differs from the usual. */
  const own = () => (options === base ? (options = new RequestOptions(base)) : options);
  let value = init.body;
  const body = value === undefined || value === null ? value : extractBody(value);
  const contentType = value === undefined || value === null ? null : extractedType;
  value = init.cache;
  if (value !== undefined) own().cache = toCacheMode(value, `${member} 'cache'`);
  const cf = cfText(init.cf, what);
  value = init.credentials;
  if (value !== undefined) {
    own().credentials = toEnum(value, CREDENTIALS, `${member} 'credentials'`);
  }
  value = init.duplex;
  if (value !== undefined) toEnum(value, DUPLEXES, `${member} 'duplex'`);
  value = init.encodeResponseBody;
  if (value !== undefined) checkEncodeResponseBody(value, `${member} 'encodeResponseBody'`);
  value = init.headers;
  const headers = value === undefined ? undefined : flatFromInit(value, what);
  value = init.integrity;
  if (value !== undefined) own().integrity = toDOMString(value, `${member} 'integrity'`);
  value = init.keepalive;
  if (value !== undefined) own().keepalive = !!value;
  value = init.method;
  const method = value === undefined ? undefined : toMethod(value, `${member} 'method'`);
  value = init.mode;
  if (value !== undefined) own().mode = toMode(value, `${member} 'mode'`);
  value = init.priority;
  if (value !== undefined) toEnum(value, PRIORITIES, `${member} 'priority'`);
  value = init.redirect;
  const redirect = value === undefined ? value : toEnum(value, REDIRECTS, `${member} 'redirect'`);
  value = init.referrer;
  if (value !== undefined) own().referrer = toReferrer(value, `${member} 'referrer'`);
  value = init.referrerPolicy;
  if (value !== undefined) own().referrerPolicy = toReferrerPolicy(value, what);
  value = init.signal;
  const signal =
    value === undefined || value === null ? value : toSignal(value, `${member} 'signal'`);
  value = init.window;
  if (value !== undefined && value !== null) throw new TypeError(`${member} 'window' is not null.`);
  requestInit.body = body;
  requestInit.contentType = contentType;
  requestInit.cf = cf;
  requestInit.headers = headers;
  requestInit.method = method;
  requestInit.redirect = redirect;
  requestInit.signal = signal;
  requestInit.options = options;
}
