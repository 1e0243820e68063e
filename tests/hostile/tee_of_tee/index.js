// A stream is teed into thousands of branches of which one is read: the others keep every chunk.
export default {
  async fetch() {
    let stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(10_000).fill(1));
      },
    });
    const kept = [];
    for (let i = 0; i < 1000; i += 1) {
      const [read, rest] = stream.tee();
      kept.push(rest);
      stream = read;
    }
    for await (const chunk of stream) kept.push(chunk.slice());
    return new Response("done");
  },
};
