/**
 * SubtleCrypto: https://w3c.github.io/webcrypto/#subtlecrypto-interface
 *
 * Methods are asynchronous so that their errors reject. All but the long ones have done their work
 * when they return, so bytes need no copy. What is done with keys is loaded with the first key.
 * @module
 */

import { crypto_digest, crypto_timing_safe_equal } from "isolde:ops";
import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toBufferSource,
} from "../webidl/webidl.js";
import { byteLengthOf, inMethod, toDigestAlgorithm } from "./digest.js";

const { TypeError } = primordials;

/** What only this module can pass to a constructor. */
const SUBTLE_TOKEN = { __proto__: null };

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
    requireArguments(arguments.length, 3, inMethod("encrypt"));
    const { encrypt } = load("crypto/operations.js");
    return encrypt(algorithm, key, data);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-decrypt
  async decrypt(algorithm, key, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inMethod("decrypt"));
    const { decrypt } = load("crypto/operations.js");
    return decrypt(algorithm, key, data);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-sign
  async sign(algorithm, key, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 3, inMethod("sign"));
    const { sign } = load("crypto/operations.js");
    return sign(algorithm, key, data);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-verify
  async verify(algorithm, key, signature, data) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 4, inMethod("verify"));
    const { verify } = load("crypto/operations.js");
    return verify(algorithm, key, signature, data);
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
    requireArguments(arguments.length, 3, inMethod("generateKey"));
    const { generateKey } = load("crypto/operations.js");
    return await generateKey(algorithm, extractable, keyUsages);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveKey
  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 5, inMethod("deriveKey"));
    const { deriveKey } = load("crypto/operations.js");
    return await deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveBits
  async deriveBits(algorithm, baseKey, length = null) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inMethod("deriveBits"));
    const { deriveBits } = load("crypto/operations.js");
    return await deriveBits(algorithm, baseKey, length);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-importKey
  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 5, inMethod("importKey"));
    const { importKey } = load("crypto/operations.js");
    return importKey(format, keyData, algorithm, extractable, keyUsages);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-exportKey
  async exportKey(format, key) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 2, inMethod("exportKey"));
    const { exportKey } = load("crypto/operations.js");
    return exportKey(format, key);
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-wrapKey
  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    SubtleCrypto.#check(this);
    requireArguments(arguments.length, 4, inMethod("wrapKey"));
    const { wrapKey } = load("crypto/operations.js");
    return wrapKey(format, key, wrappingKey, wrapAlgorithm);
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
    requireArguments(arguments.length, 7, inMethod("unwrapKey"));
    const { unwrapKey } = load("crypto/operations.js");
    return unwrapKey(
      format,
      wrappedKey,
      unwrappingKey,
      unwrapAlgorithm,
      unwrappedKeyAlgorithm,
      extractable,
      keyUsages,
    );
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
