/**
 * Digest algorithms: what `crypto.subtle.digest` and `crypto.DigestStream` share.
 * https://w3c.github.io/webcrypto/#subtlecrypto-interface
 * @module
 */

import { DOMException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { isObject, toDOMString } from "../webidl/webidl.js";

const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  DataViewPrototypeGetByteLength,
  StringPrototypeCharCodeAt,
  StringPrototypeToUpperCase,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;

/** The algorithms by the numbers of `ops.rs`. MD5 is no part of the standard, but of the platform.
 * */
export const HASHES = {
  __proto__: null,
  MD5: 0,
  "SHA-1": 1,
  "SHA-256": 2,
  "SHA-384": 3,
  "SHA-512": 4,
};

/** Checksums of streams, which only the platform has, under names in lower case. */
const CHECKSUMS = { __proto__: null, crc32: 5, crc32c: 6, crc64nvme: 7 };

/** The beginning of an error message about a method. @param {string} method */
export const inMethod = (method) => `Failed to execute '${method}' on 'SubtleCrypto'`;

/** A text in upper case, by ASCII's letters alone: others have no name of an algorithm. Empty for a
 * text with others. @param {string} text @returns {string} */
export function asciiUpperCase(text) {
  for (let i = 0; i < text.length; i++) {
    if (StringPrototypeCharCodeAt(text, i) > 0x7f) return "";
  }
  return StringPrototypeToUpperCase(text);
}

/**
 * The name in an algorithm identifier, which is a string or an object with a name.
 * https://w3c.github.io/webcrypto/#algorithm-normalization-normalize-an-algorithm
 * @param {any} algorithm @param {string} what
 * @returns {string}
 */
function algorithmName(algorithm, what) {
  if (!isObject(algorithm)) return toDOMString(algorithm, what);
  const name = algorithm.name;
  if (name === undefined) throw new TypeError(`${what}: required member 'name' is undefined.`);
  return toDOMString(name, `${what}: member 'name'`);
}

/**
 * @param {any} algorithm @param {string} what
 * @returns {number} the number of the digest algorithm
 */
export function toDigestAlgorithm(algorithm, what) {
  const name = algorithmName(algorithm, what);
  return HASHES[asciiUpperCase(name)] ?? notSupported(name, what);
}

/** @param {string} name @param {string} what @returns {never} */
function notSupported(name, what) {
  throw new DOMException(
    `${what}: '${name}' is not a supported digest algorithm.`,
    "NotSupportedError",
  );
}

/**
 * As `toDigestAlgorithm`, with the checksums.
 * @param {any} algorithm @param {string} what
 * @returns {number}
 */
export function toStreamAlgorithm(algorithm, what) {
  const name = algorithmName(algorithm, what);
  return HASHES[asciiUpperCase(name)] ?? CHECKSUMS[name] ?? notSupported(name, what);
}

/** @param {ArrayBuffer | ArrayBufferView} source @returns {number} its length in bytes, 0 when it
 *   is detached */
export function byteLengthOf(source) {
  if (!ArrayBufferIsView(source)) return ArrayBufferPrototypeGetByteLength(source);
  if (TypedArrayPrototypeGetSymbolToStringTag(source) !== undefined) {
    return TypedArrayPrototypeGetByteLength(source);
  }
  try {
    return DataViewPrototypeGetByteLength(source);
  } catch {
    return 0;
  }
}
