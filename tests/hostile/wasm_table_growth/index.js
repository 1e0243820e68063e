// Tables of WebAssembly with millions of entries, of functions and of things, grown and kept.
import table from "./table.wasm";

const kept = [];

export default {
  fetch() {
    for (;;) {
      const { f, functions, things } = new WebAssembly.Instance(table).exports;
      functions.grow(500_000, f);
      things.grow(500_000, kept);
      kept.push(functions, things, new WebAssembly.Table({ element: "anyfunc", initial: 500_000 }));
    }
  },
};
