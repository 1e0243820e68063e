/**
 * `data:` URLs. https://fetch.spec.whatwg.org/#data-urls
 * @module
 */

import { primordials } from "../primordials.js";
import { viewOf } from "../blob/blob.js";
import { asciiLowercase, parseMimeType, serializeMimeType } from "./mime.js";

const {
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  TypedArrayPrototypeGetByteLength,
  Uint8Array,
} = primordials;

const DEFAULT_TYPE = "text/plain;charset=US-ASCII";
const PERCENT = 0x25;
const EQUALS = 0x3d;

/** The value of each base64 digit; 255 for what is none. */
const BASE64_VALUES = new Uint8Array(256);
{
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let i = 0; i < 256; i++) BASE64_VALUES[i] = 255;
  for (let i = 0; i < digits.length; i++) {
    BASE64_VALUES[StringPrototypeCharCodeAt(digits, i)] = i;
  }
}

/** https://infra.spec.whatwg.org/#ascii-whitespace @param {number} code */
const isAsciiWhitespace = (code) =>
  code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;

/** @param {string} text @returns {string} */
function trimAsciiWhitespace(text) {
  let start = 0;
  let end = text.length;
  while (start < end && isAsciiWhitespace(StringPrototypeCharCodeAt(text, start))) start++;
  while (end > start && isAsciiWhitespace(StringPrototypeCharCodeAt(text, end - 1))) end--;
  return StringPrototypeSlice(text, start, end);
}

/** The value of a hexadecimal digit, or -1. @param {number} code */
function hexValue(code) {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/**
 * https://url.spec.whatwg.org/#string-percent-decode of a string that is ASCII, as serialized URLs
 * are
 * @param {string} text
 * @returns {Uint8Array}
 */
function percentDecode(text) {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = StringPrototypeCharCodeAt(text, i);
    if (code === PERCENT && i + 2 < text.length) {
      const high = hexValue(StringPrototypeCharCodeAt(text, i + 1));
      const low = hexValue(StringPrototypeCharCodeAt(text, i + 2));
      if (high >= 0 && low >= 0) {
        code = high * 16 + low;
        i += 2;
      }
    }
    bytes[length++] = code;
  }
  return viewOf(bytes, 0, length);
}

/**
 * https://infra.spec.whatwg.org/#forgiving-base64-decode
 * @param {Uint8Array} input @returns {Uint8Array | null} null for failure
 */
function forgivingBase64Decode(input) {
  const inputLength = TypedArrayPrototypeGetByteLength(input);
  const digits = new Uint8Array(inputLength);
  let count = 0;
  for (let i = 0; i < inputLength; i++) {
    if (!isAsciiWhitespace(input[i])) digits[count++] = input[i];
  }
  if (count % 4 === 0 && count > 0 && digits[count - 1] === EQUALS) {
    count--;
    if (digits[count - 1] === EQUALS) count--;
  }
  if (count % 4 === 1) return null;
  const bytes = new Uint8Array((count * 3) >> 2);
  let length = 0;
  let buffer = 0;
  let bits = 0;
  for (let i = 0; i < count; i++) {
    const value = BASE64_VALUES[digits[i]];
    if (value === 255) return null;
    buffer = ((buffer << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[length++] = (buffer >> bits) & 0xff;
  }
  return bytes;
}

/** The type without the marker `;base64` at its end, or null where there is none. */
function withoutBase64Marker(type) {
  if (asciiLowercase(StringPrototypeSlice(type, -6)) !== "base64") return null;
  let end = type.length - 6;
  while (end > 0 && StringPrototypeCharCodeAt(type, end - 1) === 0x20) end--;
  return end > 0 && type[end - 1] === ";" ? StringPrototypeSlice(type, 0, end - 1) : null;
}

/**
 * https://fetch.spec.whatwg.org/#data-url-processor
 * @param {string} url serialized, with scheme `data:` and without fragment
 * @returns {{ type: string, bytes: Uint8Array } | null} null for failure
 */
export function processDataUrl(url) {
  const comma = StringPrototypeIndexOf(url, ",");
  if (comma < 0) return null;
  let type = trimAsciiWhitespace(StringPrototypeSlice(url, "data:".length, comma));
  let bytes = percentDecode(StringPrototypeSlice(url, comma + 1));
  const plainType = withoutBase64Marker(type);
  if (plainType !== null) {
    bytes = forgivingBase64Decode(bytes);
    if (bytes === null) return null;
    type = plainType;
  }
  if (type[0] === ";") type = `text/plain${type}`;
  const mime = parseMimeType(type);
  return { type: mime === null ? DEFAULT_TYPE : serializeMimeType(mime), bytes };
}
