/**
 * What SubtleCrypto does with keys, once its methods have checked their receiver and the number of
 * their arguments. https://w3c.github.io/webcrypto/#subtlecrypto-interface
 * @module
 */

import { utf8_decode, utf8_encode } from "isolde:ops";
import { requireContext } from "../context.js";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  copyOfBytes,
  isBufferSource,
  isObject,
  toBufferSource,
  toDOMString,
  toSequence,
  toUnsignedLong,
} from "../webidl/webidl.js";
import { REGISTERED } from "./algorithms.js";
import { inMethod } from "./digest.js";
import { jwkText, parseJsonWebKey, toJsonWebKey } from "./jwk.js";
import { isLater, promiseOf, takeBits } from "./kdf.js";
import { slotsOf, toKey } from "./key.js";
import { normalize } from "./normalize.js";

const { ArrayPrototypeIncludes, TypeError } = primordials;

const BYTE_FORMATS = {
  __proto__: null,
  raw: true,
  spki: true,
  pkcs8: true,
  "raw-secret": true,
  "raw-public": true,
};

const toUsages = (v, what) => toSequence(v, toDOMString, what);

/** The parameters of an operation with a key that exists.
 * @param {string[]} operations @param {any} algorithm @param {CryptoKey} key
 * @param {string} usage that the key must have @param {string} method
 * @returns {{ params: any, slots: any }} */
