// Array.fromAsync and for await take from an async iterator that never ends and never waits.
async function* forever() {
  for (;;) yield Promise.resolve(1);
}

export default {
  async fetch() {
    await Promise.race([Array.fromAsync(forever()), Array.fromAsync({ length: 2 ** 31 })]);
    return new Response("done");
  },
};
