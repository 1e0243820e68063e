/** Header values and reason phrases beyond ASCII: text here, UTF-8 on the wire. */
const show = (headers) =>
  JSON.stringify([...headers].filter(([name]) => name.startsWith("x-") && name !== "x-neighbour"));

function many(count) {
  const headers = new Headers();
  for (let i = 0; i < count; i++) headers.append(`x-${i}`, "");
  return headers;
}
const attempt = async (promise) =>
  promise.then(
    (response) => response.text(),
    (error) => new Response(`${error.name}: ${error.message}\n`).text(),
  );

const paths = {
  "/in": (to, request) => new Response(`${show(request.headers)}\n`),
  "/out": () =>
    new Response("text\n", {
      statusText: "Grüße",
      headers: { "x-latin": "é", "x-wide": "€", "x-pair": "\ud83d\ude00", "x-lone": "\ud83d" },
    }),
  "/echo": (to, request) =>
    new Response(null, { headers: { "x-echo": request.headers.get("x-text") } }),
  "/up": (to) => fetch(`${to}/`, { headers: [["x-text", "Grüße €"]] }),
  "/down": async (to) => {
    const { headers, statusText } = await fetch(`${to}/out`);
    return new Response(`${statusText}: ${show(headers)}\n`);
  },
  "/pass": (to) => fetch(`${to}/out`),
  "/copy": async (to) => {
    const response = await fetch(`${to}/out`);
    return new Response(response.body, response);
  },
  "/redirect": (to) => fetch(`${to}/redirect`),
  "/bad-name": () => new Response(null, { headers: { "x-é": "x" } }),
  "/bad-value": () => new Response(null, { headers: { "x-a": "a\nb" } }),
  "/fields-512": () => new Response("all of them\n", { headers: many(511) }),
  "/fields-513": () => new Response("too many\n", { headers: many(513) }),
  "/fields-25000": () => new Response("far too many\n", { headers: many(25_000) }),
  "/fields-up": async (to) =>
    new Response(await attempt(fetch(`${to}/`, { headers: many(25_000) }))),
};

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    try {
      return await paths[pathname](request.headers.get("x-neighbour"), request);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 500 });
    }
  },
};
