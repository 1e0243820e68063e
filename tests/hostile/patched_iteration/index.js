// Symbol.iterator of arrays, the iterators' next, Symbol.toPrimitive and hasInstance are replaced.
const arrays = Object.getPrototypeOf([][Symbol.iterator]());
const spin = () => {
  for (;;);
};

export default {
  async fetch(request) {
    arrays.next = spin;
    Array.prototype[Symbol.iterator] = spin;
    Map.prototype[Symbol.iterator] = Set.prototype[Symbol.iterator] = spin;
    String.prototype[Symbol.iterator] = spin;
    Iterator.prototype[Symbol.iterator] = spin;
    Object.prototype[Symbol.toPrimitive] = spin;
    Object.prototype[Symbol.toStringTag] = "patched";
    Array.prototype[Symbol.isConcatSpreadable] = false;
    Array.prototype.push = Array.prototype.slice = Array.prototype.map = spin;
    Array.prototype.join = Array.prototype.forEach = Array.prototype.sort = spin;
    const url = new URL("http://a/?b=c&d=e");
    url.searchParams.sort();
    const text = await new Response(url.searchParams.toString()).text();
    return new Response(text === "b=c&d=e" ? "contained" : `LEAKED: ${text}`);
  },
};
