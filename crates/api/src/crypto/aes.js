/**
 * AES-CTR, AES-CBC, AES-GCM and AES-KW. https://w3c.github.io/webcrypto/#aes-ctr and the sections
 * behind it.
 * @module
 */

import {
  crypto_aes_cbc,
  crypto_aes_ctr,
  crypto_aes_gcm,
  crypto_aes_kw,
  crypto_key_export,
  crypto_secret_generate,
  crypto_secret_import,
} from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { byteLengthOf } from "./digest.js";
import { bytesOfMember, checkJwk, dataError, newJwk, withMembers } from "./jwk.js";
import {
  checkNotEmpty,
  checkUsages,
  createKey,
  isRawSecret,
  keyDetails,
  RAW,
  slotsOf,
  unknownFormat,
} from "./key.js";
import {
  AES_CBC_PARAMS,
  AES_CTR_PARAMS,
  AES_GCM_PARAMS,
  AES_LENGTH_PARAMS,
  NO_PARAMS,
} from "./normalize.js";

const { StringPrototypeSlice, Uint8Array } = primordials;

const CIPHER_USAGES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
const WRAP_USAGES = ["wrapKey", "unwrapKey"];
/** Bytes of a block, and so of a counter and of the vector of AES-CBC. */
const BLOCK_BYTES = 16;

const operationError = (message) => domException("OperationError", message);

const isLength = (bits) => bits === 128 || bits === 192 || bits === 256;

/** The length of a key to be made. @param {{ length: number }} params @returns {number} in bits */
function keyLength({ length }) {
  if (isLength(length)) return length;
  throw operationError(`The length of an AES key must be 128, 192 or 256 bits, not ${length}.`);
}

/** The name of a JSON Web Key's algorithm, such as A128GCM. */
const jwkAlgorithm = (name, length) => `A${length}${StringPrototypeSlice(name, 4)}`;

function importAes(name, allowed, format, data, extractable, usages) {
  checkUsages(name, usages, allowed);
  if (format !== "jwk" && !isRawSecret(format)) unknownFormat(format);
  if (format === "jwk") checkJwk(data, "oct", "enc", extractable, usages);
  const bytes = format === "jwk" ? bytesOfMember(data, "k") : data;
  const length = byteLengthOf(bytes) * 8;
  if (!isLength(length)) {
    throw dataError(`An AES key must have 128, 192 or 256 bits, not ${length}.`);
  }
  if (format === "jwk" && data.alg !== undefined && data.alg !== jwkAlgorithm(name, length)) {
    throw dataError("The JSON Web Key is of another algorithm.");
  }
  checkNotEmpty(usages);
  const number = crypto_secret_import(bytes, length);
  return createKey(
    number, "secret", extractable, keyDetails(name, { __proto__: null, length }), usages,
  );
}

function exportAes(format, key) {
  const { number, details } = slotsOf(key);
  if (isRawSecret(format)) return crypto_key_export(number, RAW);
  if (format !== "jwk") unknownFormat(format);
  const jwk = newJwk(key, "oct", jwkAlgorithm(details.name, details.length));
  return withMembers(jwk, key, ["k"]);
}

/** The operations that all of them have. */
function registration(name, allowed) {
  return {
    __proto__: null,
    name,
    generateKey: {
      __proto__: null,
      params: AES_LENGTH_PARAMS,
      run: (params, extractable, usages) => {
        checkUsages(name, usages, allowed);
        const length = keyLength(params);
        checkNotEmpty(usages);
        const details = keyDetails(name, { __proto__: null, length });
        return createKey(crypto_secret_generate(length), "secret", extractable, details, usages);
      },
    },
    importKey: {
      __proto__: null,
      params: NO_PARAMS,
      run: (_params, format, data, extractable, usages) =>
        importAes(name, allowed, format, data, extractable, usages),
    },
    exportKey: { __proto__: null, params: NO_PARAMS, run: exportAes },
    getKeyLength: { __proto__: null, params: AES_LENGTH_PARAMS, run: keyLength },
  };
}

/** The same work both ways. */
function cipher(name, params, work) {
  return {
    __proto__: null,
    ...registration(name, CIPHER_USAGES),
    encrypt: { __proto__: null, params, run: (values, key, data) => work(true, values, key, data) },
    decrypt: {
      __proto__: null,
      params,
      run: (values, key, data) => work(false, values, key, data),
    },
  };
}

export const aesCtr = cipher("AES-CTR", AES_CTR_PARAMS, (_encrypts, params, key, data) => {
  const { counter, length } = params;
  if (byteLengthOf(counter) !== BLOCK_BYTES) {
    throw operationError("The counter must have 16 bytes.");
  }
  if (length === 0 || length > 128) {
    throw operationError("The length of the counter must be from 1 to 128 bits.");
  }
  return crypto_aes_ctr(key.number, counter, length, data);
});

export const aesCbc = cipher("AES-CBC", AES_CBC_PARAMS, (encrypts, { iv }, key, data) => {
  if (byteLengthOf(iv) !== BLOCK_BYTES) throw operationError("The iv must have 16 bytes.");
  return crypto_aes_cbc(encrypts, key.number, iv, data);
});

const isTagLength = (bits) =>
  bits === 32 || bits === 64 || (bits >= 96 && bits <= 128 && bits % 8 === 0);

export const aesGcm = cipher("AES-GCM", AES_GCM_PARAMS, (encrypts, params, key, data) => {
  const { iv, additionalData = new Uint8Array(0), tagLength = 128 } = params;
  if (byteLengthOf(iv) === 0) throw operationError("The iv must not be empty.");
  if (!isTagLength(tagLength)) {
    throw operationError(`The tag cannot have ${tagLength} bits.`);
  }
  return crypto_aes_gcm(encrypts, key.number, iv, additionalData, tagLength, data);
});

export const aesKw = {
  __proto__: null,
  ...registration("AES-KW", WRAP_USAGES),
  wrapKey: {
    __proto__: null,
    params: NO_PARAMS,
    run: (_params, key, data) => crypto_aes_kw(true, key.number, data),
  },
  unwrapKey: {
    __proto__: null,
    params: NO_PARAMS,
    run: (_params, key, data) => crypto_aes_kw(false, key.number, data),
  },
};
