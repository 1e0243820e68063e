/**
 * HMAC. https://w3c.github.io/webcrypto/#hmac
 * @module
 */

import {
  crypto_key_export,
  crypto_secret_generate,
  crypto_secret_import,
  crypto_sign,
  crypto_verify,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { byteLengthOf, HASHES } from "./digest.js";
import { bytesOfMember, checkJwk, dataError, newJwk, withMembers } from "./jwk.js";
import {
  bitLength,
  checkNotEmpty,
  checkUsages,
  createKey,
  isRawSecret,
  keyDetails,
  RAW,
  slotsOf,
  unknownFormat,
} from "./key.js";
import { HMAC_PARAMS, NO_PARAMS } from "./normalize.js";

const { StringPrototypeSlice, TypeError } = primordials;

const NAME = "HMAC";
const ALLOWED = ["sign", "verify"];

/** The length of a key where none is given: that of the hash function's blocks, in bits. */
const blockLength = (hash) => (hash === "SHA-1" || hash === "SHA-256" ? 512 : 1024);

/** The name of a JSON Web Key's algorithm, such as HS256. */
const jwkAlgorithm = (hash) => `HS${StringPrototypeSlice(hash, 4)}`;

const hmacDetails = (hash, length) => keyDetails(NAME, { __proto__: null, hash, length });

function generateHmac({ hash, length = blockLength(hash) }, extractable, usages) {
  checkUsages(NAME, usages, ALLOWED);
  if (length === 0) throw domException("OperationError", "A key of HMAC must not be empty.");
  checkNotEmpty(usages);
  const number = crypto_secret_generate(length);
  return createKey(number, "secret", extractable, hmacDetails(hash, length), usages);
}

function importHmac({ hash, length }, format, data, extractable, usages) {
  checkUsages(NAME, usages, ALLOWED);
  if (format !== "jwk" && !isRawSecret(format)) unknownFormat(format);
  let bytes = data;
  if (format === "jwk") {
    checkJwk(data, "oct", "sig", extractable, usages);
    bytes = bytesOfMember(data, "k");
    if (data.alg !== undefined && data.alg !== jwkAlgorithm(hash)) {
      throw dataError("The JSON Web Key is of another hash function.");
    }
  }
  const given = bitLength(byteLengthOf(bytes));
  if (given === 0) throw dataError("A key of HMAC must not be empty.");
  if (length !== undefined && (length > given || length <= given - 8)) {
    throw dataError(`The key has ${given} bits, which is not the length of ${length}.`);
  }
  checkNotEmpty(usages);
  const bits = length ?? given;
  const number = crypto_secret_import(bytes, bits);
  return createKey(number, "secret", extractable, hmacDetails(hash, bits), usages);
}

function exportHmac(format, key) {
  const { number, details } = slotsOf(key);
  if (isRawSecret(format)) return crypto_key_export(number, RAW);
  if (format !== "jwk") unknownFormat(format);
  return withMembers(newJwk(key, "oct", jwkAlgorithm(details.hash)), key, ["k"]);
}

export const hmac = {
  __proto__: null,
  name: NAME,
  sign: {
    __proto__: null,
    params: NO_PARAMS,
    run: (_params, { number, details }, data) =>
      crypto_sign(number, HASHES[details.hash], false, 0, data),
  },
  verify: {
    __proto__: null,
    params: NO_PARAMS,
    run: (_params, { number, details }, signature, data) =>
      crypto_verify(number, HASHES[details.hash], false, 0, signature, data),
  },
  generateKey: { __proto__: null, params: HMAC_PARAMS, run: generateHmac },
  importKey: { __proto__: null, params: HMAC_PARAMS, run: importHmac },
  exportKey: { __proto__: null, params: NO_PARAMS, run: exportHmac },
  getKeyLength: {
    __proto__: null,
    params: HMAC_PARAMS,
    run: ({ hash, length = blockLength(hash) }) => {
      if (length === 0) throw new TypeError("A key of HMAC must not be empty.");
      return length;
    },
  },
};
