// The handler answers with things that only look like a Response.
let turn = 0;
const answers = [
  () => ({ status: 200, headers: new Headers(), body: "x" }),
  () => Object.create(Response.prototype),
  () => new Proxy(new Response("x"), {}),
  () => Object.setPrototypeOf(new Request("http://a/"), Response.prototype),
  () => Response,
  () => undefined,
  () => Response.error(),
  () => new Proxy({}, { getPrototypeOf: () => Response.prototype }),
  async () => null,
  () => { throw undefined; },
  () => Promise.reject(new Proxy({}, { get() { throw 1; } })),
  () => { throw Object.create(null); },
];

export default {
  fetch() {
    return answers[turn++ % answers.length]();
  },
};
