// Global scope awaits a promise that nothing settles.
const never = new Promise(() => {});
await Promise.race([never, never]);

export default {
  fetch: () => new Response("started"),
};
