// Every member of every options object is a getter of a proxy that spins a little and hands out
// another one.
const trap = () =>
  new Proxy(() => {}, {
    get(_, key) {
      for (let i = 0; i < 100_000; i += 1);
      return key === Symbol.toPrimitive ? () => "1" : trap();
    },
    ownKeys: () => Array.from({ length: 1000 }, (_, i) => `key${i}`),
    getOwnPropertyDescriptor: () => ({ value: trap(), enumerable: true, configurable: true }),
    apply: () => trap(),
  });

export default {
  async fetch() {
    const tries = [
      () => new Request("http://a/", trap()), () => new Response("", trap()),
      () => new Headers(trap()), () => new URLSearchParams(trap()), () => new Blob(trap()),
      () => new ReadableStream(trap(), trap()), () => structuredClone(trap(), trap()),
      () => new Event("e", trap()), () => new TextDecoder("utf-8", trap()),
      () => trap().then(trap()),
    ];
    for (;;) {
      for (const attempt of tries) {
        try {
          await Promise.race([attempt(), 1]);
        } catch {}
      }
    }
  },
};
