// Wide and deep objects are logged over and over: their text would be gigabytes.
export default {
  fetch() {
    let wide = { leaf: "x".repeat(1000) };
    for (let depth = 0; depth < 30; depth += 1) wide = { a: wide, b: wide, c: [wide, wide] };
    const list = Array.from({ length: 100_000 }, () => wide);
    const lines = "\n".repeat(100_000);
    for (let i = 0; i < 1000; i += 1) console.log(wide, list, new Uint8Array(1 << 20), lines);
    return new Response("logged");
  },
};
