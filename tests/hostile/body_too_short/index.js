// A FixedLengthStream gets fewer bytes than it was made for, so that a client would wait for the
// rest.
export default {
  fetch(request, env, ctx) {
    const { readable, writable } = new FixedLengthStream(1_000_000);
    const writer = writable.getWriter();
    const send = async () => {
      await writer.write(new Uint8Array(500));
      await writer.close();
    };
    ctx.waitUntil(send().catch(() => {}));
    return new Response(readable, { headers: { "content-length": "3" } });
  },
};
