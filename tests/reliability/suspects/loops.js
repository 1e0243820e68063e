// Loops without end when it is asked to.
export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/loop") for (;;);
    return new Response("fine");
  },
};
