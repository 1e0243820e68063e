// Line breaks, null bytes and framing headers in a response, to start a second one on the
// connection.
const texts = ["a\r\n\r\nHTTP/1.1 200 OK", "a\nset-cookie: b", "a\rb", "a\0b", "\u0100"];

export default {
  fetch() {
    const made = [];
    for (const text of texts) {
      const headers = [{ x: text }, { [text]: "x" }].map((one) => ({ headers: one }));
      for (const init of [{ statusText: text }, ...headers]) {
        try {
          new Response("", init);
          if (text !== "\u0100" || !init.headers?.x) made.push(JSON.stringify(init));
        } catch (error) {
          if (!(error instanceof TypeError)) made.push(`${error}`);
        }
      }
    }
    const headers = { "content-length": "3", "transfer-encoding": "chunked", upgrade: "x" };
    const text = made.length === 0 ? "contained" : `LEAKED: ${made.join("\n")}`;
    return new Response(text, { headers });
  },
};
