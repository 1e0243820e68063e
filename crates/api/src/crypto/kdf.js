/**
 * HKDF and PBKDF2. https://w3c.github.io/webcrypto/#hkdf, https://w3c.github.io/webcrypto/#pbkdf2
 * @module
 */

import {
  crypto_hkdf,
  crypto_key_export,
  crypto_key_reserve,
  crypto_pbkdf2,
  crypto_pbkdf2_is_long,
  crypto_pbkdf2_later,
  crypto_secret_import,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { internal } from "../internal.js";
import { byteLengthOf, HASHES } from "./digest.js";
import {
  bitLength,
  checkNotEmpty,
  checkUsages,
  createKey,
  isRawSecret,
  keyDetails,
  RAW,
  unknownFormat,
} from "./key.js";
import { HKDF_PARAMS, NO_PARAMS, PBKDF2_PARAMS } from "./normalize.js";

const ALLOWED = ["deriveKey", "deriveBits"];

/** Bits that another thread derives. They do not go through the promise, for a Worker can see what
 * promises are resolved with. */
class LaterBits {
  #promise;
  #number;
  /** Gives the native bits back when nobody waits for them any more. */
  #key;

  constructor(number) {
    this.#number = number;
    this.#key = createKey(number, "secret", false, keyDetails("PBKDF2"), []);
  }

  static start(later, promise) {
    later.#promise = promise;
    return later;
  }

  static isLater(value) {
    return typeof value === "object" && value !== null && #key in value;
  }

  static promiseOf(later) {
    return later.#promise;
  }

  static take(later) {
    return crypto_key_export(later.#number, RAW);
  }
}
internal(LaterBits);
const startLater = LaterBits.start;
/** Whether what was derived is to come. @type {(value: any) => boolean} */
export const isLater = LaterBits.isLater;
/** A promise of nothing for when it is there. */
export const promiseOf = LaterBits.promiseOf;
/** The bits. */
export const takeBits = LaterBits.take;

/** A whole number of bytes. @param {string} name @param {number | null} length in bits */
function byteLength(name, length) {
  if (length === null) {
    throw domException("OperationError", `${name} cannot derive bits of no length.`);
  }
  if (length % 8 !== 0) {
    throw domException("OperationError", `${name} derives whole bytes, not ${length} bits.`);
  }
  return length / 8;
}

/** The operations that both have. */
function registration(name, params, derive) {
  return {
    __proto__: null,
    name,
    deriveBits: { __proto__: null, params, run: derive },
    importKey: {
      __proto__: null,
      params: NO_PARAMS,
      run: (_params, format, data, extractable, usages) => {
        if (!isRawSecret(format)) unknownFormat(format);
        checkUsages(name, usages, ALLOWED);
        if (extractable) {
          throw domException("SyntaxError", `A key for ${name} cannot be extractable.`);
        }
        checkNotEmpty(usages);
        const number = crypto_secret_import(data, bitLength(byteLengthOf(data)));
        return createKey(number, "secret", false, keyDetails(name), usages);
      },
    },
    getKeyLength: { __proto__: null, params: NO_PARAMS, run: () => null },
  };
}

export const hkdf = registration("HKDF", HKDF_PARAMS, (params, { number }, length) => {
  const bytes = byteLength("HKDF", length);
  return crypto_hkdf(number, HASHES[params.hash], params.salt, params.info, bytes);
});

export const pbkdf2 = registration("PBKDF2", PBKDF2_PARAMS, (params, { number }, length) => {
  const bytes = byteLength("PBKDF2", length);
  const { iterations, salt } = params;
  if (iterations === 0) {
    throw domException("OperationError", "PBKDF2 needs at least one iteration.");
  }
  const hash = HASHES[params.hash];
  if (!crypto_pbkdf2_is_long(hash, iterations, bytes)) {
    return crypto_pbkdf2(number, hash, salt, iterations, bytes);
  }
  const result = crypto_key_reserve(bytes);
  const later = new LaterBits(result);
  return startLater(
    later,
    crypto_pbkdf2_later(result, number, hash, salt, iterations, bytes),
  );
});
