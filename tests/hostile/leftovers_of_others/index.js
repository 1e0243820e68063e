// Global registries are searched for values that another Worker or an earlier isolate has left.
const fresh = Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith("left"));
const description = Symbol.for("left-by-another").description;
let visits = 0;

export default {
  async fetch(request, env) {
    visits += 1;
    const leaks = [...fresh, ...Object.keys(env)];
    if (visits === 1) {
      if (globalThis[Symbol.for("left-by-another")] !== undefined) leaks.push("symbol");
      if (Object.prototype.left !== undefined || Array.left !== undefined) leaks.push("prototype");
      if (performance.getEntries().length > 0) leaks.push("performance entries");
      if (RegExp.lastMatch !== "" && RegExp.$1 !== "") leaks.push(`RegExp ${RegExp.lastMatch}`);
    }
    globalThis.left = globalThis[Symbol.for("left-by-another")] = "a secret";
    Array.left = "a secret";
    const buffer = new Uint8Array(1 << 20);
    if (buffer.some((byte) => byte !== 0)) leaks.push("memory that is not zero");
    if (new TextDecoder().decode(buffer.subarray(0, 10)) !== "\0".repeat(10)) leaks.push("bytes");
    buffer.fill(0x41);
    if (description !== "left-by-another") leaks.push(description);
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
