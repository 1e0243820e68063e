// WebAssembly that catches everything around a loop, and around JavaScript that loops and throws.
import clinging from "./clinging.wasm";

let calls = 0;
const call = () => {
  calls += 1;
  if (calls < 1000) throw new Error("caught by WebAssembly");
};

export default {
  fetch() {
    const { cling } = new WebAssembly.Instance(clinging, { js: { call } }).exports;
    try {
      cling();
    } finally {
      cling();
    }
    return new Response("came out");
  },
};
