// Answers with what it understood: the method, the target and the length of the body.
export default {
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    const body = await request.arrayBuffer();
    return new Response(`${request.method} ${pathname}${search} ${body.byteLength}`);
  },
};
