// Dynamic imports of files, of the platform's own modules, of addresses and of names that escape
// the folder.
const names = [
  "isolde:ops", "isolde:api.js", "isolde:global", "isolde:internal", "node:fs", "fs",
  "file:///etc/passwd", "/etc/passwd", "../../../../etc/passwd", "./expect.toml", "..", ".", "",
  "data:text/javascript,1", "http://127.0.0.1/x.js", "https://example.com/x.js", "blob:x",
  "./index.js\0.js", "cloudflare:internal", "cloudflare:sockets", "workerd:unsafe", "wasm:x", "\0",
  "internal:x", "__proto__", "constructor", "./%2e%2e/expect.toml", "cloudflare:workers/../x",
];

export default {
  async fetch() {
    const found = [];
    for (const name of names) {
      for (const options of [undefined, { with: { type: "json" } }, { with: { type: "bytes" } }]) {
        try {
          const module = await import(name, options);
          found.push(`${name}: ${Object.keys(module)}`);
        } catch {}
      }
    }
    return new Response(found.length === 0 ? "contained" : `LEAKED: ${found.join("\n")}`);
  },
};
