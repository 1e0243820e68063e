/** Lengths and counts that would take memory or time without end. */
const bytes = new Uint8Array(16);
const subtle = crypto.subtle;

async function attempts() {
  const base = await subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits", "deriveKey"]);
  const hash = "SHA-512";
  const pbkdf2 = { name: "PBKDF2", hash, salt: bytes, iterations: 1 };
  const hmac = { name: "HMAC", hash, length: 2 ** 32 - 8 };
  const publicExponent = new Uint8Array(1 << 20).fill(255);
  return [
    subtle.deriveBits(pbkdf2, base, 2 ** 32 - 8),
    subtle.deriveBits({ ...pbkdf2, iterations: 2 ** 32 - 1 }, base, 256),
    subtle.deriveKey(pbkdf2, base, hmac, false, ["sign"]),
    subtle.generateKey(hmac, false, ["sign"]),
    subtle.generateKey(
      { name: "RSA-PSS", hash, modulusLength: 2 ** 32 - 1, publicExponent }, false, ["sign"]),
    subtle.generateKey(
      { name: "RSA-PSS", hash, modulusLength: 4096, publicExponent }, false, ["sign"]),
    subtle.importKey(
      "jwk", { kty: "RSA", n: "_".repeat(1 << 20), e: "AQAB" }, { name: "RSA-PSS", hash }, false, []),
  ];
}

export default {
  async fetch() {
    const outcomes = await Promise.allSettled(await attempts());
    return new Response(outcomes.map((outcome) => outcome.reason?.name).join());
  },
};
