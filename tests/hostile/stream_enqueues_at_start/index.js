// A response stream enqueues without end before anybody reads it.
export default {
  fetch() {
    const stream = new ReadableStream({
      start(controller) {
        for (;;) {
          controller.enqueue(new Uint8Array(10_000));
          if (controller.desiredSize > 0) return;
        }
      },
    });
    return new Response(stream);
  },
};
