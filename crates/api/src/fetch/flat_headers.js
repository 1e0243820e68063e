/**
 * The flat form of headers, and the checks of what goes into it.
 *
 * One string, `name\0value\0name\0value\0`: names in lower case, in order, repeated ones
 * kept apart. NUL can be in neither names nor values.
 * @module
 */

import { primordials } from "../primordials.js";
import { toDOMString } from "../webidl/webidl.js";
import { asciiLowercase, isToken, trimHttpWhitespace } from "./mime.js";

const {
  Map,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  RegExp,
  RegExpPrototypeExec,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;

/**
 * How many validated names are remembered; a Worker uses few, and none should fill memory with
 * made-up ones.
 */
const MAX_KNOWN_NAMES = 512;
/** Names longer than this many code units are not remembered. */
const MAX_KNOWN_NAME_LENGTH = 64;
/**
 * From this many code units on a regular expression is faster than a loop that is not optimised
 * yet.
 */
const LONG_VALUE_LENGTH = 16;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Finds what may not be in a header value. It never matches in the good case, so it leaves no trace
 * in `RegExp.$_`.
 */
const BAD_VALUE = new RegExp("[\\0\\n\\r]");

/** Names as Workers write them, to their valid lower-case form. */
const knownNames = new Map();

{
  // Those that most Workers use need not be validated in each isolate anew.
  const common = [
    "Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers", "Access-Control-Max-Age", "Authorization", "Cache-Control",
    "CF-Connecting-IP", "CF-IPCountry", "CF-Ray", "Content-Disposition", "Content-Encoding",
    "Content-Language", "Content-Length", "Content-Security-Policy", "Content-Type", "Cookie",
    "Date", "ETag", "Expires", "Host", "If-Modified-Since", "If-None-Match", "Last-Modified",
    "Link", "Location", "Origin", "Pragma", "Range", "Referer", "Referrer-Policy",
    "Sec-WebSocket-Key", "Server", "Set-Cookie", "Strict-Transport-Security", "Upgrade",
    "User-Agent", "Vary", "WWW-Authenticate", "X-Content-Type-Options", "X-Forwarded-For",
    "X-Forwarded-Proto", "X-Frame-Options", "X-Powered-By", "X-Real-IP", "X-Request-ID",
    "X-Requested-With",
  ];
  for (let i = 0; i < common.length; i++) {
    const lower = asciiLowercase(common[i]);
    MapPrototypeSet(knownNames, lower, lower);
    MapPrototypeSet(knownNames, common[i], lower);
  }
}

/**
 * Validates and lower-cases a header name.
 * @param {any} name @param {string} what @returns {string}
 */
export function headerName(name, what) {
  if (typeof name === "string") {
    const known = MapPrototypeGet(knownNames, name);
    if (known !== undefined) return known;
  } else {
    name = toDOMString(name, `${what}: a header name`);
  }
  if (!isToken(name)) throw new TypeError(`${what}: '${name}' is not a valid header name.`);
  const lower = asciiLowercase(name);
  if (name.length <= MAX_KNOWN_NAME_LENGTH && MapPrototypeGetSize(knownNames) < MAX_KNOWN_NAMES) {
    MapPrototypeSet(knownNames, name, lower);
  }
  return lower;
}

/**
 * https://fetch.spec.whatwg.org/#concept-header-value, without the normalization. The standard has
 * bytes here. On the platform a value is text, which goes out as UTF-8.
 * @param {string} text @returns {boolean}
 */
function isHeaderValue(text) {
  const length = text.length;
  if (length >= LONG_VALUE_LENGTH) return RegExpPrototypeExec(BAD_VALUE, text) === null;
  for (let i = 0; i < length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code === 0 || code === LINE_FEED || code === CARRIAGE_RETURN) return false;
  }
  return true;
}

/**
 * Converts, normalizes and validates a header value.
 * @param {any} value @param {string} what @returns {string}
 */
export function headerValue(value, what) {
  const string = typeof value === "string" ? value : toDOMString(value, `${what}: a header value`);
  const text = trimHttpWhitespace(string);
  if (isHeaderValue(text)) return text;
  throw new TypeError(`${what}: a header value may not contain NUL, LF or CR.`);
}

/** Splits the flat form into a list of names and values, alternating. @param {string} flat */
export function parseFlat(flat) {
  const list = [];
  const length = flat.length;
  let count = 0;
  let start = 0;
  while (start < length) {
    const end = StringPrototypeIndexOf(flat, "\0", start);
    list[count++] = StringPrototypeSlice(flat, start, end);
    start = end + 1;
  }
  return list;
}

/** The other way round. @param {string[]} list */
export function serializeList(list) {
  let flat = "";
  for (let i = 0; i < list.length; i += 2) flat += `${list[i]}\0${list[i + 1]}\0`;
  return flat;
}

/**
 * Looks a header up in the flat form without making a Headers object.
 * @param {string} flat
 * @param {string} name lower-case
 * @returns {string | null} the values, combined with ", "
 */
export function flatGet(flat, name) {
  // Most lookups of this kind find nothing; this says so without a walk.
  if (StringPrototypeIndexOf(flat, name) < 0) return null;
  const length = flat.length;
  let value = null;
  let start = 0;
  while (start < length) {
    const nameEnd = StringPrototypeIndexOf(flat, "\0", start);
    const valueEnd = StringPrototypeIndexOf(flat, "\0", nameEnd + 1);
    if (nameEnd - start === name.length && StringPrototypeStartsWith(flat, name, start)) {
      const next = StringPrototypeSlice(flat, nameEnd + 1, valueEnd);
      value = value === null ? next : `${value}, ${next}`;
      if (StringPrototypeIndexOf(flat, name, valueEnd) < 0) return value;
    }
    start = valueEnd + 1;
  }
  return value;
}

/**
 * The flat form without some headers.
 * @param {string} flat @param {Record<string, true>} names null-prototype @returns {string}
 */
export function withoutHeaders(flat, names) {
  const list = parseFlat(flat);
  let result = "";
  for (let i = 0; i < list.length; i += 2) {
    if (names[list[i]] !== true) result += `${list[i]}\0${list[i + 1]}\0`;
  }
  return result;
}

const CONTENT_LENGTH = { __proto__: null, "content-length": true };

/**
 * The flat form with the length that a body is known to have and no other.
 * @param {string} flat @param {number | undefined} length in bytes @returns {string}
 */
export function withLength(flat, length) {
  const rest =
    StringPrototypeIndexOf(flat, "content-length\0") < 0
      ? flat
      : withoutHeaders(flat, CONTENT_LENGTH);
  return length === undefined ? rest : `${rest}content-length\0${length}\0`;
}
