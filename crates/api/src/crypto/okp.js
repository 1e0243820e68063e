/**
 * Ed25519 and X25519, and NODE-ED25519, the platform's older name of Ed25519.
 * https://w3c.github.io/webcrypto/#ed25519, https://w3c.github.io/webcrypto/#x25519
 * @module
 */

import { crypto_sign, crypto_verify } from "isolde:ops";
import { agree, registration, unknownCurve } from "./curves.js";
import { bytesOfMember } from "./jwk.js";
import { checkType, keyDetails } from "./key.js";
import { CURVE_PARAMS, NO_PARAMS, PUBLIC_PARAMS } from "./normalize.js";

const NODE_NAME = "NODE-ED25519";
/** The hash function of Ed25519 is its own. */
const NO_HASH = 0;

/** The older name has a curve, which is called like it. */
function detailsOf(name, params) {
  if (name !== NODE_NAME) return keyDetails(name);
  const { namedCurve } = params;
  if (namedCurve !== NODE_NAME) throw unknownCurve(namedCurve);
  return keyDetails(name, { __proto__: null, namedCurve });
}

/** What the schemes of all have in common. */
function okpScheme(name, curve, privateUsages, publicUsages, use, isJwkAlgorithm) {
  return {
    __proto__: null,
    name,
    privateUsages,
    publicUsages,
    use,
    jwkType: "OKP",
    publicMembers: ["x"],
    describe: (params) => ({ curve, details: detailsOf(name, params) }),
    isJwkAlgorithm,
    // The standard says "Ed25519"; the platform and RFC 8037 say this.
    jwkAlgorithm: name === "Ed25519" ? "EdDSA" : undefined,
    publicBytes: (jwk) => bytesOfMember(jwk, "x"),
  };
}

/** Both names are read. */
const isEdAlgorithm = (_curve, alg) => alg === "Ed25519" || alg === "EdDSA";

function signatures(name, params) {
  const scheme = okpScheme(name, "Ed25519", ["sign"], ["verify"], "sig", isEdAlgorithm);
  return {
    __proto__: null,
    ...registration(scheme, params),
    sign: {
      __proto__: null,
      params: NO_PARAMS,
      run: (_params, { number, type }, data) => {
        checkType(type, "private");
        return crypto_sign(number, NO_HASH, false, 0, data);
      },
    },
    verify: {
      __proto__: null,
      params: NO_PARAMS,
      run: (_params, { number, type }, signature, data) => {
        checkType(type, "public");
        return crypto_verify(number, NO_HASH, false, 0, signature, data);
      },
    },
  };
}

export const ed25519 = signatures("Ed25519", NO_PARAMS);
export const nodeEd25519 = signatures(NODE_NAME, CURVE_PARAMS);

const x25519Scheme = okpScheme(
  "X25519", "X25519", ["deriveKey", "deriveBits"], [], "enc", () => true,
);

export const x25519 = {
  __proto__: null,
  ...registration(x25519Scheme, NO_PARAMS),
  deriveBits: { __proto__: null, params: PUBLIC_PARAMS, run: agree },
};
