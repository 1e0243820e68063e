/**
 * SubtleCrypto: https://w3c.github.io/webcrypto/#subtlecrypto-interface
 *
 * Methods are asynchronous so that their errors reject. All but the long ones have done their work
 * when they return, so bytes need no copy.
 * @module
 */

import { crypto_digest, crypto_timing_safe_equal, utf8_decode, utf8_encode } from "isolde:ops";
import { requireContext } from "../context.js";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  copyOfBytes,
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isBufferSource,
  isObject,
  requireArguments,
  toBufferSource,
  toDOMString,
  toSequence,
  toUnsignedLong,
} from "../webidl/webidl.js";
import { REGISTERED } from "./algorithms.js";
import { byteLengthOf, toDigestAlgorithm } from "./digest.js";
import { jwkText, parseJsonWebKey, toJsonWebKey } from "./jwk.js";
import { isLater, promiseOf, takeBits } from "./kdf.js";
import { slotsOf, toKey } from "./key.js";
import { normalize } from "./normalize.js";

const { ArrayPrototypeIncludes, TypeError } = primordials;

/** What only this module can pass to a constructor. */
const SUBTLE_TOKEN = { __proto__: null };

const BYTE_FORMATS = {
  __proto__: null,
  raw: true,
  spki: true,
  pkcs8: true,
  "raw-secret": true,
  "raw-public": true,
};

const toUsages = (v, what) => toSequence(v, toDOMString, what);

/** The beginning of an error message about a method. */
const inMethod = (method) => `Failed to execute '${method}' on 'SubtleCrypto'`;

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

export class SubtleCrypto {
  #brand;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#brand in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== SUBTLE_TOKEN) illegalConstructor();
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-encrypt
  async encrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    const what = inMethod("encrypt");
    requireArguments(arguments.length, 3, what);
    const cryptoKey = toKey(key, `${what}: parameter 2`);
    const bytes = toBufferSource(data, `${what}: parameter 3`);
    const { params, slots } = prepare(["encrypt"], algorithm, cryptoKey, "encrypt", "encrypt");
    const { run } = params;
    return run(params, slots, bytes);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-decrypt
  async decrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    const what = inMethod("decrypt");
    requireArguments(arguments.length, 3, what);
    const cryptoKey = toKey(key, `${what}: parameter 2`);
    const bytes = toBufferSource(data, `${what}: parameter 3`);
    const { params, slots } = prepare(["decrypt"], algorithm, cryptoKey, "decrypt", "decrypt");
    const { run } = params;
    return run(params, slots, bytes);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-sign
  async sign(algorithm, key, data) {
    SubtleCrypto.#check(this);
    const what = inMethod("sign");
    requireArguments(arguments.length, 3, what);
    const cryptoKey = toKey(key, `${what}: parameter 2`);
    const bytes = toBufferSource(data, `${what}: parameter 3`);
    const { params, slots } = prepare(["sign"], algorithm, cryptoKey, "sign", "sign");
    const { run } = params;
    return run(params, slots, bytes);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-verify
  async verify(algorithm, key, signature, data) {
    SubtleCrypto.#check(this);
    const what = inMethod("verify");
    requireArguments(arguments.length, 4, what);
    const cryptoKey = toKey(key, `${what}: parameter 2`);
    const signed = toBufferSource(signature, `${what}: parameter 3`);
    const bytes = toBufferSource(data, `${what}: parameter 4`);
    const { params, slots } = prepare(["verify"], algorithm, cryptoKey, "verify", "verify");
    const { run } = params;
    return run(params, slots, signed, bytes);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-digest
  async digest(algorithm, data) {
    SubtleCrypto.#check(this);
    const what = inMethod("digest");
    requireArguments(arguments.length, 2, what);
    const source = toBufferSource(data, `${what}: parameter 2`);
    return crypto_digest(toDigestAlgorithm(algorithm, `${what}: parameter 1`), source);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-generateKey
  async generateKey(algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const what = inMethod("generateKey");
    requireArguments(arguments.length, 3, what);
    const usages = toUsages(keyUsages, `${what}: parameter 3`);
    const params = normalize(REGISTERED, ["generateKey"], algorithm, `${what}: parameter 1`);
    // In global scope a key would be frozen into what every request shares.
    requireContext("generateKey");
    const { run } = params;
    return await run(params, !!extractable, usages);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveKey
  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const what = inMethod("deriveKey");
    requireArguments(arguments.length, 5, what);
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

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveBits
  async deriveBits(algorithm, baseKey, length = null) {
    SubtleCrypto.#check(this);
    const what = inMethod("deriveBits");
    requireArguments(arguments.length, 2, what);
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

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-importKey
  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    const what = inMethod("importKey");
    requireArguments(arguments.length, 5, what);
    const keyFormat = toDOMString(format, `${what}: parameter 1`);
    const data = toKeyData(keyFormat, keyData, what);
    const usages = toUsages(keyUsages, `${what}: parameter 5`);
    const params = normalize(REGISTERED, ["importKey"], algorithm, `${what}: parameter 3`);
    return importWith(params, keyFormat, data, !!extractable, usages);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-exportKey
  async exportKey(format, key) {
    SubtleCrypto.#check(this);
    const what = inMethod("exportKey");
    requireArguments(arguments.length, 2, what);
    const keyFormat = toDOMString(format, `${what}: parameter 1`);
    return exportWith(keyFormat, toKey(key, `${what}: parameter 2`), "exportKey");
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-wrapKey
  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    SubtleCrypto.#check(this);
    const what = inMethod("wrapKey");
    requireArguments(arguments.length, 4, what);
    const keyFormat = toDOMString(format, `${what}: parameter 1`);
    const wrapped = toKey(key, `${what}: parameter 2`);
    const wrapping = toKey(wrappingKey, `${what}: parameter 3`);
    const operations = ["wrapKey", "encrypt"];
    const { params, slots } = prepare(operations, wrapAlgorithm, wrapping, "wrapKey", "wrapKey");
    const exported = exportWith(keyFormat, wrapped, "wrapKey");
    const { run } = params;
    return run(params, slots, keyFormat === "jwk" ? utf8_encode(jwkText(exported)) : exported);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-unwrapKey
  async unwrapKey(
    format,
    wrappedKey,
    unwrappingKey,
    unwrapAlgorithm,
    unwrappedKeyAlgorithm,
    extractable,
    keyUsages,
  ) {
    SubtleCrypto.#check(this);
    const what = inMethod("unwrapKey");
    requireArguments(arguments.length, 7, what);
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

  /**
   * The platform's own: compares in a time that depends on nothing but the length.
   * https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#timingsafeequal
   * @returns {boolean}
   */
  timingSafeEqual(a, b) {
    SubtleCrypto.#check(this);
    const what = inMethod("timingSafeEqual");
    requireArguments(arguments.length, 2, what);
    const first = toBufferSource(a, `${what}: parameter 1`);
    const second = toBufferSource(b, `${what}: parameter 2`);
    if (byteLengthOf(first) !== byteLengthOf(second)) {
      throw new TypeError("Input buffers must have the same byte length.");
    }
    return crypto_timing_safe_equal(first, second);
  }
}

defineInterface(SubtleCrypto, { __proto__: null, length: 0 });

/** The object that is `crypto.subtle`. */
export const subtle = new SubtleCrypto(SUBTLE_TOKEN);
