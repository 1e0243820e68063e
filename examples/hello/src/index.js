/** The smallest Worker. */
export default {
  fetch() {
    return new Response("Hello World!");
  },
};
