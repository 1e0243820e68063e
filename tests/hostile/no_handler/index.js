// The default export is a proxy whose handler is another thing each time it is read.
let reads = 0;
const others = [undefined, 1, {}, class {}, Symbol("fetch"), "fetch"];

export default new Proxy({}, {
  get: () => others[(reads += 1) % others.length],
  has: () => true,
  ownKeys: () => ["fetch", "fetch2"],
  getOwnPropertyDescriptor: () => ({ value: 1, configurable: true, enumerable: true }),
});
