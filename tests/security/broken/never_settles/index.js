/** Waits for what never comes. */
await new Promise(() => {});

export default {
  fetch: () => new Response("never"),
};
