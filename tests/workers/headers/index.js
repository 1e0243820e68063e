/** Headers in and out. */
const paths = {
  "/in": (request) => {
    const list = [...request.headers].filter(([name]) => name !== "host");
    return new Response(list.map(([name, value]) => `${name}=${value}\n`).join(""));
  },
  "/get": (request) => {
    const { headers } = request;
    const none = [headers.has("x-none"), headers.get("x-none")];
    return Response.json([headers.get("X-One"), ...none, headers.get("cookie")]);
  },
  "/immutable": (request) => {
    request.headers.set("x-a", "b");
  },
  "/set-cookie": () => {
    const headers = new Headers();
    headers.append("set-cookie", "a=1; Path=/");
    headers.append("Set-Cookie", "b=2, with a comma");
    const list = JSON.stringify(headers.getSetCookie());
    return new Response(`${list}\n${headers.get("set-cookie")}\n`, { headers });
  },
  "/combined": () => {
    const headers = new Headers([["x-list", "a"], ["X-List", "b"]]);
    headers.append("x-list", "c");
    return new Response(`${headers.get("x-list")}\n`, { headers });
  },
  "/bad-name": () => new Response("", { headers: { "bad name": "x" } }),
  "/bad-value": () => new Response("", { headers: { "x-a": "line\nbreak" } }),
  "/latin1": () => new Response("latin1\n", { headers: { "x-latin1": "caf\u00e9" } }),
  "/not-latin1": () => {
    try {
      return new Response("", { headers: { "x-a": "\u0394" } });
    } catch (error) {
      return new Response(`${error.name}\n`);
    }
  },
  "/order": () => new Response([...new Headers({ b: "2", A: "1", c: "3" })].join(" ") + "\n"),
  "/delete": () => {
    const response = new Response("deleted\n", { headers: { "x-gone": "1", "x-stays": "2" } });
    response.headers.delete("x-gone");
    response.headers.delete("content-type");
    return response;
  },
};

export default {
  fetch(request) {
    try {
      return paths[new URL(request.url).pathname](request) ?? new Response("nothing was thrown\n");
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 500 });
    }
  },
};
