/**
 * URLs as the arguments of fetch: parsed once by the native side, kept as their serialisation.
 * @module
 */

import { url_parse } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";

const { Int32Array, StringPrototypeCharCodeAt } = primordials;

/** Where the parts of the URL parsed last are, by the positions of `url/ops.rs`. */
const inputOffsets = new Int32Array(9);
const HOST_START = 2;
const HOST_END = 3;
const HASH_START = 7;

const AT_CHARACTER = 0x40;

/** What `parseUrl` found out about the URL it parsed last. */
class ParsedUrl {
  /** Whether there is a user name or password. */
  hasCredentials = false;
  /** The place of `#`, or -1. */
  hashStart = -1;
}
internal(ParsedUrl);

/** One record for all calls. */
export const parsedUrl = new ParsedUrl();

/**
 * https://url.spec.whatwg.org/#concept-url-parser
 * @param {string} input @param {string} [base] @returns {string | null} the serialised URL, or null
 */
export function parseUrl(input, base = undefined) {
  const href = url_parse(input, base, inputOffsets);
  if (href === undefined) return null;
  const serialized = href === "" ? input : href;
  const hostStart = inputOffsets[HOST_START];
  parsedUrl.hasCredentials =
    inputOffsets[HOST_END] > hostStart &&
    StringPrototypeCharCodeAt(serialized, hostStart) === AT_CHARACTER;
  parsedUrl.hashStart = inputOffsets[HASH_START];
  return serialized;
}
