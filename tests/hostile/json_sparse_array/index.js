// JSON.stringify of an empty array that claims four thousand million elements wants a text of 20
// GB.
export default {
  fetch() {
    const claimed = [];
    claimed.length = 2 ** 32 - 1;
    return new Response(JSON.stringify({ claimed }));
  },
};
