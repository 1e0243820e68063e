/** What is known about a client, and how it goes on. */
const paths = {
  "/": ({ cf }) => [cf, Object.isFrozen(cf)],
  "/same": (request) => [request.cf === request.cf, typeof request.cf.country],
  "/copy": (request) => {
    const copy = new Request(request);
    copy.cf.seen = true;
    return [copy.cf, request.cf, new Request("http://other.example/", copy).cf];
  },
  "/own": () => {
    const cf = { cacheTtl: 5, nested: { a: 1 } };
    const request = new Request("http://other.example/", { cf });
    cf.nested.a = 2;
    return [request.cf, request.clone().cf, new Request(request, { cf: { b: 1 } }).cf];
  },
  "/none": () => [typeof new Request("http://other.example/").cf],
  "/not-an-object": () => new Request("http://other.example/", { cf: 1 }),
};

export default {
  fetch(request) {
    try {
      return Response.json(paths[new URL(request.url).pathname](request));
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 500 });
    }
  },
};
