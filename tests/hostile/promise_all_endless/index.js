// Promise.all is given an iterator that never ends, each value a thenable that never settles.
function* forever() {
  for (;;) yield { then() {} };
}

export default {
  async fetch() {
    await Promise.all(forever());
    return new Response("done");
  },
};
