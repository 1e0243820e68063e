/** Several requests at once in one isolate, each with its own state. */
let running = 0;
let most = 0;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/most") return new Response(`at most ${most} at once\n`);
    running += 1;
    most = Math.max(most, running);
    // Wait until the others are here, but not for ever; each request uses timers of its own.
    for (let turns = 0; most < 4 && turns < 2000; turns += 1) await scheduler.wait(5);
    const text = await request.text();
    running -= 1;
    return new Response(`${pathname} ${text}\n`, { headers: { "x-path": pathname } });
  },
};
