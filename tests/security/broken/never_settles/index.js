/** Awaits a promise that never settles. */
await new Promise(() => {});

export default {
  fetch: () => new Response("never"),
};
