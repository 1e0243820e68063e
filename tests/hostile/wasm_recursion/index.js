// WebAssembly with large frames calls JavaScript, which calls WebAssembly, until the stack is used
// up.
import module from "./deep.wasm";

let exports;
let round = 0;
const call = (...args) => {
  round += 1;
  if (round % 3 === 0) return BigInt([1n].map(() => exports.deep(...args))[0]);
  return round % 3 === 1 ? JSON.parse("1", () => exports.deep(...args)) : exports.deep(...args);
};

export default {
  fetch() {
    ({ exports } = new WebAssembly.Instance(module, { js: { call } }));
    return new Response(String(exports.deep(1n, 2n, 3n, 4n)));
  },
};
