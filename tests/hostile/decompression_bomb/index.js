// Half a megabyte of deflated bytes becomes ninety, again and again, and all of it is kept.
export default {
  async fetch() {
    // A zero, and then "the last byte 258 times" in 13 bits, in place after 13 bytes.
    const bits = `01000110000${"1100010100000".repeat(16)}`;
    const bytes = new Uint8Array(1 << 19);
    for (let i = 0; i < bits.length; i++) bytes[i >> 3] |= Number(bits[i]) << (i & 7);
    for (let i = 26; i < bytes.length; i++) bytes[i] = bytes[i - 13];
    const kept = [];
    for (let i = 0; i < 100; i++) {
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
      try {
        for await (const chunk of stream) kept.push(chunk);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    }
    return new Response(`${kept.length}`);
  },
};
