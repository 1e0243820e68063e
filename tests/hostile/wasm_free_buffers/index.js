// ArrayBuffers are transferred, resized and detached in turn, to confuse who counts their bytes.
const kept = [];

export default {
  fetch() {
    for (;;) {
      const growable = new ArrayBuffer(1 << 16, { maxByteLength: 1 << 22 });
      growable.resize(1 << 22);
      const fixed = growable.transferToFixedLength();
      const moved = structuredClone(fixed, { transfer: [fixed] });
      kept.push(moved.transfer(1 << 21), new Uint8Array(moved.byteLength + 1));
    }
  },
};
