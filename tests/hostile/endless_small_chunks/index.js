// A response that never ends: a byte every millisecond, each after a little work.
export default {
  fetch() {
    const byte = new Uint8Array(1);
    const stream = new ReadableStream({
      async pull(controller) {
        await scheduler.wait(1);
        for (let i = 0; i < 100_000; i += 1) Math.sqrt(i);
        controller.enqueue(byte.slice());
      },
    });
    return new Response(stream);
  },
};
