/** Answers, or sends elsewhere. */
export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/elsewhere") return Response.redirect(new URL("/here", request.url).href);
    return new Response("here");
  },
};
