/**
 * `atob` and `btoa` (https://html.spec.whatwg.org/#atob).
 * @module
 */

import { base64_decode, base64_encode } from "isolde:ops";
import { requireArguments, toDOMString } from "../webidl/webidl.js";

/**
 * Decodes base64, forgiving whitespace and missing padding.
 * @param {string} data
 * @returns {string} a character below U+0100 for each byte
 */
export function atob(data) {
  requireArguments(arguments.length, 1, "Failed to execute 'atob'");
  return base64_decode(toDOMString(data, "Failed to execute 'atob': parameter 1"));
}

/**
 * Encodes a string of characters below U+0100, a byte each, in base64.
 * @param {string} data
 * @returns {string}
 */
export function btoa(data) {
  requireArguments(arguments.length, 1, "Failed to execute 'btoa'");
  return base64_encode(toDOMString(data, "Failed to execute 'btoa': parameter 1"));
}
