// A response whose first bytes are sent, and whose stream then never goes on and never ends.
export default {
  fetch() {
    let sent = false;
    const stream = new ReadableStream({
      pull(controller) {
        if (sent) return new Promise(() => {});
        sent = true;
        controller.enqueue(new TextEncoder().encode("first bytes"));
      },
      cancel: () => new Promise(() => {}),
    });
    return new Response(stream);
  },
};
