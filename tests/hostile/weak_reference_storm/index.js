// Millions of WeakRefs, WeakMap chains and finalizers, so that each collection has much to do.
const registry = new FinalizationRegistry((held) => held());
const chain = [];

export default {
  fetch() {
    let key = {};
    for (;;) {
      const map = new WeakMap();
      const next = { weak: new WeakRef(key) };
      map.set(key, next);
      registry.register(next, () => chain.push(map), key);
      if (chain.length % 7 !== 3) chain.push(map);
      key = next;
    }
  },
};
