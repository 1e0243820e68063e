/** Sees and sends text in headers. */
const paths = {
  "/": (request) => new Response(`${request.headers.get("x-text")}\n`),
  "/out": () =>
    new Response("down\n", { statusText: "Grüße", headers: { "x-text": "Grüße €" } }),
  "/redirect": () => new Response(null, { status: 302, headers: { location: "/é?ü" } }),
};

export default {
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    const answer = paths[pathname];
    return answer === undefined ? new Response(`${pathname}${search}\n`) : answer(request);
  },
};
