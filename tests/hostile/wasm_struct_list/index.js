// WebAssembly of the GC proposal makes a list of structs that is never let go.
import list from "./list.wasm";

export default {
  fetch() {
    new WebAssembly.Instance(list).exports.grow();
    return new Response("done");
  },
};
