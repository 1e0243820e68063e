// A hundred intervals of 0 ms, each of which starts more of them.
export default {
  async fetch() {
    const more = () => {
      for (let i = 0; i < 10; i += 1) setInterval(more, 0);
      for (let i = 0; i < 10_000; i += 1) Math.sqrt(i);
    };
    for (let i = 0; i < 100; i += 1) setInterval(more, 0);
    await new Promise(() => {});
  },
};
