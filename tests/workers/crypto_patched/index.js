/** A Worker that has patched what it can gets no secret that it was not to get, and right results. */
const subtle = crypto.subtle;
const seen = [];

const note = (name) =>
  function (...values) {
    seen[seen.length] = name;
    return values[0];
  };

/** `then` is asked of all that a program awaits. The bytes among it are what it was to get. */
const bytesSeen = [];
const { get: lengthOf } = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength");
const call = Function.prototype.call.bind(Function.prototype.call);
function noteThen() {
  try {
    bytesSeen[bytesSeen.length] = call(lengthOf, this);
  } catch {
    // It is no ArrayBuffer.
  }
}

const secretBytes = new Uint8Array(32).fill(7);

/** Everything that keys go through, on prototypes. */
function patch() {
  const inherited = {
    then: { get: noteThen },
    toJSON: { value: note("toJSON") },
    hash: { get: note("hash"), set: note("set hash") },
    length: { get: note("length"), set: note("set length") },
    name: { get: note("name"), set: note("set name") },
    k: { get: note("k"), set: note("set k") },
    d: { get: note("d"), set: note("set d") },
    alg: { get: note("alg"), set: note("set alg") },
    namedCurve: { get: note("namedCurve"), set: note("set namedCurve") },
    number: { get: note("number"), set: note("set number") },
  };
  for (const [name, descriptor] of Object.entries(inherited)) {
    Object.defineProperty(Object.prototype, name, { ...descriptor, configurable: true });
  }
  for (const prototype of [Array.prototype, Map.prototype, String.prototype, Uint8Array.prototype]) {
    for (const name of ["includes", "join", "push", "slice", "set", "get", "toUpperCase"]) {
      if (prototype[name]) prototype[name] = note(name);
    }
  }
  Array.prototype[Symbol.iterator] = note("iterator");
  JSON.stringify = note("stringify");
  JSON.parse = note("parse");
  globalThis.Uint8Array = note("Uint8Array");
  globalThis.FinalizationRegistry = note("FinalizationRegistry");
  FinalizationRegistry.prototype = {};
  return inherited;
}

function restore(inherited) {
  const names = Object.keys(inherited);
  for (let i = 0; i < names.length; i++) delete Object.prototype[names[i]];
}

const list = (...items) => {
  const iterate = function* () {
    for (let i = 0; i < items.length; i++) yield items[i];
  };
  return { __proto__: null, [Symbol.iterator]: iterate };
};

async function work(data, iv) {
  const hmac = { __proto__: null, name: "HMAC", hash: "SHA-256" };
  const key = await subtle.importKey("raw", data, hmac, true, list("sign", "verify"));
  const signature = await subtle.sign("HMAC", key, data);
  const verified = await subtle.verify("HMAC", key, signature, data);

  // A secret that only becomes a key that cannot be extracted, at once and on another thread.
  const base = await subtle.importKey("raw", data, "PBKDF2", false, list("deriveKey"));
  const aes = { __proto__: null, name: "AES-GCM", length: 256 };
  const derive = (iterations) => {
    const pbkdf2 = { __proto__: null, name: "PBKDF2", hash: "SHA-256", salt: data, iterations };
    return subtle.deriveKey(pbkdf2, base, aes, false, list("encrypt", "wrapKey", "unwrapKey"));
  };
  const derived = await derive(5);
  const later = await derive(5000);

  const gcm = { __proto__: null, name: "AES-GCM", iv };
  const wrapped = await subtle.wrapKey("jwk", key, derived, gcm);
  const unwrapped = await subtle.unwrapKey("jwk", wrapped, derived, gcm, hmac, false, list("verify"));
  const again = await subtle.verify("HMAC", unwrapped, signature, data);
  const clone = await subtle.verify("HMAC", structuredClone(unwrapped), signature, data);

  const ecdsa = { __proto__: null, name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const pair = await subtle.generateKey(ecdsa, false, list("sign", "verify"));
  const signed = await subtle.sign(ecdsa, pair.privateKey, data);
  const ec = await subtle.verify(ecdsa, pair.publicKey, signed, data);
  return { __proto__: null, verified, again, clone, ec, later: later.type };
}

export default {
  async fetch() {
    const [data, iv] = [secretBytes, new Uint8Array(12)];
    const stringify = JSON.stringify;
    const inherited = patch();
    let found;
    try {
      found = await work(data, iv);
    } catch (error) {
      found = { __proto__: null, error: `${error}` };
    }
    restore(inherited);
    let names = "";
    for (let i = 0; i < seen.length; i++) names += ` ${seen[i]}`;
    let lengths = "";
    for (let i = 0; i < bytesSeen.length; i++) lengths += ` ${bytesSeen[i]}`;
    return new Response(`${stringify(found)}\nseen:${names}\nbytes:${lengths}\n`);
  },
};
