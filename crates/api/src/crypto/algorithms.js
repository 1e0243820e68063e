/**
 * The algorithms that are registered, by their names in upper case.
 * https://w3c.github.io/webcrypto/#algorithms-index
 * @module
 */

import { aesCbc, aesCtr, aesGcm, aesKw } from "./aes.js";
import { ecdh, ecdsa } from "./ec.js";
import { hmac } from "./hmac.js";
import { hkdf, pbkdf2 } from "./kdf.js";
import { ed25519, nodeEd25519, x25519 } from "./okp.js";
import { rsaOaep, rsaPss, rsassaPkcs1 } from "./rsa.js";

export const REGISTERED = {
  __proto__: null,
  "AES-CBC": aesCbc,
  "AES-CTR": aesCtr,
  "AES-GCM": aesGcm,
  "AES-KW": aesKw,
  ECDH: ecdh,
  ECDSA: ecdsa,
  ED25519: ed25519,
  HKDF: hkdf,
  HMAC: hmac,
  "NODE-ED25519": nodeEd25519,
  PBKDF2: pbkdf2,
  "RSA-OAEP": rsaOaep,
  "RSA-PSS": rsaPss,
  "RSASSA-PKCS1-V1_5": rsassaPkcs1,
  X25519: x25519,
};
