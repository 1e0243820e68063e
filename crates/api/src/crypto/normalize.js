/**
 * Normalizing algorithms, and the dictionaries of their parameters.
 * https://w3c.github.io/webcrypto/#algorithm-normalization
 * @module
 */

import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  copyOfBytes,
  isObject,
  toBufferSource,
  toDictionary,
  toDOMString,
  toOctet,
  toUnsignedLong,
  toUnsignedShort,
  typedArrayName,
} from "../webidl/webidl.js";
import { asciiUpperCase, HASHES } from "./digest.js";
import { toKey } from "./key.js";

const { TypeError } = primordials;

/** @param {any} v @param {string} what */
const enforcedLong = (v, what) => toUnsignedLong(v, what, "enforceRange");
const enforcedShort = (v, what) => toUnsignedShort(v, what, "enforceRange");
const enforcedOctet = (v, what) => toOctet(v, what, "enforceRange");

/** https://w3c.github.io/webcrypto/#dfn-AlgorithmIdentifier */
const toIdentifier = (v, what) => (isObject(v) ? v : toDOMString(v, what));

/** https://w3c.github.io/webcrypto/#big-integer */
function toBigInteger(v, what) {
  if (typedArrayName(v) === "Uint8Array") return v;
  throw new TypeError(`${what} is not of type 'Uint8Array'.`);
}

/** The algorithm in an identifier: a string or an object with a name. */
function nameIn(identifier, what) {
  if (!isObject(identifier)) return toDOMString(identifier, what);
  const name = identifier.name;
  if (name === undefined) throw new TypeError(`${what}: required member 'name' is undefined.`);
  return toDOMString(name, `${what}: member 'name'`);
}

/** The name of a hash function that keys and their operations can have: none but the standard's.
 * @param {any} identifier @param {string} what @returns {string} */
function normalizeHash(identifier, what) {
  const name = nameIn(identifier, what);
  const hash = asciiUpperCase(name);
  if (HASHES[hash] !== undefined && hash !== "MD5") return hash;
  throw domException("NotSupportedError", `${what}: '${name}' is not a supported hash function.`);
}

/** A member of parameters; `normal` makes what is kept once all members have been read. */
const member = (key, convert, required, normal = undefined) => ({
  __proto__: null,
  key,
  convert,
  required,
  normal,
});

const NAME = member("name", toDOMString, true);
const HASH = member("hash", toIdentifier, true, normalizeHash);
const bytes = (key, required = true) => member(key, toBufferSource, required, copyOfBytes);

/** The parameters of each kind, in the order in which the standard reads them. */
export const NO_PARAMS = [];
export const HASH_PARAMS = [NAME, HASH];
export const HMAC_PARAMS = [NAME, HASH, member("length", enforcedLong, false)];
export const CURVE_PARAMS = [NAME, member("namedCurve", toDOMString, true)];
export const AES_LENGTH_PARAMS = [NAME, member("length", enforcedShort, true)];
export const AES_CTR_PARAMS = [NAME, bytes("counter"), member("length", enforcedOctet, true)];
export const AES_CBC_PARAMS = [NAME, bytes("iv")];
export const AES_GCM_PARAMS = [
  NAME,
  bytes("additionalData", false),
  bytes("iv"),
  member("tagLength", enforcedOctet, false),
];
export const RSA_GENERATE_PARAMS = [
  NAME,
  member("modulusLength", enforcedLong, true),
  member("publicExponent", toBigInteger, true, copyOfBytes),
  HASH,
];
export const RSA_PSS_PARAMS = [NAME, member("saltLength", enforcedLong, true)];
export const RSA_OAEP_PARAMS = [NAME, bytes("label", false)];
export const PUBLIC_PARAMS = [NAME, member("public", toKey, true)];
export const HKDF_PARAMS = [NAME, HASH, bytes("info"), bytes("salt")];
export const PBKDF2_PARAMS = [NAME, HASH, member("iterations", enforcedLong, true), bytes("salt")];

/**
 * @typedef {object} Operation one that an algorithm supports
 * @property {object[]} params @property {Function} run
 */

/** The parameters of an operation that an algorithm supports. */
function readParameters(found, { params, run }, algorithm, name, what) {
  const source = isObject(algorithm) ? algorithm : { __proto__: null, name };
  const result = toDictionary(source, params, what);
  for (let i = 0; i < params.length; i++) {
    const { key, normal } = params[i];
    if (normal !== undefined && result[key] !== undefined) {
      result[key] = normal(result[key], `${what}: member '${key}'`);
    }
  }
  result.name = found.name;
  result.run = run;
  return result;
}

/**
 * https://w3c.github.io/webcrypto/#algorithm-normalization-normalize-an-algorithm
 * @param {Record<string, Record<string, Operation>>} registered by name in upper case
 * @param {string[]} operations one that the algorithm supports is taken, the first of them
 * @param {any} algorithm @param {string} what
 * @returns {any} the parameters, the algorithm's `name`, and `run` that does the operation
 */
export function normalize(registered, operations, algorithm, what) {
  const name = nameIn(algorithm, what);
  const found = registered[asciiUpperCase(name)];
  for (let i = 0; found !== undefined && i < operations.length; i++) {
    const operation = found[operations[i]];
    if (operation !== undefined) return readParameters(found, operation, algorithm, name, what);
  }
  throw domException(
    "NotSupportedError",
    `${what}: '${name}' is not an algorithm of ${operations[0]}.`,
  );
}
