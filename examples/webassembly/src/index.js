/** Calls a function in a WebAssembly module that is deployed beside the Worker. */
import module from "./gcd.wasm";

const { gcd } = new WebAssembly.Instance(module).exports;

export default {
  /** @param {Request} request */
  fetch(request) {
    const parameters = new URL(request.url).searchParams;
    const a = Number.parseInt(parameters.get("a") ?? "1071", 10);
    const b = Number.parseInt(parameters.get("b") ?? "462", 10);
    if (!(a >= 0 && b >= 0)) {
      return new Response("a and b are whole numbers from 0 on\n", { status: 400 });
    }
    return Response.json({ a, b, gcd: gcd(a, b) });
  },
};