function prepare(operations, algorithm, key, usage, method) {
  const params = normalize(REGISTERED, operations, algorithm, `${inMethod(method)}: the algorithm`);
  const slots = slotsOf(key);
  if (params.name !== slots.details.name) {
    throw domException(
      "InvalidAccessError",
      `${inMethod(method)}: the key is for ${slots.details.name}, not for ${params.name}.`,
    );
  }
  if (!ArrayPrototypeIncludes(slots.usages, usage)) {
    throw domException("InvalidAccessError", `${inMethod(method)}: the key is not for '${usage}'.`);
  }
  return { __proto__: null, params, slots };
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-importKey from the format on. */
function importWith(params, format, data, extractable, usages) {
  const { run } = params;
  return run(params, format, data, extractable, usages);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-exportKey */
function exportWith(format, key, method) {
  const { details, extractable } = slotsOf(key);
  const what = `${inMethod(method)}: the key`;
  const { run } = normalize(REGISTERED, ["exportKey"], details.name, what);
  if (!extractable) {
    throw domException("InvalidAccessError", `${what} is not extractable.`);
  }
  return run(format, key);
}

/** The data of a key to be imported: bytes of their own, or a JSON Web Key. */
function toKeyData(format, data, what) {
  if (format === "jwk") {
    if (!isObject(data) || isBufferSource(data)) {
      throw new TypeError(
        `${what}: import data provided for "jwk" import format must be a JsonWebKey.`,
      );
    }
    return toJsonWebKey(data, what);
  }
  if (BYTE_FORMATS[format] === undefined) {
    throw domException("NotSupportedError", `${what}: unrecognized key format "${format}".`);
  }
  if (!isBufferSource(data)) {
    throw new TypeError(
      `${what}: import data provided for buffer-based import formats must be a buffer source.`,
    );
  }
  return data;
}

/** An operation on bytes, for which the key must have the usage of its name. */
function operate(operation, algorithm, key, data) {
  const what = inMethod(operation);
  const cryptoKey = toKey(key, `${what}: parameter 2`);
  const bytes = toBufferSource(data, `${what}: parameter 3`);
  const { params, slots } = prepare([operation], algorithm, cryptoKey, operation, operation);
  const { run } = params;
  return run(params, slots, bytes);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-encrypt */
export function encrypt(algorithm, key, data) {
  return operate("encrypt", algorithm, key, data);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-decrypt */
export function decrypt(algorithm, key, data) {
  return operate("decrypt", algorithm, key, data);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-sign */
export function sign(algorithm, key, data) {
  return operate("sign", algorithm, key, data);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-verify */
export function verify(algorithm, key, signature, data) {
  const what = inMethod("verify");
  const cryptoKey = toKey(key, `${what}: parameter 2`);
  const signed = toBufferSource(signature, `${what}: parameter 3`);
  const bytes = toBufferSource(data, `${what}: parameter 4`);
  const { params, slots } = prepare(["verify"], algorithm, cryptoKey, "verify", "verify");
  const { run } = params;
  return run(params, slots, signed, bytes);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-generateKey */
export function generateKey(algorithm, extractable, keyUsages) {
  const what = inMethod("generateKey");
  const usages = toUsages(keyUsages, `${what}: parameter 3`);
  const params = normalize(REGISTERED, ["generateKey"], algorithm, `${what}: parameter 1`);
  // In global scope a key would be frozen into what every request shares.
  requireContext("generateKey");
  const { run } = params;
  return run(params, !!extractable, usages);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveKey */
export async function deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
  const what = inMethod("deriveKey");
  const key = toKey(baseKey, `${what}: parameter 2`);
  const usages = toUsages(keyUsages, `${what}: parameter 5`);
  const place = `${what}: parameter 3`;
  const { params, slots } = prepare(["deriveBits"], algorithm, key, "deriveKey", "deriveKey");
  const imported = normalize(REGISTERED, ["importKey"], derivedKeyType, place);
  const lengths = normalize(REGISTERED, ["getKeyLength"], derivedKeyType, place);
  const getLength = lengths.run;
  const derive = params.run;
  let secret = derive(params, slots, getLength(lengths));
  if (isLater(secret)) {
    await promiseOf(secret);
    secret = takeBits(secret);
  }
  return importWith(imported, "raw", secret, !!extractable, usages);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveBits */
export async function deriveBits(algorithm, baseKey, length = null) {
  const what = inMethod("deriveBits");
  const key = toKey(baseKey, `${what}: parameter 2`);
  const bits =
    length === null || length === undefined
      ? null
      : toUnsignedLong(length, `${what}: parameter 3`);
  const { params, slots } = prepare(["deriveBits"], algorithm, key, "deriveBits", "deriveBits");
  const { run } = params;
  const derived = run(params, slots, bits);
  if (!isLater(derived)) return derived;
  await promiseOf(derived);
  return takeBits(derived);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-importKey */
export function importKey(format, keyData, algorithm, extractable, keyUsages) {
  const what = inMethod("importKey");
  const keyFormat = toDOMString(format, `${what}: parameter 1`);
  const data = toKeyData(keyFormat, keyData, what);
  const usages = toUsages(keyUsages, `${what}: parameter 5`);
  const params = normalize(REGISTERED, ["importKey"], algorithm, `${what}: parameter 3`);
  return importWith(params, keyFormat, data, !!extractable, usages);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-exportKey */
export function exportKey(format, key) {
  const what = inMethod("exportKey");
  const keyFormat = toDOMString(format, `${what}: parameter 1`);
  return exportWith(keyFormat, toKey(key, `${what}: parameter 2`), "exportKey");
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-wrapKey */
export function wrapKey(format, key, wrappingKey, wrapAlgorithm) {
  const what = inMethod("wrapKey");
  const keyFormat = toDOMString(format, `${what}: parameter 1`);
  const wrapped = toKey(key, `${what}: parameter 2`);
  const wrapping = toKey(wrappingKey, `${what}: parameter 3`);
  const operations = ["wrapKey", "encrypt"];
  const { params, slots } = prepare(operations, wrapAlgorithm, wrapping, "wrapKey", "wrapKey");
  const exported = exportWith(keyFormat, wrapped, "wrapKey");
  const { run } = params;
  return run(params, slots, keyFormat === "jwk" ? utf8_encode(jwkText(exported)) : exported);
}

/** https://w3c.github.io/webcrypto/#SubtleCrypto-method-unwrapKey */
export function unwrapKey(
  format,
  wrappedKey,
  unwrappingKey,
  unwrapAlgorithm,
  unwrappedKeyAlgorithm,
  extractable,
  keyUsages,
) {
  const what = inMethod("unwrapKey");
  const keyFormat = toDOMString(format, `${what}: parameter 1`);
  // What the second algorithm reads may change the bytes.
  const wrapped = copyOfBytes(toBufferSource(wrappedKey, `${what}: parameter 2`));
  const key = toKey(unwrappingKey, `${what}: parameter 3`);
  const usages = toUsages(keyUsages, `${what}: parameter 7`);
  const operations = ["unwrapKey", "decrypt"];
  const { params, slots } = prepare(operations, unwrapAlgorithm, key, "unwrapKey", "unwrapKey");
  const place = `${what}: parameter 5`;
  const imported = normalize(REGISTERED, ["importKey"], unwrappedKeyAlgorithm, place);
  if (keyFormat !== "jwk" && BYTE_FORMATS[keyFormat] === undefined) {
    throw domException("NotSupportedError", `${what}: unrecognized key format "${keyFormat}".`);
  }
  const { run } = params;
  const bytes = run(params, slots, wrapped);
  const data =
    keyFormat === "jwk" ? parseJsonWebKey(utf8_decode(bytes, false, false), what) : bytes;
  return importWith(imported, keyFormat, data, !!extractable, usages);
}
