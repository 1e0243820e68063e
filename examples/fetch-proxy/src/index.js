/** A proxy: every request goes to the origin in `UPSTREAM`, and the answer comes back marked. */

export default {
  /**
   * @param {Request} request
   * @param {{ UPSTREAM: string }} env
   */
  async fetch(request, env) {
    const url = new URL(request.url);
    const target = new URL(url.pathname + url.search, env.UPSTREAM);
    const headers = new Headers(request.headers);
    headers.delete("host");
    headers.set("x-forwarded-host", url.host);
    const upstream = await fetch(target, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
    });
    // A response from fetch has immutable headers; a copy around the same body has not.
    const response = new Response(upstream.body, upstream);
    response.headers.set("x-proxied-by", "fetch-proxy");
    return response;
  },
};
