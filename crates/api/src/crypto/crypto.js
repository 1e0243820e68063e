/**
 * `crypto` (https://w3c.github.io/webcrypto/): random values and digests. Of SubtleCrypto the
 * methods that use keys exist, so that a program can be loaded that mentions them, and reject: they
 * are not implemented yet.
 * @module
 */

import {
  crypto_digest,
  crypto_random_fill,
  crypto_random_uuid,
  crypto_timing_safe_equal,
  define_lazy,
} from "isolde:ops";
import { requireContext } from "../context.js";
import { DOMException, QuotaExceededError } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isArrayBufferView,
  isObject,
  requireArguments,
  toBufferSource,
  typedArrayName,
} from "../webidl/webidl.js";
import { byteLengthOf, toDigestAlgorithm } from "./digest.js";

const { TypeError } = primordials;

/** What only this module can pass to a constructor. */
const CRYPTO_TOKEN = {};

/** Most bytes that one call of getRandomValues gives. */
const MAX_RANDOM_BYTES = 65_536;

/** Typed arrays whose elements may be any bits. */
const INTEGER_ARRAYS = {
  __proto__: null,
  Int8Array: true,
  Uint8Array: true,
  Uint8ClampedArray: true,
  Int16Array: true,
  Uint16Array: true,
  Int32Array: true,
  Uint32Array: true,
  BigInt64Array: true,
  BigUint64Array: true,
};

/** https://w3c.github.io/webcrypto/#cryptokey-interface: nothing makes keys yet, so every receiver
 * is a wrong one. */
export class CryptoKey {
  constructor() {
    illegalConstructor();
  }

  get type() {
    return illegalInvocation();
  }

  get extractable() {
    return illegalInvocation();
  }

  get algorithm() {
    return illegalInvocation();
  }

  get usages() {
    return illegalInvocation();
  }
}

/** @param {string} method @returns {never} */
function notImplemented(method) {
  throw new DOMException(
    `crypto.subtle.${method}() is not implemented yet on this platform.`,
    "NotSupportedError",
  );
}

/** https://w3c.github.io/webcrypto/#subtlecrypto-interface. Methods are asynchronous so that their
 * errors reject. */
export class SubtleCrypto {
  #brand;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#brand in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== CRYPTO_TOKEN) illegalConstructor();
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-digest
  async digest(algorithm, data) {
    SubtleCrypto.#check(this);
    const what = "Failed to execute 'digest' on 'SubtleCrypto'";
    requireArguments(arguments.length, 2, what);
    const source = toBufferSource(data, `${what}: parameter 2`);
    return crypto_digest(toDigestAlgorithm(algorithm, `${what}: parameter 1`), source);
  }

  /**
   * The platform's own: compares in a time that depends on nothing but the length.
   * https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#timingsafeequal
   * @returns {boolean}
   */
  timingSafeEqual(a, b) {
    SubtleCrypto.#check(this);
    const what = "Failed to execute 'timingSafeEqual' on 'SubtleCrypto'";
    requireArguments(arguments.length, 2, what);
    const first = toBufferSource(a, `${what}: parameter 1`);
    const second = toBufferSource(b, `${what}: parameter 2`);
    if (byteLengthOf(first) !== byteLengthOf(second)) {
      throw new TypeError("Input buffers must have the same byte length.");
    }
    return crypto_timing_safe_equal(first, second);
  }

  async encrypt(_algorithm, _key, _data) {
    SubtleCrypto.#check(this);
    notImplemented("encrypt");
  }

  async decrypt(_algorithm, _key, _data) {
    SubtleCrypto.#check(this);
    notImplemented("decrypt");
  }

  async sign(_algorithm, _key, _data) {
    SubtleCrypto.#check(this);
    notImplemented("sign");
  }

  async verify(_algorithm, _key, _signature, _data) {
    SubtleCrypto.#check(this);
    notImplemented("verify");
  }

  async generateKey(_algorithm, _extractable, _keyUsages) {
    SubtleCrypto.#check(this);
    notImplemented("generateKey");
  }

  async deriveKey(_algorithm, _baseKey, _derivedKeyType, _extractable, _keyUsages) {
    SubtleCrypto.#check(this);
    notImplemented("deriveKey");
  }

  async deriveBits(_algorithm, _baseKey, _length = null) {
    SubtleCrypto.#check(this);
    notImplemented("deriveBits");
  }

  async importKey(_format, _keyData, _algorithm, _extractable, _keyUsages) {
    SubtleCrypto.#check(this);
    notImplemented("importKey");
  }

  async exportKey(_format, _key) {
    SubtleCrypto.#check(this);
    notImplemented("exportKey");
  }

  async wrapKey(_format, _key, _wrappingKey, _wrapAlgorithm) {
    SubtleCrypto.#check(this);
    notImplemented("wrapKey");
  }

  async unwrapKey(_format, _wrapped, _key, _algorithm, _keyAlgorithm, _extractable, _keyUsages) {
    SubtleCrypto.#check(this);
    notImplemented("unwrapKey");
  }
}

/** https://w3c.github.io/webcrypto/#crypto-interface */
export class Crypto {
  #subtle;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#subtle in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== CRYPTO_TOKEN) illegalConstructor();
    this.#subtle = new SubtleCrypto(CRYPTO_TOKEN);
  }

  get subtle() {
    Crypto.#check(this);
    return this.#subtle;
  }

  // https://w3c.github.io/webcrypto/#Crypto-method-getRandomValues
  getRandomValues(array) {
    Crypto.#check(this);
    const what = "Failed to execute 'getRandomValues' on 'Crypto'";
    requireArguments(arguments.length, 1, what);
    if (!isArrayBufferView(array)) {
      throw new TypeError(`${what}: parameter 1 is not of type 'ArrayBufferView'.`);
    }
    const name = typedArrayName(array);
    if (name === undefined || INTEGER_ARRAYS[name] === undefined) {
      throw new DOMException(
        `${what}: the array is not a typed array of integers.`,
        "TypeMismatchError",
      );
    }
    const length = byteLengthOf(array);
    if (length > MAX_RANDOM_BYTES) {
      throw new QuotaExceededError(
        `${what}: the array has ${length} bytes, more than the ${MAX_RANDOM_BYTES} of one call.`,
      );
    }
    // In global scope randomness would be frozen into what every request shares.
    requireContext("getRandomValues");
    crypto_random_fill(array);
    return array;
  }

  // https://w3c.github.io/webcrypto/#Crypto-method-randomUUID
  randomUUID() {
    Crypto.#check(this);
    requireContext("randomUUID");
    return crypto_random_uuid();
  }
}

defineInterface(CryptoKey);
defineInterface(SubtleCrypto, { __proto__: null, length: 0 });
defineInterface(Crypto, { __proto__: null, length: 0 });
define_lazy(Crypto.prototype, "DigestStream", false);

/** The object that is `crypto` in global scope. */
export const crypto = new Crypto(CRYPTO_TOKEN);
