/** Keys that are kept: their memory is the Worker's own. */
const kept = [];

export default {
  async fetch() {
    const algorithm = { name: "HMAC", hash: "SHA-256", length: 8 << 20 };
    for (;;) kept.push(await crypto.subtle.generateKey(algorithm, false, ["sign"]));
  },
};
