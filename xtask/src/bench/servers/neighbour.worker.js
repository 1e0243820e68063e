/** The Worker of the row `neighbour`: it answers, burns its time or fills its memory. */
export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/loop") {
      for (;;);
    }
    if (pathname === "/allocate") {
      for (const kept = []; ; ) kept.push(new Array(1000).fill(kept.length));
    }
    return new Response("Hello World!");
  },
};
