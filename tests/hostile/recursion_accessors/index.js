// Setters, iterators, species and instanceof recurse through built-in functions, caught at every
// depth.
let depth = 0;
class Deep extends Array {
  static get [Symbol.species]() {
    depth += 1;
    return new Deep(1).map((x) => x).constructor;
  }
  static [Symbol.hasInstance](x) {
    return [...new Set([x])].some((one) => one instanceof Deep);
  }
}

export default {
  fetch() {
    const tries = [() => new Deep(2).filter(Boolean), () => 1 instanceof Deep];
    for (const attempt of tries) {
      try {
        attempt();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return new Response(`came back from ${depth > 10}`);
  },
};
