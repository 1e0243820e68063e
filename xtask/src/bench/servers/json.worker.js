/** The Worker of the row `json`. */
export default {
  fetch() {
    return Response.json({ message: "Hello, World!" });
  },
};
