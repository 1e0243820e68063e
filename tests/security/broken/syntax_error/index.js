/** Has a brace too many. */
export default {
  fetch() {
    return new Response("never");
  }},
};
