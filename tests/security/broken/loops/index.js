/** Never finishes to start. */
for (;;);

export default {
  fetch: () => new Response("never"),
};
