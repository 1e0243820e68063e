// Takes more memory than its process may have, or loops without end, when it is asked to.
let count = 0;
const kept = [];

export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/count":
        return new Response(`${++count}`);
      case "/loop":
        for (;;);
      case "/eat":
        for (let chunk = 0; chunk < 48; ++chunk) kept.push(new Uint8Array(16 << 20).fill(1));
    }
    return new Response("fine");
  },
};
