// Set.prototype.union drains a set-like object whose keys never end.
const endless = {
  size: Infinity,
  has: () => true,
  keys: () => ({ next: () => ({ done: false, value: 1 }) }),
};

export default {
  fetch() {
    return new Response(String(new Set([1]).union(endless).size));
  },
};
