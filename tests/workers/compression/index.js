/** Compression streams: what they give, what they refuse, and how little they do unasked. */
const FORMATS = ["gzip", "deflate", "deflate-raw", "brotli"];
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text = "what is said three times is true; ".repeat(3000);

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const outcome = (promise) =>
  promise.then((value) => String(value), (error) => `${error.name}: ${error.message}`);
const through = (bytes, stream) =>
  new Response(new Blob([bytes]).stream().pipeThrough(stream)).bytes();
const compress = (bytes, format) => through(bytes, new CompressionStream(format));
const decompress = (bytes, format) => through(bytes, new DecompressionStream(format));
const textOf = async (bytes, format) => decoder.decode(await decompress(bytes, format));
const list = (lines) => new Response(`${lines.join("\n")}\n`);

/** Made by other programs; that of Brotli by hand, from RFC 7932. */
const KNOWN = {
  gzip: "H4sICDAAAAAC/25hbWUAy0jNyclXKM8vyknhAgAtOwivDAAAAA==",
  deflate: "eJzLSM3JyVcozy/KSeECAB5yBGc=",
  "deflate-raw": "y0jNyclXKM8vyknhAgA=",
  brotli: "IQgABGZvbwM=",
};

/** Deflated bytes that grow twenty times twenty times as they are: a zero, and then again and again
 * "repeat the last byte 258 times", in 13 bits. They have no end. */
function bomb(length) {
  const bytes = new Uint8Array(length);
  let at = 0;
  const put = (bits) => {
    for (const bit of bits) bytes[at >> 3] |= Number(bit) << (at++ & 7);
  };
  put("010");
  put("00110000");
  for (let i = 0; i < 16; i++) put("1100010100000");
  // Eight repetitions are 13 bytes; those at 13 are as all later ones are.
  for (let i = 26; i < length; i++) bytes[i] = bytes[i - 13];
  return bytes;
}

async function roundTrips() {
  const lines = [];
  for (const format of FORMATS) {
    const packed = await compress(encoder.encode(text), format);
    const same = (await textOf(packed, format)) === text;
    lines.push(`${format}: ${same}, smaller: ${packed.length < 2000}`);
  }
  return list(lines);
}

async function known() {
  const lines = [];
  for (const format of FORMATS) {
    lines.push(JSON.stringify(await outcome(textOf(bytesOf(KNOWN[format]), format))));
  }
  return list(lines);
}

async function broken() {
  const lines = [];
  for (const format of FORMATS) {
    const good = bytesOf(KNOWN[format]);
    const bad = {
      truncated: good.slice(0, -1),
      empty: new Uint8Array(),
      followed: Uint8Array.from([...good, 0]),
      twice: Uint8Array.from([...good, ...good]),
      "not it": encoder.encode("\xff\xff this is not compressed"),
    };
    for (const [name, bytes] of Object.entries(bad)) {
      lines.push(`${format}, ${name}: ${await outcome(decompress(bytes, format))}`);
    }
  }
  return list(lines);
}

async function wrong() {
  const lines = [];
  const attempt = (make) => {
    try {
      lines.push(String(make()));
    } catch (error) {
      lines.push(`${error.name}: ${error.message}`);
    }
  };
  for (const Class of [CompressionStream, DecompressionStream]) {
    attempt(() => new Class());
    attempt(() => new Class("zip"));
    attempt(() => new Class("__proto__"));
    attempt(() => Class("gzip"));
    attempt(() => Class.prototype.readable);
    const chunks = ["text", 1, null, {}, [1], new SharedArrayBuffer(4)];
    chunks.push(new Uint8Array(new SharedArrayBuffer(4)));
    for (const chunk of chunks) {
      const { readable, writable } = new Class("gzip");
      const [written, read] = [writable.getWriter().write(chunk), readable.getReader().read()];
      lines.push(await outcome(written), `  read: ${await outcome(read)}`);
    }
  }
  return list(lines);
}

/** Nobody reads: the write waits. */
async function unread() {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = outcome(writer.write(bomb(1 << 20)));
  const late = scheduler.wait(20).then(() => "waits");
  const lines = [await Promise.race([written, late])];
  const { value } = await readable.getReader().read();
  const later = scheduler.wait(20).then(() => "waits");
  lines.push(value.length, await Promise.race([written, later]));
  await writer.abort(new Error("enough"));
  lines.push(await written, await outcome(writer.closed));
  return list(lines);
}

/** More comes out than an isolate may hold. */
async function bombRead() {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = outcome(writer.write(bomb(1 << 20)).then(() => writer.close()));
  let [total, largest] = [0, 0];
  const read = async () => {
    for await (const chunk of readable) {
      total += chunk.length;
      largest = Math.max(largest, chunk.length);
    }
  };
  const end = await outcome(read());
  return list([total, largest, end, await written]);
}

async function cancelled() {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = outcome(writer.write(bomb(1 << 20)));
  const reader = readable.getReader();
  await reader.read();
  await reader.cancel(new Error("enough"));
  return list([await written, await outcome(writer.write(new Uint8Array(1)))]);
}

/** The writer takes its memory away while the stream works on it. */
async function detached() {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const chunk = bomb(1 << 20);
  const written = outcome(writable.getWriter().write(chunk));
  const reader = readable.getReader();
  await reader.read();
  structuredClone(chunk, { transfer: [chunk.buffer] });
  return list([await outcome(reader.read()), await written]);
}

/** Code that runs as a read is answered cancels the stream, and opens another. */
async function reentrant() {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const reader = readable.getReader();
  let count = 0;
  const read = reader.read();
  Object.defineProperty(Object.prototype, "then", {
    configurable: true,
    get() {
      if (Object.hasOwn(this, "done") && count++ === 0) reader.cancel(new Error("from within"));
      return undefined;
    },
  });
  const written = writable.getWriter().write(bomb(1 << 20));
  const result = await outcome(written);
  delete Object.prototype.then;
  return list([result, (await read).value.length, count > 0]);
}

/** Streams that are left alone in the middle are collected, for all together are too large. */
async function abandoned() {
  for (let i = 0; i < 1000; i++) {
    const { readable, writable } = new CompressionStream("gzip");
    writable.getWriter().write(encoder.encode("a"));
    await readable.getReader().read();
    if (i % 10 === 0) await scheduler.wait(0);
  }
  return list(["all were made"]);
}

const paths = {
  "/round-trips": roundTrips,
  "/known": known,
  "/broken": broken,
  "/wrong": wrong,
  "/unread": unread,
  "/bomb-read": bombRead,
  "/cancelled": cancelled,
  "/detached": detached,
  "/reentrant": reentrant,
  "/abandoned": abandoned,
  "/response": () => {
    const body = new Response("in a response\n").body.pipeThrough(new CompressionStream("gzip"));
    return new Response(body.pipeThrough(new DecompressionStream("gzip")));
  },
  "/inspect": () => list([String(new CompressionStream("gzip")), CompressionStream.length]),
};

export default { fetch: (request) => paths[new URL(request.url).pathname]() };
