// Statuses that no response may have, given as numbers, texts and objects.
export default {
  fetch() {
    const made = [];
    const statuses = [0, 1, 99, 100, 101, 199, 600, 999, 65_736, -200, NaN, "x", 2 ** 32 + 200, {}];
    for (const status of statuses) {
      try {
        made.push(new Response(null, { status }).status);
      } catch (error) {
        if (!(error instanceof RangeError || error instanceof TypeError)) made.push(`${error}`);
      }
    }
    if (made.some((status) => status !== 200)) return new Response(`made ${made}`);
    return new Response(null, { status: 1000 });
  },
};
