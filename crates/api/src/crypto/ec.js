/**
 * ECDSA and ECDH on P-256, P-384 and P-521. https://w3c.github.io/webcrypto/#ecdsa,
 * https://w3c.github.io/webcrypto/#ecdh
 * @module
 */

import { crypto_sign, crypto_verify } from "isolde:ops";
import { primordials } from "../primordials.js";
import { agree, registration, unknownCurve } from "./curves.js";
import { byteLengthOf, HASHES } from "./digest.js";
import { bytesOfMember, dataError } from "./jwk.js";
import { checkType, keyDetails } from "./key.js";
import { CURVE_PARAMS, HASH_PARAMS, PUBLIC_PARAMS } from "./normalize.js";

const { TypedArrayPrototypeSet, Uint8Array } = primordials;

/** What belongs to a curve. */
const CURVES = {
  __proto__: null,
  "P-256": { __proto__: null, bytes: 32, jwkAlgorithm: "ES256" },
  "P-384": { __proto__: null, bytes: 48, jwkAlgorithm: "ES384" },
  "P-521": { __proto__: null, bytes: 66, jwkAlgorithm: "ES512" },
};

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

/** What the schemes of both have in common. */
function ecScheme(name, privateUsages, publicUsages, use, isJwkAlgorithm) {
  return {
    __proto__: null,
    name,
    privateUsages,
    publicUsages,
    use,
    jwkType: "EC",
    publicMembers: ["x", "y"],
    describe: ({ namedCurve }) => {
      if (CURVES[namedCurve] === undefined) throw unknownCurve(namedCurve);
      return { curve: namedCurve, details: keyDetails(name, { __proto__: null, namedCurve }) };
    },
    isJwkAlgorithm,
    jwkAlgorithm: undefined,
    publicBytes: pointOf,
  };
}

const ecdsaScheme = ecScheme(
  "ECDSA", ["sign"], ["verify"], "sig", (curve, alg) => alg === CURVES[curve].jwkAlgorithm,
);
const ecdhScheme = ecScheme("ECDH", ["deriveKey", "deriveBits"], [], "enc", () => true);

export const ecdsa = {
  __proto__: null,
  ...registration(ecdsaScheme, CURVE_PARAMS),
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
  ...registration(ecdhScheme, CURVE_PARAMS),
  deriveBits: { __proto__: null, params: PUBLIC_PARAMS, run: agree },
};
