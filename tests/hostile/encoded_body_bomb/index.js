// An endless stream of zeros is declared as gzip, so that the server compresses it for ever.
export default {
  fetch() {
    const zeros = new Uint8Array(1 << 16);
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(zeros.slice());
      },
    });
    return new Response(stream, { headers: { "content-encoding": "gzip" } });
  },
};
