/** What global scope may do with keys: everything but make random ones. */
const bytes = new Uint8Array(32);
const subtle = crypto.subtle;
const results = [];

const hmac = { name: "HMAC", hash: "SHA-256" };
const key = await subtle.importKey("raw", bytes, hmac, true, ["sign", "verify"]);
const early = await subtle.sign("HMAC", key, bytes);
results.push(`sign: ${early.byteLength}`);
results.push(`exportKey: ${(await subtle.exportKey("jwk", key)).alg}`);
const password = await subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
const pbkdf2 = { name: "PBKDF2", hash: "SHA-256", salt: bytes, iterations: 20_000 };
results.push(`deriveBits: ${(await subtle.deriveBits(pbkdf2, password, 256)).byteLength}`);
for (const algorithm of [{ name: "AES-GCM", length: 128 }, { name: "Ed25519" }]) {
  try {
    await subtle.generateKey(algorithm, true, algorithm.length ? ["encrypt"] : ["sign"]);
    results.push("generateKey: allowed");
  } catch (error) {
    results.push(`generateKey: ${error.name}: ${error.message.slice(0, 53)}`);
  }
}

export default {
  async fetch() {
    // Keys are no I/O: all requests may use them.
    const verified = await subtle.verify("HMAC", key, early, bytes);
    return new Response(`${results.join("\n")}\nverify: ${verified}\n`);
  },
};
