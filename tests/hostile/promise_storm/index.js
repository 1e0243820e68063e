// Millions of promises that hang on one another, all rejected at once and none handled.
export default {
  async fetch() {
    for (let round = 0; ; round += 1) {
      const { promise, reject } = Promise.withResolvers();
      for (let i = 0; i < 20_000; i += 1) promise.then(() => round).finally(() => i);
      reject(new Error(`storm ${round}`));
      await null;
    }
  },
};
