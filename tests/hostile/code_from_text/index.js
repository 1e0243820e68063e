// Every known way from a text or from bytes to code, also through constructors of other functions.
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
const tries = {
  eval: () => eval("1"),
  indirect: () => (0, eval)("1"),
  Function: () => new Function("return 1")(),
  constructor: () => [].map.constructor("return 1")(),
  native: () => fetch.constructor("return 1")(),
  async: () => (async () => {}).constructor("return 1")(),
  generator: () => (function* () {}).constructor("yield 1")(),
  asyncGenerator: () => (async function* () {}).constructor("yield 1")(),
  construct: () => Reflect.construct(Function, ["return 1"], class extends Array {})(),
  bound: () => Function.bind(null, "return 1")()(),
  timer: () => setTimeout("1", 0),
  object: () => eval({ toString: () => "1" }) === 1,
  module: () => new WebAssembly.Module(bytes),
  compile: () => WebAssembly.compile(bytes),
  instantiate: () => WebAssembly.instantiate(bytes, {}),
  streaming: () => WebAssembly.compileStreaming(new Response(bytes)),
  import: () => import(["data:text/javascript", "export default 1"].join()),
  shadow: () => new ShadowRealm().evaluate("1"),
};

export default {
  async fetch() {
    const made = [];
    for (const [name, attempt] of Object.entries(tries)) {
      try {
        const got = await attempt();
        if (got !== false) made.push(`${name}: ${got}`);
      } catch {}
    }
    return new Response(made.length === 0 ? "contained" : `LEAKED: ${made.join("\n")}`);
  },
};
