/** A Worker with a handler, but none for requests. */
export default {
  scheduled() {},
};
