// BigInt division and conversion to text of numbers with millions of digits.
export default {
  fetch() {
    let digits = 0;
    const divisor = (1n << 5_000_000n) + 1n;
    for (let shift = 10_000_000n; ; shift += 1n) {
      const quotient = ((1n << shift) - 1n) / divisor;
      digits += quotient.toString(7).length;
      digits += BigInt(`0x${quotient.toString(16)}`).toString().length;
    }
    return new Response(String(digits));
  },
};
