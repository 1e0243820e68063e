// A response with one header of a megabyte.
export default {
  fetch() {
    const { headers } = new Response();
    headers.set("x-huge", "y".repeat(1_000_000));
    return new Response("ok", { headers, statusText: "z".repeat(100) });
  },
};
