// A FixedLengthStream gets more bytes than it was made for.
export default {
  fetch(request, env, ctx) {
    const { readable, writable } = new FixedLengthStream(10);
    const writer = writable.getWriter();
    const send = async () => {
      await writer.write(new Uint8Array(5));
      await writer.write(new TextEncoder().encode("12345HTTP/1.1 200 OK\r\n\r\n"));
      await writer.close();
    };
    ctx.waitUntil(send().catch(() => {}));
    return new Response(readable);
  },
};
