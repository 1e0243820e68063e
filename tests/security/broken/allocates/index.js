/** Takes all memory while it starts. */
const kept = [];
for (;;) kept.push([{}, 1.5]);

export default {
  fetch: () => new Response("never"),
};
