// Every place that catches errors (promises, listeners, streams, reportError) is told to go on
// after a termination.
const spin = () => {
  try {
    for (;;);
  } finally {
    spin();
  }
};

export default {
  async fetch() {
    addEventListener("error", spin);
    addEventListener("unhandledrejection", spin);
    const target = new EventTarget();
    target.addEventListener("go", { handleEvent: spin });
    setTimeout(spin, 0);
    queueMicrotask(spin);
    new ReadableStream({ start: spin }).cancel().catch(spin);
    target.dispatchEvent(new Event("go"));
    await Promise.reject(new Error("again")).catch(spin).finally(spin);
    return new Response("came out");
  },
};
