// A function of fifty thousand variables and thousands of branches, whose compilation takes long.
import bomb from "./bomb.wasm";

export default {
  fetch() {
    const { run } = new WebAssembly.Instance(bomb).exports;
    for (let i = 0; ; i += 1) run(i % 2);
    return new Response("ran");
  },
};
