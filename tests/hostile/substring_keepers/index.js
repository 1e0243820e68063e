// Short slices of large texts keep the large texts alive, in a Map and in a Set.
const kept = new Map();
const names = new Set();

export default {
  fetch() {
    for (let i = 0; ; i += 1) {
      const large = new TextDecoder().decode(new Uint8Array(1 << 18).fill(65 + (i % 26)));
      kept.set(i, large.slice(1, 40));
      names.add(large.slice(i % 1000, (i % 1000) + 20 + (i % 50)));
    }
  },
};
