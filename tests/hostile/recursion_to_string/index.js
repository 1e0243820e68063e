// Conversions to text, numbers and names that call one another until the stack is used up.
const round = {
  toString: () => `${round}`,
  valueOf: () => +round,
  [Symbol.toPrimitive]: (hint) => (hint === "number" ? [round] * 2 : { [round]: 1 }[round]),
};

export default {
  fetch() {
    return new Response(round, { statusText: round, status: round, headers: { [round]: round } });
  },
};
