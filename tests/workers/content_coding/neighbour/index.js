/** An origin whose bodies are coded, well or badly. */
const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

const gzip = bytes("H4sIAAAAAAAAA0tJTc5PSU1RKEmtKOECABt8CogNAAAA");
const deflate = bytes("eJxLSU3OT0lNUShJrSjhAgAizgS4");
const br = bytes("CwaAZGVjb2RlZCB0ZXh0CgM=");
const both = bytes("CxCAH4sIAAAAAAAAA0tJTc5PSU1RKEmtKOECABt8CogNAAAAAw==");
const plain = "plain text under a wrong label\n";

const bodies = {
  "/gzip": [gzip, "gzip"],
  "/upper": [gzip, "GZIP"],
  "/deflate": [deflate, "deflate"],
  "/br": [br, "br"],
  "/both": [both, "gzip, br"],
  "/mislabelled": [plain, "gzip"],
  "/unknown": [plain, "x-unknown"],
  "/mislabelled-twice": [plain, "gzip, br"],
};

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/echo") {
      const coding = request.headers.get("content-encoding");
      const length = request.headers.get("content-length");
      return new Response(`${coding} ${length} ${await request.text()}`);
    }
    if (pathname === "/part") {
      const headers = { "content-encoding": "gzip", "content-range": "bytes 0-6/31" };
      return new Response("partial", { status: 206, headers, encodeBody: "manual" });
    }
    const [body, coding] = bodies[pathname];
    return new Response(body, { headers: { "content-encoding": coding }, encodeBody: "manual" });
  },
};
