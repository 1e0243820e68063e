/** Throws while it starts. */
const settings = undefined;

settings.boom();

export default {
  fetch: () => new Response("never"),
};
