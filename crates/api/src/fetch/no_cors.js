/**
 * Which headers a script may write on a Request of mode "no-cors".
 *
 * The mode exists for scripts of web pages. Workers send what they like, and the platform ignores
 * the mode: therefore the headers that an init gives are all kept and sent, and only what is
 * written to `request.headers` afterwards is held to the standard.
 * https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header
 * @module
 */

import { primordials } from "../primordials.js";
import { mimeEssence, parseMimeType } from "./mime.js";

const { RegExp, RegExpPrototypeExec } = primordials;

/** In bytes; a header value has one in each code unit. */
const MAX_VALUE_LENGTH = 128;

const SAFELISTED_NAMES = {
  __proto__: null,
  accept: true,
  "accept-language": true,
  "content-language": true,
  "content-type": true,
};

const SAFELISTED_TYPES = {
  __proto__: null,
  "application/x-www-form-urlencoded": true,
  "multipart/form-data": true,
  "text/plain": true,
};

/** https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte */
const UNSAFE_BYTE = new RegExp('[\\x00-\\x08\\x0a-\\x1f"():<>?@[\\\\\\]{}\\x7f]');
/** What may not be in a list of languages. */
const NOT_OF_LANGUAGE = new RegExp("[^0-9A-Za-z *,.;=-]");

/** @param {string} value of Content-Type */
function isSafelistedType(value) {
  const type = parseMimeType(value);
  return type !== null && SAFELISTED_TYPES[mimeEssence(type)] === true;
}

/**
 * https://fetch.spec.whatwg.org/#cors-safelisted-request-header, of the names that no-cors knows
 * @param {string} name lower-case @param {string} value @returns {boolean}
 */
export function isNoCorsSafelisted(name, value) {
  if (SAFELISTED_NAMES[name] !== true || value.length > MAX_VALUE_LENGTH) return false;
  const bad = name === "accept" || name === "content-type" ? UNSAFE_BYTE : NOT_OF_LANGUAGE;
  if (RegExpPrototypeExec(bad, value) !== null) return false;
  return name !== "content-type" || isSafelistedType(value);
}

/** Whether a header may be deleted. @param {string} name lower-case @returns {boolean} */
export function isNoCorsDeletable(name) {
  return SAFELISTED_NAMES[name] === true || name === "range";
}
