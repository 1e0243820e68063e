/** Everything that a project can give its Worker without a service behind it. */
import { env as imported } from "cloudflare:workers";
import text from "./note.txt";
import page from "./page.html";
import bytes from "./bytes.bin";
import add from "./add.wasm";
import settings from "./settings.json";
import { named, default as other } from "./other.mjs";

// Variables are there before any request.
const early = `early ${imported.PLAIN}`;

export default {
  fetch(request, env) {
    const { exports } = new WebAssembly.Instance(add);
    const facts = [
      ["PLAIN", env.PLAIN],
      ["JSON", JSON.stringify(env.OBJECT)],
      ["NUMBER", `${typeof env.NUMBER} ${env.NUMBER}`],
      ["BOOLEAN", `${typeof env.BOOLEAN} ${env.BOOLEAN}`],
      ["SECRET of .dev.vars", env.SECRET],
      [".dev.vars wins over vars", env.OVERRIDDEN],
      ["quoted in .dev.vars", env.QUOTED],
      ["imported env", imported.PLAIN],
      ["global scope", early],
      ["text", JSON.stringify(text)],
      ["html", JSON.stringify(page)],
      ["data", `${bytes instanceof ArrayBuffer} ${[...new Uint8Array(bytes)]}`],
      ["wasm", `${add instanceof WebAssembly.Module} ${exports.add(40, 2)}`],
      ["json module", settings.name],
      ["module", `${named} ${other}`],
      ["names", Object.keys(env).sort()],
    ];
    return new Response(facts.map(([name, value]) => `${name}: ${value}\n`).join(""));
  },
};
