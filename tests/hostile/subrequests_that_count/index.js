// One subrequest after the other, far more than a request may have.
export default {
  async fetch() {
    for (let count = 0; count < 20_000; count += 1) {
      try {
        await fetch("http://127.0.0.1:1/");
      } catch ({ message }) {
        if (message.startsWith("Too many subrequests")) return new Response(`after ${count}`);
      }
    }
    throw new Error("more subrequests than 10,000");
  },
};
