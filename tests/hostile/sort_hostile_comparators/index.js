// Comparators that lie, throw, change the array while it is sorted, and start sorts of their own.
const list = Array.from({ length: 10_000 }, (_, i) => i);

function compare(a, b) {
  list.length = (a * 31) % 20_000;
  list[a] = { valueOf: () => list.sort(compare).length };
  new Float64Array([a, b, 3, 2]).sort(compare);
  return Math.sin(a + b) * list[a];
}

export default {
  fetch() {
    for (;;) {
      try {
        list.sort(compare);
      } catch {
        list.length = 10_000;
      }
    }
  },
};
