/** Somebody to fetch from. The body comes in two parts, so that it is never read ahead whole. */
export default {
  fetch() {
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(encoder.encode("part\n"));
        await scheduler.wait(50);
        controller.close();
      },
    });
    return new Response(body);
  },
};
