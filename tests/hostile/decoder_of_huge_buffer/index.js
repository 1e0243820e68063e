// Large buffers are decoded as ever wider text by one decoder after the other.
const kept = [];

export default {
  fetch() {
    const bytes = new Uint8Array(24 << 20).fill(0x81);
    for (const label of ["gb18030", "shift_jis", "utf-16le", "windows-1252", "euc-kr", "utf-8"]) {
      for (let i = 0; i < 100; i += 1) kept.push(new TextDecoder(label).decode(bytes));
    }
    return new Response(String(kept.length));
  },
};
