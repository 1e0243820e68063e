/** The Worker of the row `echo-1mib`. */
export default {
  fetch(request) {
    return new Response(request.body);
  },
};
