/** Thousands of subrequests, to an origin of the test. */
let count = 0;

const outcome = (sent) =>
  sent.then(
    (response) => String(response.status),
    (error) => error.message,
  );

/** How many of each outcome there are after a while; what waits longer counts as waiting. */
async function tally(sent, patience = 300) {
  const late = scheduler.wait(patience).then(() => "waiting");
  const outcomes = await Promise.all(sent.map((one) => Promise.race([outcome(one), late])));
  const counts = {};
  for (const one of outcomes) counts[one] = (counts[one] ?? 0) + 1;
  return Response.json(counts);
}

const paths = {
  "/ok": () => new Response("ok"),
  "/count": () => new Response(String((count += 1))),
  /** They share one header of 100 kB. */
  "/queue": (to) => {
    const request = new Request(`${to}/silent`, { headers: { x: "y".repeat(100_000) } });
    return tally(Array.from({ length: 4_000 }, () => fetch(request)));
  },
  "/unread": (to) => tally(Array.from({ length: 2_000 }, () => fetch(`${to}/endless`))),
  /** Six responses that nobody reads but uploads, which wait for connections. */
  "/uploads": async (to) => {
    const from = [await fetch(`${to}/endless`)];
    while (from.length < 6) from.push(await fetch(`${to}/short`));
    const upload = ({ body }) => fetch(`${to}/sink`, { method: "POST", body });
    return tally(from.map(upload), 30_000);
  },
  "/names": () => tally(Array.from({ length: 300 }, (_, n) => fetch(`http://n${n}.invalid/`))),
  "/follow": async (to, request) => {
    const response = await fetch(`${to}/moved?${new URL(request.url).search}`);
    return new Response(`${new URL(response.url).pathname} ${await response.text()}`);
  },
  "/silent-body": async (to) => {
    const { body } = await fetch(`${to}/silent-body`);
    const reader = body.getReader();
    await reader.read();
    const pending = reader.read();
    await reader.cancel();
    return new Response(`${(await pending).done}`);
  },
  "/long": async (to) => {
    const long = "y".repeat(1_000_000);
    const fails = [
      fetch(`${to}/${long}`),
      fetch(to, { headers: { x: long } }),
      fetch(to, { method: long }),
      fetch(to, { cf: { x: long } }),
    ];
    return new Response((await Promise.all(fails.map(outcome))).join("\n"));
  },
  "/upload": async (to, request) => {
    try {
      return new Response(await request.text());
    } catch (error) {
      console.log(`upload: ${error.message}`);
      throw error;
    }
  },
};

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    return paths[pathname](request.headers.get("x-to"), request);
  },
};
