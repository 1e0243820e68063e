// Does what a timing attack does: something that takes a while, then a look at the clock, which has
// moved because the turn before has ended.
export default {
  async fetch(request) {
    if (new URL(request.url).pathname !== "/time") return new Response("fine");
    let sum = 0;
    const times = [];
    for (let measurement = 0; measurement < 50; measurement++) {
      await scheduler.wait(1);
      times.push(Date.now());
      for (let i = 0; i < 3_000_000; i++) sum += i % 7;
    }
    return new Response(`${times.length} ${sum}`);
  },
};
