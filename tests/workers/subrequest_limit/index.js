/** More subrequests than `limits.subrequests`; redirects count. */
export default {
  async fetch(request) {
    const to = request.headers.get("x-neighbour");
    const path = new URL(request.url).pathname;
    const log = [];
    try {
      for (let i = 0; i < 6; i += 1) {
        const response = await fetch(to + path);
        log.push(`${response.status} ${await response.text()}`);
      }
    } catch (error) {
      log.push(`${error.name}: ${error.message}`);
    }
    return new Response(`${log.join("\n")}\n`);
  },
};
