// Says what it knows of its client, and does what it is asked to.
let visits = 0;
let waiting = 0;

export default {
  async fetch(request) {
    const { pathname, protocol } = new URL(request.url);
    visits += 1;
    if (pathname === "/wait" || pathname === "/hang") {
      waiting += 1;
      await scheduler.wait(pathname === "/wait" ? 300 : 20_000);
    }
    if (pathname === "/cookies") return new Response(request.headers.get("cookie"));
    return Response.json({
      protocol,
      host: request.headers.get("host"),
      address: request.headers.get("cf-connecting-ip"),
      client: request.headers.get("isolde-client"),
      httpProtocol: request.cf?.httpProtocol,
      tlsVersion: request.cf?.tlsVersion,
      tlsCipher: request.cf?.tlsCipher,
      visits,
      waiting,
    });
  },
};
