/**
 * CryptoKey: https://w3c.github.io/webcrypto/#cryptokey-interface
 *
 * The key itself is native and has a number here; the native side gets it back when the object is
 * collected. What the operations go by (name, usages and so on) is kept apart from the objects that
 * a Worker sees and can change.
 * @module
 */

import {
  crypto_base64url,
  crypto_key_close,
  crypto_key_member,
  crypto_key_share,
} from "isolde:ops";
import { showAttributes } from "../console/shown.js";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { registerCloneable } from "../structured_clone/structured_clone.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
} from "../webidl/webidl.js";

const {
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  FinalizationRegistry,
  FinalizationRegistryPrototypeRegister,
  TypeError,
} = primordials;

/** All usages, in the order in which a key has them. */
const USAGES = [
  "encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey",
];

/** What only this module can pass to the constructor. */
const KEY_TOKEN = { __proto__: null };

/** Frees native keys. Made at first use: registries have no place in a snapshot. */
let keyRegistry;

/**
 * What a key is for, [[algorithm]] of the standard without its prototypes. All members are there:
 * those that the algorithm does not have are null.
 * @typedef {object} Details
 * @property {string} name
 * @property {number | null} length in bits
 * @property {string | null} hash
 * @property {string | null} namedCurve
 * @property {number | null} modulusLength in bits
 */

/**
 * @param {string} name
 * @param {{ length?: number, hash?: string, namedCurve?: string, modulusLength?: number }} [more]
 * @returns {Details}
 */
export function keyDetails(name, more = { __proto__: null }) {
  const { length = null, hash = null, namedCurve = null, modulusLength = null } = more;
  return { __proto__: null, name, length, hash, namedCurve, modulusLength };
}

let partsOf;
let isKey;

export class CryptoKey {
  #number;
  #type;
  #extractable;
  #details;
  #usages;
  /** The objects that a Worker sees, from their first use. */
  #algorithmObject;
  #usagesObject;

  static {
    isKey = (value) => isObject(value) && #number in value;
    partsOf = (key) => ({
      __proto__: null,
      number: key.#number,
      type: key.#type,
      extractable: key.#extractable,
      details: key.#details,
      usages: key.#usages,
    });
  }

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isKey(receiver)) illegalInvocation();
  }

  constructor(token, number, type, extractable, details, usages) {
    if (token !== KEY_TOKEN) illegalConstructor();
    this.#number = number;
    this.#type = type;
    this.#extractable = extractable;
    this.#details = details;
    this.#usages = usages;
    keyRegistry ??= new FinalizationRegistry(crypto_key_close);
    FinalizationRegistryPrototypeRegister(keyRegistry, this, number);
  }

  get type() {
    CryptoKey.#check(this);
    return this.#type;
  }

  get extractable() {
    CryptoKey.#check(this);
    return this.#extractable;
  }

  get algorithm() {
    CryptoKey.#check(this);
    this.#algorithmObject ??= algorithmObject(this.#details, this.#number);
    return this.#algorithmObject;
  }

  get usages() {
    CryptoKey.#check(this);
    this.#usagesObject ??= copyOfList(this.#usages);
    return this.#usagesObject;
  }
}

/** The KeyAlgorithm of a key, an ordinary object. */
function algorithmObject(details, number) {
  const { name, length, hash, namedCurve, modulusLength } = details;
  if (namedCurve !== null) return { name, namedCurve };
  if (modulusLength !== null) {
    const publicExponent = crypto_base64url(crypto_key_member(number, "e"));
    return { name, modulusLength, publicExponent, hash: { name: hash } };
  }
  if (hash !== null) return { name, hash: { name: hash }, length };
  return length === null ? { name } : { name, length };
}

/** @param {any[]} list @returns {any[]} */
export function copyOfList(list) {
  const copy = [];
  for (let i = 0; i < list.length; i++) ArrayPrototypePush(copy, list[i]);
  return copy;
}

defineInterface(CryptoKey, { __proto__: null, length: 0 });
showAttributes(CryptoKey, ["type", "extractable", "algorithm", "usages"]);

/**
 * A key object for a native key.
 * @param {number} number @param {"public" | "private" | "secret"} type
 * @param {boolean} extractable @param {Details} details @param {string[]} usages
 * @returns {CryptoKey}
 */
export function createKey(number, type, extractable, details, usages) {
  return new CryptoKey(KEY_TOKEN, number, type, extractable, details, normalUsages(usages));
}

