/**
 * Ed25519 and X25519, and NODE-ED25519, the platform's older name of Ed25519.
 * https://w3c.github.io/webcrypto/#ed25519, https://w3c.github.io/webcrypto/#x25519
 * @module
 */

import {
  crypto_key_export,
  crypto_key_generate,
  crypto_key_import,
  crypto_key_import_pair,
  crypto_key_public,
  crypto_sign,
  crypto_verify,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { agree } from "./ec.js";
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
import { CURVE_PARAMS, NO_PARAMS, PUBLIC_PARAMS } from "./normalize.js";

const NODE_NAME = "NODE-ED25519";
/** The hash function of Ed25519 is its own. */
const NO_HASH = 0;

/** The older name has a curve, which is called like it. */
function detailsOf({ name }, params) {
  if (name !== NODE_NAME) return keyDetails(name);
  const { namedCurve } = params;
  if (namedCurve !== NODE_NAME) {
    throw domException("NotSupportedError", `The curve '${namedCurve}' is not supported.`);
  }
  return keyDetails(name, { __proto__: null, namedCurve });
}

function generateOkp(scheme, params, extractable, usages) {
  const { name, curve, privateUsages, publicUsages } = scheme;
  for (let i = 0; i < usages.length; i++) {
    const usage = [usages[i]];
    if (usagesAmong(usage, privateUsages).length === 0) checkUsages(name, usage, publicUsages);
  }
  const details = detailsOf(scheme, params);
  const kept = usagesAmong(usages, privateUsages);
  checkNotEmpty(kept);
  const number = crypto_key_generate(KINDS[curve]);
  const privateKey = createKey(number, "private", extractable, details, kept);
  const given = usagesAmong(usages, publicUsages);
  const publicKey = createKey(crypto_key_public(number), "public", true, details, given);
  return { publicKey, privateKey };
}

function importJwk(scheme, jwk, extractable, usages) {
  const { name, curve, privateUsages, publicUsages, use } = scheme;
  checkUsages(name, usages, jwk.d === undefined ? publicUsages : privateUsages);
  checkJwk(jwk, "OKP", use, extractable, usages);
  if (jwk.crv !== curve) throw dataError("The JSON Web Key is of another curve.");
  const { alg } = jwk;
  if (curve === "Ed25519" && alg !== undefined && alg !== "Ed25519" && alg !== "EdDSA") {
    throw dataError("The JSON Web Key is of another algorithm.");
  }
  const bytes = bytesOfMember(jwk, "x");
  return jwk.d === undefined
    ? crypto_key_import(KINDS[curve], RAW, bytes)
    : crypto_key_import_pair(KINDS[curve], bytesOfMember(jwk, "d"), bytes);
}

function importOkp(scheme, params, format, data, extractable, usages) {
  const { name, curve, privateUsages, publicUsages } = scheme;
  const details = detailsOf(scheme, params);
  let type = "public";
  let number;
  if (format === "jwk") {
    number = importJwk(scheme, data, extractable, usages);
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

function exportOkp(scheme, format, key) {
  const { number, type } = slotsOf(key);
  if (format === "pkcs8") {
    checkType(type, "private");
    return crypto_key_export(number, PKCS8);
  }
  if (format === "spki" || isRawPublic(format)) {
    checkType(type, "public");
    return crypto_key_export(number, format === "spki" ? SPKI : RAW);
  }
  if (format !== "jwk") unknownFormat(format);
  // The standard says "Ed25519"; the platform and RFC 8037 say this.
  const jwk = newJwk(key, "OKP", scheme.name === "Ed25519" ? "EdDSA" : undefined);
  addMember(jwk, "crv", scheme.curve);
  return withMembers(jwk, key, type === "private" ? ["x", "d"] : ["x"]);
}

function registration(scheme, params) {
  return {
    __proto__: null,
    name: scheme.name,
    generateKey: {
      __proto__: null,
      params,
      run: (values, extractable, usages) => generateOkp(scheme, values, extractable, usages),
    },
    importKey: {
      __proto__: null,
      params,
      run: (values, format, data, extractable, usages) =>
        importOkp(scheme, values, format, data, extractable, usages),
    },
    exportKey: {
      __proto__: null,
      params: NO_PARAMS,
      run: (format, key) => exportOkp(scheme, format, key),
    },
  };
}

function signatures(name, params) {
  return {
    __proto__: null,
    ...registration(
      {
        __proto__: null,
        name,
        curve: "Ed25519",
        privateUsages: ["sign"],
        publicUsages: ["verify"],
        use: "sig",
      },
      params,
    ),
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

export const x25519 = {
  __proto__: null,
  ...registration(
    {
      __proto__: null,
      name: "X25519",
      curve: "X25519",
      privateUsages: ["deriveKey", "deriveBits"],
      publicUsages: [],
      use: "enc",
    },
    NO_PARAMS,
  ),
  deriveBits: { __proto__: null, params: PUBLIC_PARAMS, run: agree },
};
