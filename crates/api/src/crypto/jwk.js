/**
 * JSON Web Keys: reading, checking, writing. https://w3c.github.io/webcrypto/#JsonWebKey-dictionary
 * @module
 */

import { crypto_base64url, crypto_key_member } from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  toAny,
  toBoolean,
  toDictionary,
  toDOMString,
  toObject,
  toSequence,
} from "../webidl/webidl.js";
import { copyOfList, slotsOf } from "./key.js";

const {
  ArrayIsArray,
  ArrayPrototypeIncludes,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  JSONParse,
  JSONStringify,
  ObjectDefineProperty,
  ObjectHasOwn,
  ObjectKeys,
} = primordials;

const toStrings = (v, what) => toSequence(v, toDOMString, what);
const toList = (v, what) => toSequence(v, toAny, what);

const member = (key, convert = toDOMString) => ({ __proto__: null, key, convert });
const MEMBERS = [
  member("alg"), member("crv"), member("d"), member("dp"), member("dq"), member("e"),
  member("ext", toBoolean), member("k"), member("key_ops", toStrings), member("kty"), member("n"),
  member("oth", toList), member("p"), member("q"), member("qi"), member("use"), member("x"),
  member("y"),
];

/** @param {string} message @returns {DOMException} */
export function dataError(message) {
  return domException("DataError", message);
}

/** @param {any} value @param {string} what @returns {Record<string, any>} the members that are
 * there */
export function toJsonWebKey(value, what) {
  return toDictionary(toObject(value, what), MEMBERS, what);
}

/**
 * The key in a JSON text. The standard reads it in a fresh global object: nothing that a Worker has
 * put on prototypes shows in it.
 * https://w3c.github.io/webcrypto/#concept-parse-a-jwk
 * @param {string} text @param {string} what @returns {Record<string, any>}
 */
export function parseJsonWebKey(text, what) {
  let value;
  try {
    value = JSONParse(text);
  } catch {
    throw dataError(`${what}: the unwrapped key is not JSON.`);
  }
  if (typeof value !== "object" || value === null) {
    throw dataError(`${what}: the unwrapped key is not a JSON object.`);
  }
  const own = { __proto__: null };
  const keys = ObjectKeys(value);
  for (let i = 0; i < keys.length; i++) own[keys[i]] = value[keys[i]];
  const operations = own.key_ops;
  if (operations !== undefined) delete own.key_ops;
  if (ObjectHasOwn(own, "oth")) throw dataError(`${what}: 'oth' is not supported.`);
  const jwk = toJsonWebKey(own, what);
  if (ArrayIsArray(operations)) {
    jwk.key_ops = [];
    for (let i = 0; i < operations.length; i++) {
      ArrayPrototypePush(jwk.key_ops, toDOMString(operations[i], what));
    }
  } else if (operations !== undefined) {
    throw dataError(`${what}: 'key_ops' is not an array.`);
  }
  if (jwk.kty === undefined) throw dataError(`${what}: the unwrapped key has no 'kty'.`);
  return jwk;
}

/**
 * The checks that all algorithms share.
 * @param {Record<string, any>} jwk @param {string} kty that it must have
 * @param {"sig" | "enc" | undefined} use that it may have
 * @param {boolean} extractable @param {string[]} usages
 */
export function checkJwk(jwk, kty, use, extractable, usages) {
  if (jwk.kty !== kty) throw dataError(`The JSON Web Key must have the 'kty' '${kty}'.`);
  if (use !== undefined && usages.length > 0 && jwk.use !== undefined && jwk.use !== use) {
    throw dataError(`The JSON Web Key must have the 'use' '${use}', if any.`);
  }
  if (jwk.key_ops !== undefined) checkOperations(jwk.key_ops, usages);
  if (jwk.ext === false && extractable) {
    throw dataError("The JSON Web Key must not be extractable.");
  }
}

/** https://www.rfc-editor.org/rfc/rfc7517#section-4.3 */
function checkOperations(operations, usages) {
  const seen = { __proto__: null };
  for (let i = 0; i < operations.length; i++) {
    if (seen[operations[i]]) throw dataError("The JSON Web Key has an operation twice.");
    seen[operations[i]] = true;
  }
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(operations, usages[i])) {
      throw dataError(`The JSON Web Key is not for '${usages[i]}'.`);
    }
  }
}

/** The bytes of a member that must be there.
 * @param {Record<string, any>} jwk @param {string} key @returns {Uint8Array} */
export function bytesOfMember(jwk, key) {
  if (jwk[key] === undefined) throw dataError(`The JSON Web Key has no member '${key}'.`);
  return crypto_base64url(jwk[key]);
}

/** A JSON Web Key with the members that all have.
 * @param {CryptoKey} key @param {string} kty @param {string | undefined} alg
 * @returns {Record<string, any>} an ordinary object, for a Worker to see */
export function newJwk(key, kty, alg) {
  const { usages, extractable } = slotsOf(key);
  const jwk = { kty, key_ops: copyOfList(usages), ext: extractable };
  if (alg !== undefined) define(jwk, "alg", alg);
  return jwk;
}

/** A property of an object that a Worker will see, whatever setters it has on prototypes. */
function define(jwk, key, value) {
  ObjectDefineProperty(jwk, key, {
    __proto__: null,
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** Adds members of the native key. @param {Record<string, any>} jwk @param {CryptoKey} key
 * @param {string[]} names @returns {Record<string, any>} */
export function withMembers(jwk, key, names) {
  const { number } = slotsOf(key);
  for (let i = 0; i < names.length; i++) {
    define(jwk, names[i], crypto_key_member(number, names[i]));
  }
  return jwk;
}

/** Adds a member. @param {Record<string, any>} jwk @param {string} key @param {any} value */
export function addMember(jwk, key, value) {
  define(jwk, key, value);
}

/** The JSON text of a key that was made here, which no `toJSON` of a Worker gets to see.
 * @param {Record<string, any>} jwk @returns {string} ASCII */
export function jwkText(jwk) {
  const parts = [];
  const keys = ObjectKeys(jwk);
  for (let i = 0; i < keys.length; i++) {
    const value = jwk[keys[i]];
    const valueText = ArrayIsArray(value) ? listText(value) : text(value);
    ArrayPrototypePush(parts, `"${keys[i]}":${valueText}`);
  }
  return `{${ArrayPrototypeJoin(parts, ",")}}`;
}

/** Strings and booleans have no `toJSON` that is asked. */
const text = (value) => JSONStringify(value);

function listText(list) {
  const parts = [];
  for (let i = 0; i < list.length; i++) ArrayPrototypePush(parts, text(list[i]));
  return `[${ArrayPrototypeJoin(parts, ",")}]`;
}
