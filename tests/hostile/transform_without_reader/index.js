// Ten thousand TransformStreams that nobody reads are written to without waiting.
export default {
  async fetch() {
    const writers = Array.from({ length: 10_000 }, () => {
      const stream = new TransformStream({}, { highWaterMark: Infinity }, { highWaterMark: 1e9 });
      return stream.writable.getWriter();
    });
    for (let i = 0; ; i += 1) {
      for (const writer of writers) writer.write(`${i} ${"x".repeat(100)}`).catch(() => {});
      await null;
    }
  },
};
