/** Bodies of an origin in a coding: passed on as they came, decoded where they are read. */
const paths = {
  /** Nobody reads the body: bytes and headers stay. */
  "/pass": (origin) => origin,
  "/wrap": (origin) => new Response(origin.body, origin),
  "/wrap-manual": ({ body, headers }) => new Response(body, { headers, encodeBody: "manual" }),
  /** JavaScript reads it. */
  "/read": async (origin) => {
    const { headers } = origin;
    const text = await origin.text();
    return new Response(`${headers.get("content-encoding")}: ${text}`);
  },
  "/stream": async (origin) => {
    let text = "";
    for await (const chunk of origin.body.pipeThrough(new TextDecoderStream())) text += chunk;
    return new Response(text);
  },
  "/clone": async (origin) => {
    const copy = origin.clone();
    return new Response(`${await origin.text()}${await copy.text()}`);
  },
  /** The new headers say nothing of a coding, so it is undone on the way. */
  "/strip": ({ body, headers }) => {
    const kept = new Headers(headers);
    kept.delete("content-encoding");
    return new Response(body, { headers: kept });
  },
  /** Up again, with and without the header. */
  "/upload": async ({ body }, to) => fetch(`${to}/echo`, { method: "POST", body }),
  "/upload-labelled": async ({ body, headers }, to) =>
    fetch(`${to}/echo`, { method: "POST", body, headers }),
};

export default {
  async fetch(request) {
    const to = request.headers.get("x-neighbour");
    const [, path, name] = new URL(request.url).pathname.split("/");
    const origin = await fetch(`${to}/${name}`);
    try {
      return await paths[`/${path}`](origin, to);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 502 });
    }
  },
};
