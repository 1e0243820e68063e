/**
 * RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP. https://w3c.github.io/webcrypto/#rsassa-pkcs1
 * @module
 */

import {
  crypto_key_export,
  crypto_key_import,
  crypto_key_public,
  crypto_key_reserve,
  crypto_rsa_bits,
  crypto_rsa_generate,
  crypto_rsa_import,
  crypto_rsa_oaep,
  crypto_sign,
  crypto_verify,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { byteLengthOf, HASHES } from "./digest.js";
import { checkJwk, dataError, newJwk, withMembers } from "./jwk.js";
import {
  checkNotEmpty,
  checkPairUsages,
  checkType,
  checkUsages,
  createKey,
  createPublicKey,
  keyDetails,
  KINDS,
  PKCS8,
  slotsOf,
  SPKI,
  unknownFormat,
  usagesAmong,
} from "./key.js";
import {
  HASH_PARAMS,
  NO_PARAMS,
  RSA_GENERATE_PARAMS,
  RSA_OAEP_PARAMS,
  RSA_PSS_PARAMS,
} from "./normalize.js";

const { StringPrototypeSlice, Uint8Array } = primordials;

const PUBLIC_MEMBERS = ["n", "e"];
const PRIVATE_MEMBERS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

/** The public exponent of a new key: 3 or 65,537, as on the platform.
 * @param {Uint8Array} bytes @returns {number} */
function toExponent(bytes) {
  let exponent = 0;
  const count = byteLengthOf(bytes);
  for (let i = 0; i < count; i++) exponent = exponent * 256 + bytes[i];
  if (exponent === 3 || exponent === 65_537) return exponent;
  throw domException(
    "OperationError",
    `The "publicExponent" must be either 3 or 65537, but got ${exponent}.`,
  );
}

/** Lengths of new keys. */
function checkModulus(length) {
  if (length >= 1024 && length <= 4096 && length % 128 === 0) return;
  throw domException(
    "OperationError",
    `The modulus length must be a multiple of 128 and between 1024 and 4096, but ${length} was ` +
      "requested.",
  );
}

/**
 * @typedef {object} Scheme
 * @property {string} name @property {string[]} privateUsages @property {string[]} publicUsages
 * @property {"sig" | "enc"} use of a JSON Web Key
 * @property {(hash: string) => string} jwkAlgorithm
 */

async function generateRsa(scheme, params, extractable, usages) {
  const { name, privateUsages } = scheme;
  const { hash, modulusLength } = params;
  checkPairUsages(scheme, usages);
  const exponent = toExponent(params.publicExponent);
  checkModulus(modulusLength);
  const kept = usagesAmong(usages, privateUsages);
  checkNotEmpty(kept);
  const details = keyDetails(name, { __proto__: null, hash, modulusLength });
  const number = crypto_key_reserve(undefined);
  // The object gives the place back, whatever becomes of the key.
  const privateKey = createKey(number, "private", extractable, details, kept);
  await crypto_rsa_generate(number, modulusLength, exponent);
  const publicKey = createPublicKey(crypto_key_public(number), scheme, details, usages);
  return { publicKey, privateKey };
}

function importJwk(scheme, hash, jwk, extractable, usages) {
  const isPrivate = jwk.d !== undefined;
  checkUsages(scheme.name, usages, isPrivate ? scheme.privateUsages : scheme.publicUsages);
  checkJwk(jwk, "RSA", scheme.use, extractable, usages);
  const { jwkAlgorithm } = scheme;
  if (jwk.alg !== undefined && jwk.alg !== jwkAlgorithm(hash)) {
    throw dataError("The JSON Web Key is of another algorithm or hash function.");
  }
  if (jwk.oth !== undefined) {
    throw domException("NotSupportedError", "RSA keys of more than two primes are not supported.");
  }
  if (jwk.n === undefined || jwk.e === undefined) {
    throw dataError("The JSON Web Key has no members 'n' and 'e'.");
  }
  const { n, e, d = "", p = "", q = "", dp = "", dq = "", qi = "" } = jwk;
  if (isPrivate && d === "") throw dataError("The JSON Web Key has an empty member 'd'.");
  return isPrivate
    ? crypto_rsa_import(n, e, d, p, q, dp, dq, qi)
    : crypto_rsa_import(n, e, "", "", "", "", "", "");
}

function importRsa(scheme, { hash }, format, data, extractable, usages) {
  const { name, privateUsages, publicUsages } = scheme;
  let type = "public";
  let number;
  if (format === "spki") {
    checkUsages(name, usages, publicUsages);
    number = crypto_key_import(KINDS.RSA, SPKI, data);
  } else if (format === "pkcs8") {
    checkUsages(name, usages, privateUsages);
    number = crypto_key_import(KINDS.RSA, PKCS8, data);
    type = "private";
  } else if (format === "jwk") {
    number = importJwk(scheme, hash, data, extractable, usages);
    if (data.d !== undefined) type = "private";
  } else {
    unknownFormat(format);
  }
  const modulusLength = crypto_rsa_bits(number);
  const details = keyDetails(name, { __proto__: null, hash, modulusLength });
  const key = createKey(number, type, extractable, details, usages);
  if (type === "private") checkNotEmpty(usages);
  return key;
}

function exportRsa(scheme, format, key) {
  const { number, type, details } = slotsOf(key);
  if (format === "spki") {
    checkType(type, "public");
    return crypto_key_export(number, SPKI);
  }
  if (format === "pkcs8") {
    checkType(type, "private");
    return crypto_key_export(number, PKCS8);
  }
  if (format !== "jwk") unknownFormat(format);
  const { jwkAlgorithm } = scheme;
  const jwk = newJwk(key, "RSA", jwkAlgorithm(details.hash));
  return withMembers(jwk, key, type === "private" ? PRIVATE_MEMBERS : PUBLIC_MEMBERS);
}

/** The operations that all have. @param {Scheme} scheme */
function registration(scheme) {
  return {
    __proto__: null,
    name: scheme.name,
    generateKey: {
      __proto__: null,
      params: RSA_GENERATE_PARAMS,
      run: (params, extractable, usages) => generateRsa(scheme, params, extractable, usages),
    },
    importKey: {
      __proto__: null,
      params: HASH_PARAMS,
      run: (params, format, data, extractable, usages) =>
        importRsa(scheme, params, format, data, extractable, usages),
    },
    exportKey: {
      __proto__: null,
      params: NO_PARAMS,
      run: (format, key) => exportRsa(scheme, format, key),
    },
  };
}

/** Signatures with one padding. */
function signatures(name, jwkPrefix, isPss, params) {
  const scheme = {
    __proto__: null,
    name,
    privateUsages: ["sign"],
    publicUsages: ["verify"],
    use: "sig",
    jwkAlgorithm: (hash) => `${jwkPrefix}${StringPrototypeSlice(hash, 4)}`,
  };
  return {
    __proto__: null,
    ...registration(scheme),
    sign: {
      __proto__: null,
      params,
      run: ({ saltLength = 0 }, { number, type, details }, data) => {
        checkType(type, "private");
        return crypto_sign(number, HASHES[details.hash], isPss, saltLength, data);
      },
    },
    verify: {
      __proto__: null,
      params,
      run: ({ saltLength = 0 }, { number, type, details }, signature, data) => {
        checkType(type, "public");
        const hash = HASHES[details.hash];
        return crypto_verify(number, hash, isPss, saltLength, signature, data);
      },
    },
  };
}

export const rsassaPkcs1 = signatures("RSASSA-PKCS1-v1_5", "RS", false, NO_PARAMS);
export const rsaPss = signatures("RSA-PSS", "PS", true, RSA_PSS_PARAMS);

const oaepScheme = {
  __proto__: null,
  name: "RSA-OAEP",
  privateUsages: ["decrypt", "unwrapKey"],
  publicUsages: ["encrypt", "wrapKey"],
  use: "enc",
  jwkAlgorithm: (hash) =>
    hash === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP${StringPrototypeSlice(hash, 3)}`,
};

export const rsaOaep = {
  __proto__: null,
  ...registration(oaepScheme),
  encrypt: {
    __proto__: null,
    params: RSA_OAEP_PARAMS,
    run: ({ label = new Uint8Array(0) }, { number, type, details }, data) => {
      checkType(type, "public");
      return crypto_rsa_oaep(true, number, HASHES[details.hash], label, data);
    },
  },
  decrypt: {
    __proto__: null,
    params: RSA_OAEP_PARAMS,
    run: ({ label = new Uint8Array(0) }, { number, type, details }, data) => {
      checkType(type, "private");
      return crypto_rsa_oaep(false, number, HASHES[details.hash], label, data);
    },
  },
};
