// Subrequests whose parts are made to break a parser: line breaks, null bytes, lengths that lie,
// odd methods.
const bad = [
  { headers: { "x": "a\r\nhost: evil" } }, { headers: { "x": "a\nb" } },
  { headers: { "x": "a\0b" } },
  { headers: { "x\r\ny": "a" } }, { headers: { "x ": "a" } }, { headers: { ":path": "/x" } },
  { headers: { "": "a" } }, { method: "GET / HTTP/1.1\r\n\r\nGET" }, { method: "CONNECT" },
  { method: "TRACE" }, { method: "" }, { method: "GET\0" }, { method: "GET", body: "x" },
  { headers: [["a"]] }, { headers: [["a", "b", "c"]] }, { redirect: "x" },
];

export default {
  async fetch() {
    const accepted = [];
    for (const init of bad) {
      try {
        new Request("http://example.com/", init);
        accepted.push(JSON.stringify(init));
      } catch (error) {
        if (!(error instanceof TypeError)) accepted.push(`${error}`);
      }
    }
    return new Response(accepted.length === 0 ? "contained" : `LEAKED: ${accepted.join("\n")}`);
  },
};
