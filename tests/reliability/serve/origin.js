/** An origin: it says what it was asked. */
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const text = `${request.method} ${pathname} ${await request.text()}`;
    return new Response(text, { status: 201 });
  },
};
