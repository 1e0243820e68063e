/** Never finishes its start. */
for (;;);

export default {
  fetch: () => new Response("never"),
};