/** The internal slots of a key. @param {CryptoKey} key */
export function slotsOf(key) {
  return partsOf(key);
}

/** @param {any} value @param {string} what @returns {CryptoKey} */
export function toKey(value, what) {
  if (isKey(value)) return value;
  throw new TypeError(`${what} is not of type 'CryptoKey'.`);
}

/** Each usage once, in the usual order.
 * https://w3c.github.io/webcrypto/#concept-normalized-usages
 * @param {string[]} usages @returns {string[]} */
function normalUsages(usages) {
  return usagesAmong(usages, USAGES);
}

/** The usages that are also in `some`, each once. @param {string[]} usages @param {string[]} some
 * @returns {string[]} */
export function usagesAmong(usages, some) {
  const found = [];
  for (let i = 0; i < some.length; i++) {
    if (ArrayPrototypeIncludes(usages, some[i])) ArrayPrototypePush(found, some[i]);
  }
  return found;
}

/** Throws a SyntaxError for a usage that is not allowed. @param {string} name of the algorithm
 * @param {string[]} usages @param {string[]} allowed */
export function checkUsages(name, usages, allowed) {
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(allowed, usages[i])) {
      throw domException(
        "SyntaxError",
        `A key for ${name} cannot have the usage '${usages[i]}' here.`,
      );
    }
  }
}

/** Throws a SyntaxError for a usage that neither key of a new pair can have.
 * @param {{ name: string, privateUsages: string[], publicUsages: string[] }} scheme
 * @param {string[]} usages */
export function checkPairUsages({ name, privateUsages, publicUsages }, usages) {
  for (let i = 0; i < usages.length; i++) {
    const usage = [usages[i]];
    if (usagesAmong(usage, privateUsages).length === 0) checkUsages(name, usage, publicUsages);
  }
}

/** The public key of a new pair, with those usages of the pair that are for it.
 * @param {number} number @param {{ publicUsages: string[] }} scheme @param {Details} details
 * @param {string[]} usages @returns {CryptoKey} */
export function createPublicKey(number, { publicUsages }, details, usages) {
  return createKey(number, "public", true, details, usagesAmong(usages, publicUsages));
}

/** Throws a SyntaxError for a secret or private key without usages. @param {string[]} usages */
export function checkNotEmpty(usages) {
  if (usages.length > 0) return;
  throw domException("SyntaxError", "A secret or private key must have at least one usage.");
}

/** Throws an InvalidAccessError for a key of another type. @param {string} type
 * @param {string} wanted */
export function checkType(type, wanted) {
  if (type === wanted) return;
  const message = `The operation needs a ${wanted} key, not a ${type} one.`;
  throw domException("InvalidAccessError", message);
}

/** The length of a secret key's bytes in bits, which native code counts in 32 bits.
 * @param {number} byteLength @returns {number} */
export function bitLength(byteLength) {
  if (byteLength < 2 ** 29) return byteLength * 8;
  throw domException("DataError", "The key is too long.");
}

/** Formats, as `keys.rs` counts them. */
export const RAW = 0;
export const SPKI = 1;
export const PKCS8 = 2;

/** Kinds of keys, as `keys.rs` counts them. */
export const KINDS = {
  __proto__: null,
  "P-256": 0,
  "P-384": 1,
  "P-521": 2,
  Ed25519: 3,
  X25519: 4,
  RSA: 5,
};

/** Whether a format is that of raw bytes of secret keys. @param {string} format */
export function isRawSecret(format) {
  return format === "raw" || format === "raw-secret";
}

/** Whether a format is that of raw bytes of public keys. @param {string} format */
export function isRawPublic(format) {
  return format === "raw" || format === "raw-public";
}

/** @param {string} format @returns {never} */
export function unknownFormat(format) {
  throw domException("NotSupportedError", `The format '${format}' is not supported for this key.`);
}

// https://w3c.github.io/webcrypto/#cryptokey-interface-clone
registerCloneable(
  CryptoKey,
  (key) => {
    checkBrand(key);
    return partsOf(key);
  },
  (data) => {
    const { name, length, hash, namedCurve, modulusLength } = data.details;
    const details = keyDetails(name, { __proto__: null, length, hash, namedCurve, modulusLength });
    const number = crypto_key_share(data.number);
    return new CryptoKey(KEY_TOKEN, number, data.type, data.extractable, details, data.usages);
  },
);

/** An object that only looks like a key cannot be cloned. */
function checkBrand(key) {
  if (!isKey(key)) throw domException("DataCloneError", "The object could not be cloned.");
}
