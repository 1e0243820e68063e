/** The Worker of the rows with slow clients: a short answer, a long one, or what a body says. */
const large = new Uint8Array(64 * 1024).fill(120);

export default {
  async fetch(request) {
    if (request.method === "POST") {
      return new Response(await request.text());
    }
    const { pathname } = new URL(request.url);
    return new Response(pathname === "/large" ? large : "Hello World!");
  },
};
