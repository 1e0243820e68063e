/**
 * ECDSA and ECDH on P-256, P-384 and P-521. https://w3c.github.io/webcrypto/#ecdsa,
 * https://w3c.github.io/webcrypto/#ecdh
 * @module
 */

import {
  crypto_agree,
  crypto_key_export,
  crypto_key_generate,
  crypto_key_import,
  crypto_key_import_pair,
  crypto_key_public,
  crypto_sign,
  crypto_verify,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { byteLengthOf, HASHES } from "./digest.js";
import { addMember, bytesOfMember, checkJwk, dataError, newJwk, withMembers } from "./jwk.js";
import {
  checkNotEmpty,
  checkType,
  checkUsages,
  createKey,
  isRawPublic,
  keyDetails,
  KINDS,
  PKCS8,
  RAW,
  slotsOf,
  SPKI,
  unknownFormat,
  usagesAmong,
} from "./key.js";
import { CURVE_PARAMS, HASH_PARAMS, NO_PARAMS, PUBLIC_PARAMS } from "./normalize.js";

const {
  ArrayBufferPrototypeGetByteLength,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;

/** What belongs to a curve. */
const CURVES = {
  __proto__: null,
  "P-256": { __proto__: null, bytes: 32, jwkAlgorithm: "ES256" },
  "P-384": { __proto__: null, bytes: 48, jwkAlgorithm: "ES384" },
  "P-521": { __proto__: null, bytes: 66, jwkAlgorithm: "ES512" },
};

function checkCurve(namedCurve) {
  if (CURVES[namedCurve] !== undefined) return;
  throw domException("NotSupportedError", `The curve '${namedCurve}' is not supported.`);
}

function generateEc(scheme, { namedCurve }, extractable, usages) {
  const { name, privateUsages, publicUsages } = scheme;
  for (let i = 0; i < usages.length; i++) {
    const usage = [usages[i]];
    if (usagesAmong(usage, privateUsages).length === 0) checkUsages(name, usage, publicUsages);
  }
  checkCurve(namedCurve);
  const kept = usagesAmong(usages, privateUsages);
  checkNotEmpty(kept);
  const details = keyDetails(name, { __proto__: null, namedCurve });
  const number = crypto_key_generate(KINDS[namedCurve]);
  const privateKey = createKey(number, "private", extractable, details, kept);
  const given = usagesAmong(usages, publicUsages);
  const publicKey = createKey(crypto_key_public(number), "public", true, details, given);
  return { publicKey, privateKey };
}

/** The point of a JSON Web Key, not compressed. */
function pointOf(jwk, namedCurve) {
  const { bytes } = CURVES[namedCurve];
  const x = bytesOfMember(jwk, "x");
  const y = bytesOfMember(jwk, "y");
  if (byteLengthOf(x) !== bytes || byteLengthOf(y) !== bytes) {
    throw dataError(`The coordinates of a point on ${namedCurve} must have ${bytes} bytes.`);
  }
  const point = new Uint8Array(1 + 2 * bytes);
  point[0] = 4;
  TypedArrayPrototypeSet(point, x, 1);
  TypedArrayPrototypeSet(point, y, 1 + bytes);
  return point;
}

function importJwk(scheme, namedCurve, jwk, extractable, usages) {
  const { name, privateUsages, publicUsages, use } = scheme;
  checkUsages(name, usages, jwk.d === undefined ? publicUsages : privateUsages);
  checkJwk(jwk, "EC", use, extractable, usages);
  if (jwk.crv !== namedCurve) throw dataError("The JSON Web Key is of another curve.");
  const { jwkAlgorithm } = CURVES[namedCurve];
  if (name === "ECDSA" && jwk.alg !== undefined && jwk.alg !== jwkAlgorithm) {
    throw dataError("The JSON Web Key is of another algorithm.");
  }
  const point = pointOf(jwk, namedCurve);
  const kind = KINDS[namedCurve];
  return jwk.d === undefined
    ? crypto_key_import(kind, RAW, point)
    : crypto_key_import_pair(kind, bytesOfMember(jwk, "d"), point);
}

function importEc(scheme, { namedCurve }, format, data, extractable, usages) {
  const { name, privateUsages, publicUsages } = scheme;
  checkCurve(namedCurve);
  const kind = KINDS[namedCurve];
  let type = "public";
  let number;
  if (format === "jwk") {
    number = importJwk(scheme, namedCurve, data, extractable, usages);
    if (data.d !== undefined) type = "private";
  } else if (format === "pkcs8") {
    checkUsages(name, usages, privateUsages);
    number = crypto_key_import(kind, PKCS8, data);
    type = "private";
  } else if (format === "spki" || isRawPublic(format)) {
    checkUsages(name, usages, publicUsages);
    number = crypto_key_import(kind, format === "spki" ? SPKI : RAW, data);
  } else {
    unknownFormat(format);
  }
  const details = keyDetails(name, { __proto__: null, namedCurve });
  const key = createKey(number, type, extractable, details, usages);
  if (type === "private") checkNotEmpty(usages);
  return key;
}

function exportEc(format, key) {
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
  const jwk = newJwk(key, "EC", undefined);
  addMember(jwk, "crv", details.namedCurve);
  return withMembers(jwk, key, type === "private" ? ["x", "y", "d"] : ["x", "y"]);
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

function registration(scheme) {
  return {
    __proto__: null,
    name: scheme.name,
    generateKey: {
      __proto__: null,
      params: CURVE_PARAMS,
      run: (params, extractable, usages) => generateEc(scheme, params, extractable, usages),
    },
    importKey: {
      __proto__: null,
      params: CURVE_PARAMS,
      run: (params, format, data, extractable, usages) =>
        importEc(scheme, params, format, data, extractable, usages),
    },
    exportKey: { __proto__: null, params: NO_PARAMS, run: exportEc },
  };
}

export const ecdsa = {
  __proto__: null,
  ...registration({
    __proto__: null,
    name: "ECDSA",
    privateUsages: ["sign"],
    publicUsages: ["verify"],
    use: "sig",
  }),
  sign: {
    __proto__: null,
    params: HASH_PARAMS,
    run: ({ hash }, { number, type }, data) => {
      checkType(type, "private");
      return crypto_sign(number, HASHES[hash], false, 0, data);
    },
  },
  verify: {
    __proto__: null,
    params: HASH_PARAMS,
    run: ({ hash }, { number, type }, signature, data) => {
      checkType(type, "public");
      return crypto_verify(number, HASHES[hash], false, 0, signature, data);
    },
  },
};

export const ecdh = {
  __proto__: null,
  ...registration({
    __proto__: null,
    name: "ECDH",
    privateUsages: ["deriveKey", "deriveBits"],
    publicUsages: [],
    use: "enc",
  }),
  deriveBits: { __proto__: null, params: PUBLIC_PARAMS, run: agree },
};
