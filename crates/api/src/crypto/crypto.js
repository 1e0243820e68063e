/**
 * `crypto`: https://w3c.github.io/webcrypto/#crypto-interface
 * @module
 */

import { crypto_random_fill, crypto_random_uuid, define_lazy } from "isolde:ops";
import { requireContext } from "../context.js";
import { DOMException, QuotaExceededError } from "../events/dom_exception.js";
import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isArrayBufferView,
  isObject,
  requireArguments,
  typedArrayName,
} from "../webidl/webidl.js";
import { byteLengthOf } from "./digest.js";

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

/** https://w3c.github.io/webcrypto/#crypto-interface */
export class Crypto {
  #subtle;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#subtle in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== CRYPTO_TOKEN) illegalConstructor();
    this.#subtle = undefined;
  }

  get subtle() {
    Crypto.#check(this);
    this.#subtle ??= load("crypto/subtle.js").subtle;
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

defineInterface(Crypto, { __proto__: null, length: 0 });
define_lazy(Crypto.prototype, "DigestStream", false);

/** The object that is `crypto` in global scope. */
export const crypto = new Crypto(CRYPTO_TOKEN);
