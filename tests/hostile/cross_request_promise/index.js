// Each request waits for a promise that another request made, and all of them wait in a ring.
const waiting = [];

export default {
  async fetch() {
    const last = waiting.at(-1);
    const mine = Promise.withResolvers();
    waiting.push(mine);
    await (last ?? mine).promise;
    mine.resolve();
    return new Response("answered");
  },
};
