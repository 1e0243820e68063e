/** Keys of Web Crypto: signatures, ciphers, derivation, formats, wrapping, clones, errors. */
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text = (string) => encoder.encode(string);
const subtle = crypto.subtle;

const hex = (buffer) =>
  [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const fromBase64url = (string) =>
  Uint8Array.from(atob(string.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const base64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The example of jwt.io, and that of RFC 7515, section A.3. */
const HS256 =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0" +
  "IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
const ES256 =
  "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv" +
  "bS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf" +
  "KTUJqPP3-Kg6NU1Q";
const ES256_KEY = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
};

async function verifyJwt(token, key, algorithm) {
  const [head, body, signature] = token.split(".");
  return subtle.verify(algorithm, key, fromBase64url(signature), text(`${head}.${body}`));
}

async function signJwt(alg, key, algorithm) {
  const head = base64url(text(JSON.stringify({ alg, typ: "JWT" })));
  const body = base64url(text(JSON.stringify({ sub: "me" })));
  return `${head}.${body}.${base64url(await subtle.sign(algorithm, key, text(`${head}.${body}`)))}`;
}

const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

/** What becomes of a promise. */
async function outcome(promise) {
  try {
    const value = await promise;
    return value instanceof ArrayBuffer ? `${value.byteLength} bytes` : String(value);
  } catch (error) {
    return error.name;
  }
}

async function formats(log, algorithm, usages, ways) {
  const pair = await subtle.generateKey(algorithm, true, usages);
  for (const [format, half] of ways) {
    const key = half === undefined ? pair : pair[half];
    const data = await subtle.exportKey(format, key);
    const again = await subtle.importKey(format, data, algorithm, true, key.usages);
    const twice = await subtle.exportKey(format, again);
    const same =
      format === "jwk" ? JSON.stringify(data) === JSON.stringify(twice) : hex(data) === hex(twice);
    const shape = format === "jwk" ? Object.keys(data).join() : `${data.constructor.name}`;
    log(algorithm.name, format, key.type, key.usages.join(), shape, same);
  }
}

const PAIR = [
  ["spki", "publicKey"], ["pkcs8", "privateKey"], ["jwk", "publicKey"], ["jwk", "privateKey"],
];
const CURVE_PAIR = [...PAIR, ["raw", "publicKey"]];

const paths = {
  "/jwt": async (log) => {
    const secret = text("your-256-bit-secret");
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const hs = await subtle.importKey("raw", secret, hmac, false, ["sign", "verify"]);
    log("HS256", await verifyJwt(HS256, hs, "HMAC"));
    log("HS256, altered", await verifyJwt(HS256.replace("MDIyfQ", "MDIzfQ"), hs, "HMAC"));
    log("HS256, signed", await verifyJwt(await signJwt("HS256", hs, "HMAC"), hs, "HMAC"));
    const other = await subtle.importKey("raw", text("other"), hmac, false, ["verify"]);
    log("HS256, wrong key", await verifyJwt(HS256, other, "HMAC"));

    const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const es = await subtle.importKey("jwk", ES256_KEY, ecdsa, false, ["verify"]);
    log("ES256", await verifyJwt(ES256, es, ecdsa));
    log("ES256, altered", await verifyJwt(ES256.replace("cnVlfQ", "cnVlfR"), es, ecdsa));
    const ec = await subtle.generateKey(ecdsa, false, ["sign", "verify"]);
    const esToken = await signJwt("ES256", ec.privateKey, ecdsa);
    log("ES256, signed", await verifyJwt(esToken, ec.publicKey, ecdsa));
    log("ES256, wrong key", await verifyJwt(esToken, es, ecdsa));

    for (const [alg, name, hash] of [
      ["RS256", "RSASSA-PKCS1-v1_5", "SHA-256"],
      ["RS1", "RSASSA-PKCS1-v1_5", "SHA-1"],
      ["PS384", "RSA-PSS", "SHA-384"],
      ["PS1", "RSA-PSS", "SHA-1"],
    ]) {
      const algorithm = { name, hash, ...RSA, saltLength: 20 };
      const rsa = await subtle.generateKey(algorithm, false, ["sign", "verify"]);
      const token = await signJwt(alg, rsa.privateKey, algorithm);
      log(alg, await verifyJwt(token, rsa.publicKey, algorithm));
      log(`${alg}, altered`, await verifyJwt(token.replace(".", "A."), rsa.publicKey, algorithm));
    }
    for (const name of ["Ed25519", "NODE-ED25519"]) {
      const algorithm = { name, namedCurve: name };
      const ed = await subtle.generateKey(algorithm, false, ["sign", "verify"]);
      const token = await signJwt("EdDSA", ed.privateKey, algorithm);
      log(name, JSON.stringify(ed.publicKey.algorithm), ed.publicKey.extractable);
      log(name, await verifyJwt(token, ed.publicKey, algorithm));
      log(`${name}, altered`, await verifyJwt(`a${token}`, ed.publicKey, algorithm));
      log(`${name}, short`, await subtle.verify(algorithm, ed.publicKey, new Uint8Array(9), text("")));
    }
  },

  "/ciphers": async (log) => {
    const data = text("attack at dawn");
    const ways = [
      { name: "AES-GCM", iv: new Uint8Array(12) },
      { name: "AES-GCM", iv: new Uint8Array(16), tagLength: 96, additionalData: text("head") },
      { name: "AES-CBC", iv: new Uint8Array(16) },
      { name: "AES-CTR", counter: new Uint8Array(16).fill(255), length: 5 },
    ];
    for (const way of ways) {
      for (const length of [128, 192, 256]) {
        const usages = ["encrypt", "decrypt"];
        const key = await subtle.generateKey({ name: way.name, length }, false, usages);
        const other = await subtle.generateKey({ name: way.name, length }, false, usages);
        const encrypted = await subtle.encrypt(way, key, data);
        log(way.name, length, encrypted.byteLength, decoder.decode(await subtle.decrypt(way, key, encrypted)));
        if (way.name !== "AES-GCM") continue;
        const altered = new Uint8Array(encrypted.slice(0));
        altered[altered.length - 1] ^= 1;
        log("altered", await outcome(subtle.decrypt(way, key, altered)));
        log("wrong key", await outcome(subtle.decrypt(way, other, encrypted)));
        log("wrong head", await outcome(subtle.decrypt({ ...way, additionalData: text("x") }, key, encrypted)));
        log("short", await outcome(subtle.decrypt(way, key, new Uint8Array(3))));
      }
    }
    const oaep = { name: "RSA-OAEP", hash: "SHA-256", ...RSA };
    const rsa = await subtle.generateKey(oaep, false, ["encrypt", "decrypt"]);
    const encrypted = await subtle.encrypt({ name: "RSA-OAEP", label: text("l") }, rsa.publicKey, data);
    const decrypt = (label) => subtle.decrypt({ name: "RSA-OAEP", label }, rsa.privateKey, encrypted);
    log("RSA-OAEP", encrypted.byteLength, decoder.decode(await decrypt(text("l"))), await outcome(decrypt(text("m"))));
    log("too long", await outcome(subtle.encrypt("RSA-OAEP", rsa.publicKey, new Uint8Array(191))));
  },

  "/derivation": async (log) => {
    const password = await subtle.importKey("raw", text("password"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
    const pbkdf2 = { name: "PBKDF2", hash: "SHA-1", salt: text("salt") };
    log("RFC 6070", hex(await subtle.deriveBits({ ...pbkdf2, iterations: 1 }, password, 160)));
    log("RFC 6070", hex(await subtle.deriveBits({ ...pbkdf2, iterations: 4096 }, password, 160)));
    const many = Array.from({ length: 5 }, () =>
      subtle.deriveBits({ ...pbkdf2, iterations: 100_000 }, password, 256));
    log("at once", new Set((await Promise.all(many)).map(hex)).size);
    const aes = { name: "AES-GCM", length: 256 };
    const key = await subtle.deriveKey({ ...pbkdf2, iterations: 5000 }, password, aes, true, ["encrypt"]);
    const bits = await subtle.deriveBits({ ...pbkdf2, iterations: 5000 }, password, 256);
    log("deriveKey", key.algorithm.name, hex(await subtle.exportKey("raw", key)) === hex(bits));
    await subtle.deriveBits({ ...pbkdf2, iterations: 100_001 }, password, 256)
      .catch((error) => log(error.name, error.message));

    const secret = await subtle.importKey("raw", new Uint8Array(22).fill(11), "HKDF", false, ["deriveBits", "deriveKey"]);
    const salt = Uint8Array.from({ length: 13 }, (_, i) => i);
    const info = Uint8Array.from({ length: 10 }, (_, i) => 0xf0 + i);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt, info };
    log("RFC 5869", hex(await subtle.deriveBits(hkdf, secret, 336)));
    const hmac = await subtle.deriveKey(hkdf, secret, { name: "HMAC", hash: "SHA-512" }, true, ["sign"]);
    log("HMAC", hmac.algorithm.length, (await subtle.exportKey("raw", hmac)).byteLength);

    for (const algorithm of [
      { name: "ECDH", namedCurve: "P-256" }, { name: "ECDH", namedCurve: "P-521" }, { name: "X25519" },
    ]) {
      const [a, b] = await Promise.all([0, 1].map(() => subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"])));
      const agree = (own, peer, length) => subtle.deriveBits({ name: algorithm.name, public: peer.publicKey }, own.privateKey, length);
      const [all, same, cut] = [await agree(a, b, null), await agree(b, a), await agree(a, b, 13)];
      log(algorithm.name, all.byteLength, hex(all) === hex(same), cut.byteLength, new Uint8Array(cut)[1] & 7);
      log("too long", await outcome(agree(a, b, all.byteLength * 8 + 1)));
      log("private peer", await outcome(subtle.deriveBits({ name: algorithm.name, public: a.privateKey }, a.privateKey, 8)));
    }
  },

  "/formats": async (log) => {
    const gcm = { name: "AES-GCM", length: 192 };
    await formats(log, gcm, ["decrypt", "encrypt", "encrypt"], [["raw"], ["jwk"]]);
    await formats(log, { name: "HMAC", hash: "SHA-384", length: 300 }, ["sign"], [["raw"], ["jwk"]]);
    for (const namedCurve of ["P-256", "P-384", "P-521"]) {
      await formats(log, { name: "ECDSA", namedCurve }, ["sign", "verify"], CURVE_PAIR);
    }
    await formats(log, { name: "ECDH", namedCurve: "P-256" }, ["deriveBits"], CURVE_PAIR);
    await formats(log, { name: "Ed25519" }, ["sign", "verify"], CURVE_PAIR);
    await formats(log, { name: "X25519" }, ["deriveKey"], CURVE_PAIR);
    await formats(log, { name: "NODE-ED25519", namedCurve: "NODE-ED25519" }, ["sign", "verify"], CURVE_PAIR);
    await formats(log, { name: "RSA-PSS", hash: "SHA-256", ...RSA }, ["sign", "verify"], PAIR);
    const small = { modulusLength: 1024, publicExponent: new Uint8Array([3]) };
    await formats(log, { name: "RSA-OAEP", hash: "SHA-1", ...small }, ["encrypt", "unwrapKey"], PAIR);
  },

  "/wrapping": async (log) => {
    const aes = await subtle.generateKey({ name: "AES-CBC", length: 128 }, true, ["encrypt", "decrypt"]);
    const raw = hex(await subtle.exportKey("raw", aes));
    const rsa = await subtle.generateKey({ name: "RSA-OAEP", hash: "SHA-256", ...RSA }, true, ["wrapKey", "unwrapKey"]);
    const secret = (name) => subtle.generateKey({ name, length: 256 }, true, ["wrapKey", "unwrapKey"]);
    const [kw, gcm, ctr] = await Promise.all(["AES-KW", "AES-GCM", "AES-CTR"].map(secret));
    for (const [format, wrapping, unwrapping, algorithm] of [
      ["raw", kw, kw, "AES-KW"],
      ["jwk", gcm, gcm, { name: "AES-GCM", iv: new Uint8Array(12) }],
      ["jwk", ctr, ctr, { name: "AES-CTR", counter: new Uint8Array(16), length: 64 }],
      ["raw", rsa.publicKey, rsa.privateKey, "RSA-OAEP"],
    ]) {
      const wrapped = await subtle.wrapKey(format, aes, wrapping, algorithm);
      const again = await subtle.unwrapKey(format, wrapped, unwrapping, algorithm, "AES-CBC", true, ["decrypt"]);
      log(again.algorithm.name, again.usages, hex(await subtle.exportKey("raw", again)) === raw);
      const wrong = new Uint8Array(wrapped.byteLength);
      log("altered", await outcome(subtle.unwrapKey(format, wrong, unwrapping, algorithm, "AES-CBC", true, ["decrypt"])));
    }
    const pkcs8 = await subtle.wrapKey("pkcs8", rsa.privateKey, gcm, { name: "AES-GCM", iv: new Uint8Array(12) });
    const again = await subtle.unwrapKey(
      "pkcs8", pkcs8, gcm, { name: "AES-GCM", iv: new Uint8Array(12) }, { name: "RSA-OAEP", hash: "SHA-1" }, false, ["decrypt"]);
    log(again.type, again.algorithm.hash.name, again.algorithm.modulusLength, [...again.algorithm.publicExponent]);
    log("an RSA key", await outcome(subtle.wrapKey("jwk", rsa.privateKey, rsa.publicKey, "RSA-OAEP")));
    const kept = await subtle.generateKey({ name: "AES-CBC", length: 128 }, false, ["encrypt"]);
    log("not extractable", await outcome(subtle.wrapKey("raw", kept, kw, "AES-KW")));
  },

  "/clones": async (log) => {
    const key = await subtle.importKey("raw", text("secret"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const before = hex(await subtle.sign("HMAC", key, text("a")));
    const { deep: [clone] } = structuredClone({ deep: [key] });
    log(clone instanceof CryptoKey, clone !== key, clone.type, clone.extractable, clone.usages, clone.algorithm);
    log(hex(await subtle.sign("HMAC", clone, text("a"))) === before);
    log(structuredClone(key) instanceof CryptoKey, structuredClone(structuredClone(clone)).type);
    // What a program does with the objects that it sees does not change the key.
    key.algorithm.name = "AES-GCM";
    key.algorithm.hash.name = "SHA-512";
    key.usages.push("verify");
    log(key.algorithm, key.usages, key.algorithm === key.algorithm);
    log(hex(await subtle.sign("HMAC", key, text("a"))) === before);
    log(await outcome(subtle.verify("HMAC", key, new Uint8Array(32), text("a"))));
    try {
      structuredClone(Object.create(CryptoKey.prototype));
    } catch (error) {
      log(error.name);
    }
    console.log(key);
  },

  "/errors": async (log) => {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await subtle.importKey("raw", text("x"), hmac, false, ["verify"]);
    const attempts = {
      "no such algorithm": () => subtle.importKey("raw", text("x"), "ROT13", false, ["sign"]),
      "not of this operation": () => subtle.sign("AES-GCM", key, text("")),
      "another algorithm": () => subtle.verify("RSASSA-PKCS1-v1_5", key, text(""), text("")),
      "another usage": () => subtle.sign("HMAC", key, text("")),
      "no key": () => subtle.sign("HMAC", {}, text("")),
      "a feigned key": () => subtle.sign("HMAC", Object.create(CryptoKey.prototype), text("")),
      "no bytes": () => subtle.verify("HMAC", key, text(""), "text"),
      "no hash": () => subtle.importKey("raw", text("x"), "HMAC", false, ["sign"]),
      "MD5": () => subtle.importKey("raw", text("x"), { name: "HMAC", hash: "MD5" }, false, ["sign"]),
      "empty key": () => subtle.importKey("raw", text(""), hmac, false, ["sign"]),
      "no usages": () => subtle.importKey("raw", text("x"), hmac, false, []),
      "unknown usage": () => subtle.importKey("raw", text("x"), hmac, false, ["hash"]),
      "usages no list": () => subtle.importKey("raw", text("x"), hmac, false, 5),
      "unknown format": () => subtle.importKey("pem", text("x"), hmac, false, ["sign"]),
      "format of others": () => subtle.importKey("spki", text("x"), hmac, false, ["sign"]),
      "jwk of bytes": () => subtle.importKey("jwk", text("x"), hmac, false, ["sign"]),
      "raw of a jwk": () => subtle.importKey("raw", { kty: "oct" }, hmac, false, ["sign"]),
      "jwk without k": () => subtle.importKey("jwk", { kty: "oct" }, hmac, false, ["sign"]),
      "jwk of no text": () => subtle.importKey("jwk", { kty: "oct", k: "*" }, hmac, false, ["sign"]),
      "not extractable": () => subtle.exportKey("raw", key),
      "AES of 12 bytes": () => subtle.importKey("raw", new Uint8Array(12), "AES-GCM", false, ["encrypt"]),
      "AES of 100 bits": () => subtle.generateKey({ name: "AES-GCM", length: 100 }, false, ["encrypt"]),
      "AES without length": () => subtle.generateKey({ name: "AES-GCM" }, false, ["encrypt"]),
      "curve": () => subtle.generateKey({ name: "ECDSA", namedCurve: "P-192" }, false, ["sign"]),
      "exponent": () => subtle.generateKey({ name: "RSA-PSS", hash: "SHA-1", modulusLength: 2048, publicExponent: new Uint8Array([5]) }, false, ["sign"]),
      "modulus": () => subtle.generateKey({ name: "RSA-PSS", hash: "SHA-1", modulusLength: 16384, publicExponent: new Uint8Array([3]) }, false, ["sign"]),
      "no arguments": () => subtle.generateKey(),
      "broken DER": () => subtle.importKey("pkcs8", text("0"), { name: "RSA-PSS", hash: "SHA-1" }, false, ["sign"]),
      "new CryptoKey": async () => new CryptoKey(),
      "wrong receiver": () => subtle.sign.call({}, "HMAC", key, text("")),
      "getter that throws": () => subtle.sign({ get name() { throw new RangeError("mine"); } }, key, text("")),
    };
    for (const [name, attempt] of Object.entries(attempts)) log(`${name}: ${await outcome(attempt())}`);
  },

  "/lengths": async (log) => {
    const secret = await subtle.importKey("raw", text("x"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
    const pbkdf2 = { name: "PBKDF2", hash: "SHA-512", salt: text(""), iterations: 1 };
    const hkdf = await subtle.importKey("raw", text("x"), "HKDF", false, ["deriveBits"]);
    const hkdfOf = { name: "HKDF", hash: "SHA-512", salt: text(""), info: text("") };
    const aes = await subtle.generateKey({ name: "AES-CTR", length: 128 }, false, ["encrypt"]);
    const attempts = {
      "PBKDF2 of 512 MB": () => subtle.deriveBits(pbkdf2, secret, 2 ** 32 - 8),
      "PBKDF2 of many blocks": () => subtle.deriveBits({ ...pbkdf2, iterations: 100_000 }, secret, 2 ** 20),
      "PBKDF2 of 2^32 bits": () => subtle.deriveBits(pbkdf2, secret, 2 ** 32),
      "PBKDF2 of odd bits": () => subtle.deriveBits(pbkdf2, secret, 9),
      "PBKDF2 of no length": () => subtle.deriveBits(pbkdf2, secret),
      "PBKDF2 of no bits": () => subtle.deriveBits(pbkdf2, secret, 0),
      "HKDF of 512 MB": () => subtle.deriveBits(hkdfOf, hkdf, 2 ** 32 - 8),
      "HMAC of 512 MB": () => subtle.generateKey({ name: "HMAC", hash: "SHA-1", length: 2 ** 32 - 8 }, false, ["sign"]),
      "HMAC of a derived 512 MB": () => subtle.deriveKey(pbkdf2, secret, { name: "HMAC", hash: "SHA-1", length: 2 ** 32 - 8 }, false, ["sign"]),
      "33 blocks of a 5 bit counter": () => subtle.encrypt({ name: "AES-CTR", counter: new Uint8Array(16), length: 5 }, aes, new Uint8Array(33 * 16)),
      "a salt of 2^32 - 1": async () => {
        const rsa = await subtle.generateKey({ name: "RSA-PSS", hash: "SHA-1", ...RSA }, false, ["sign"]);
        return subtle.sign({ name: "RSA-PSS", saltLength: 2 ** 32 - 1 }, rsa.privateKey, text(""));
      },
      "70 MB twice": () => subtle.encrypt({ name: "AES-CTR", counter: new Uint8Array(16), length: 64 }, aes, new Uint8Array(70 << 20)),
    };
    for (const [name, attempt] of Object.entries(attempts)) log(`${name}: ${await outcome(attempt())}`);
  },

  "/digest-streams": async (log) => {
    for (const name of ["MD5", "sha-256", "crc32", "crc32c", "crc64nvme"]) {
      const stream = new crypto.DigestStream(name);
      const writer = stream.getWriter();
      for (const piece of ["1234", "56789"]) writer.write(text(piece));
      await writer.close();
      log(name, hex(await stream.digest), stream.bytesWritten);
    }
    for (const name of ["CRC32", "crc16"]) {
      try {
        new crypto.DigestStream(name);
      } catch (error) {
        log(name, error.name);
      }
    }
    log(await outcome(subtle.digest("crc32", text(""))));
  },

  // 3,000 keys that nobody keeps: they are given back, or this Worker's own memory is full.
  "/many": async (log) => {
    for (let i = 0; i < 3000; i++) {
      await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    }
    log("done");
  },
};

const show = (value) =>
  typeof value === "bigint" ? `${value}` : typeof value === "string" ? value : JSON.stringify(value);

export default {
  async fetch(request) {
    const lines = [];
    await paths[new URL(request.url).pathname]((...values) => lines.push(values.map(show).join(" ")));
    return new Response(`${lines.join("\n")}\n`);
  },
};
