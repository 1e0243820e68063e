// Each closure keeps the whole scope of the one before alive.
export default {
  fetch() {
    let last = () => 0;
    for (let i = 0; ; i += 1) {
      const before = last;
      const load = Array.from({ length: 100 }, (_, n) => n + i);
      last = () => [before, load];
    }
  },
};
