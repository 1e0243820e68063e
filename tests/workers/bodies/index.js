/** Ways to read a request's body. */
const readers = {
  "/text": (request) => request.text(),
  "/json": async (request) => JSON.stringify(await request.json()),
  "/bytes": async (request) => [...(await request.bytes())].join(" "),
  "/buffer": async (request) => (await request.arrayBuffer()).byteLength,
  "/blob": async (request) => {
    const blob = await request.blob();
    return `${blob.size} ${blob.type} ${await blob.text()}`;
  },
  "/form": async (request) => JSON.stringify([...(await request.formData())]),
  "/null": (request) => `${request.body} ${request.bodyUsed}`,
  "/twice": async (request) => {
    await request.text();
    const second = await request.text().catch((error) => `${error.name}: ${error.message}`);
    return `${request.bodyUsed}\n${second}`;
  },
  "/clone": async (request) => {
    const copy = request.clone();
    return `${await request.text()} | ${await copy.text()}`;
  },
  "/lent": async (request) => {
    const other = new Request("http://other.example/", request);
    const before = `${request.bodyUsed} ${other.bodyUsed}`;
    return `${before} ${await request.text()} ${other.bodyUsed}`;
  },
  "/handed-over": async (request) => {
    const other = new Request(request);
    return `${request.bodyUsed} ${other.bodyUsed} ${await other.text()}`;
  },
  "/tee": async (request) => {
    const [left, right] = request.body.tee();
    const texts = await Promise.all([new Response(left).text(), new Response(right).text()]);
    return texts.join(" | ");
  },
  "/chunks": async (request) => {
    let text = "";
    for await (const chunk of request.body) {
      text += new TextDecoder().decode(chunk);
    }
    return text;
  },
  "/reader": async (request) => {
    const reader = request.body.getReader();
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return `${length} bytes`;
      length += value.length;
    }
  },
  "/byob": async (request) => {
    const reader = request.body.getReader({ mode: "byob" });
    const { value } = await reader.readAtLeast(4, new Uint8Array(16));
    return `${value.length} ${new TextDecoder().decode(value)}`;
  },
  "/unread": () => "the body was not touched",
  "/cancel": async (request) => {
    await request.body.cancel();
    return "cancelled";
  },
};

export default {
  async fetch(request) {
    const read = readers[new URL(request.url).pathname];
    try {
      return new Response(`${await read(request)}\n`);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 400 });
    }
  },
};
