// The start function of a WebAssembly module loops when the module is instantiated, in global
// scope.
import module from "./start.wasm";

try {
  new WebAssembly.Instance(module);
} finally {
  await WebAssembly.instantiate(module);
}

export default {
  fetch: () => new Response("started"),
};
