// SharedArrayBuffers, growable ones too, to see whether they are counted as memory.
const kept = [];

export default {
  fetch() {
    for (;;) {
      kept.push(new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1));
      const growable = new SharedArrayBuffer(1, { maxByteLength: 1 << 22 });
      growable.grow(1 << 22);
      kept.push(new Uint8Array(growable).fill(1));
    }
  },
};
