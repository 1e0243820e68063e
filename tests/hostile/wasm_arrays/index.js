// WebAssembly arrays of the GC proposal of a gigabyte each, made in a straight line.
import arrays from "./arrays.wasm";

export default {
  fetch() {
    const { make } = new WebAssembly.Instance(arrays).exports;
    return new Response(String(make(1_000_000_000)));
  },
};
