/**
 * What all keys on curves have in common: those of ECDSA, ECDH, Ed25519 and X25519.
 * https://w3c.github.io/webcrypto/#ecdsa-operations, https://w3c.github.io/webcrypto/#ed25519
 * @module
 */

import {
  crypto_agree,
  crypto_key_export,
  crypto_key_generate,
  crypto_key_import,
  crypto_key_import_pair,
  crypto_key_public,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { addMember, bytesOfMember, checkJwk, dataError, newJwk, withMembers } from "./jwk.js";
import {
  checkNotEmpty,
  checkPairUsages,
  checkType,
  checkUsages,
  createKey,
  createPublicKey,
  isRawPublic,
  KINDS,
  PKCS8,
  RAW,
  slotsOf,
  SPKI,
  unknownFormat,
  usagesAmong,
} from "./key.js";
import { NO_PARAMS } from "./normalize.js";

const { ArrayBufferPrototypeGetByteLength, TypedArrayPrototypeGetBuffer, Uint8Array } = primordials;

/**
 * @typedef {object} Scheme
 * @property {string} name @property {string[]} privateUsages @property {string[]} publicUsages
 * @property {"sig" | "enc"} use of a JSON Web Key
 * @property {"EC" | "OKP"} jwkType its `kty`
 * @property {string[]} publicMembers its members beside `crv`; a private key has `d` besides
 * @property {(params: any) => { curve: string, details: import('./key.js').Details }} describe
 * throws a NotSupportedError for another curve
 * @property {(curve: string, alg: string) => boolean} isJwkAlgorithm
 * @property {string | undefined} jwkAlgorithm that is written
 * @property {(jwk: any, curve: string) => Uint8Array} publicBytes of a JSON Web Key
 */

/** @param {string} name of a curve @returns {Error} */
export function unknownCurve(name) {
  return domException("NotSupportedError", `The curve '${name}' is not supported.`);
}

function generateKey(scheme, params, extractable, usages) {
  checkPairUsages(scheme, usages);
  const { describe } = scheme;
  const { curve, details } = describe(params);
  const kept = usagesAmong(usages, scheme.privateUsages);
  checkNotEmpty(kept);
  const number = crypto_key_generate(KINDS[curve]);
  const privateKey = createKey(number, "private", extractable, details, kept);
  const publicKey = createPublicKey(crypto_key_public(number), scheme, details, usages);
  return { publicKey, privateKey };
}

function importJwk(scheme, curve, jwk, extractable, usages) {
  const { name, privateUsages, publicUsages, use, jwkType, isJwkAlgorithm, publicBytes } = scheme;
  checkUsages(name, usages, jwk.d === undefined ? publicUsages : privateUsages);
  checkJwk(jwk, jwkType, use, extractable, usages);
  if (jwk.crv !== curve) throw dataError("The JSON Web Key is of another curve.");
  if (jwk.alg !== undefined && !isJwkAlgorithm(curve, jwk.alg)) {
    throw dataError("The JSON Web Key is of another algorithm.");
  }
  const bytes = publicBytes(jwk, curve);
  return jwk.d === undefined
    ? crypto_key_import(KINDS[curve], RAW, bytes)
    : crypto_key_import_pair(KINDS[curve], bytesOfMember(jwk, "d"), bytes);
}

function importKey(scheme, params, format, data, extractable, usages) {
  const { name, describe, privateUsages, publicUsages } = scheme;
  const { curve, details } = describe(params);
  let type = "public";
  let number;
  if (format === "jwk") {
    number = importJwk(scheme, curve, data, extractable, usages);
    if (data.d !== undefined) type = "private";
  } else if (format === "pkcs8") {
    checkUsages(name, usages, privateUsages);
    number = crypto_key_import(KINDS[curve], PKCS8, data);
    type = "private";
  } else if (format === "spki" || isRawPublic(format)) {
    checkUsages(name, usages, publicUsages);
    number = crypto_key_import(KINDS[curve], format === "spki" ? SPKI : RAW, data);
  } else {
    unknownFormat(format);
  }
  const key = createKey(number, type, extractable, details, usages);
  if (type === "private") checkNotEmpty(usages);
  return key;
}

function exportKey(scheme, format, key) {
  const { number, type, details } = slotsOf(key);
  if (format === "pkcs8") {
    checkType(type, "private");
    return crypto_key_export(number, PKCS8);
  }
  if (format === "spki" || isRawPublic(format)) {
    checkType(type, "public");
    return crypto_key_export(number, format === "spki" ? SPKI : RAW);
  }
  if (format !== "jwk") unknownFormat(format);
  const { describe, jwkType, jwkAlgorithm, publicMembers } = scheme;
  const jwk = newJwk(key, jwkType, jwkAlgorithm);
  addMember(jwk, "crv", describe(details).curve);
  withMembers(jwk, key, publicMembers);
  return type === "private" ? withMembers(jwk, key, ["d"]) : jwk;
}

/**
 * The bits that two keys share: ECDH and X25519.
 * https://w3c.github.io/webcrypto/#ecdh-operations
 * @param {{ public: CryptoKey }} params @param {any} key its slots
 * @param {number | null} length in bits, null for all
 * @returns {ArrayBuffer}
 */
export function agree(params, key, length) {
  checkType(key.type, "private");
  const peer = slotsOf(params.public);
  checkType(peer.type, "public");
  const { name, namedCurve } = peer.details;
  if (name !== key.details.name || namedCurve !== key.details.namedCurve) {
    throw domException("InvalidAccessError", "The public key is of another algorithm or curve.");
  }
  const secret = crypto_agree(key.number, peer.number);
  if (length === null) return secret;
  const bytes = ArrayBufferPrototypeGetByteLength(secret);
  if (length > bytes * 8) {
    throw domException(
      "OperationError",
      `Derived key length (${length} bits) is too long (should be at most ${bytes * 8} bits).`,
    );
  }
  return firstBits(secret, length);
}

/** The first bits of some bytes; the rest of the last byte is zero. */
function firstBits(buffer, length) {
  const whole = new Uint8Array(buffer);
  const count = (length + 7 - ((length + 7) % 8)) / 8;
  const kept = new Uint8Array(count);
  for (let i = 0; i < count; i++) kept[i] = whole[i];
  const rest = length % 8;
  if (rest > 0) kept[count - 1] &= 0xff << (8 - rest);
  return TypedArrayPrototypeGetBuffer(kept);
}

/** The operations that all have. @param {Scheme} scheme @param {any} params of its algorithm */
export function registration(scheme, params) {
  return {
    __proto__: null,
    name: scheme.name,
    generateKey: {
      __proto__: null,
      params,
      run: (values, extractable, usages) => generateKey(scheme, values, extractable, usages),
    },
    importKey: {
      __proto__: null,
      params,
      run: (values, format, data, extractable, usages) =>
        importKey(scheme, values, format, data, extractable, usages),
    },
    exportKey: {
      __proto__: null,
      params: NO_PARAMS,
      run: (format, key) => exportKey(scheme, format, key),
    },
  };
}
