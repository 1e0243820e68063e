/** The other Worker. */
const encoder = new TextEncoder();

const paths = {
  "/echo": async (request, url) => {
    const own = /^(x-|content-type)/;
    const headers = [...request.headers].filter(([name]) => own.test(name));
    const line = `${request.method} ${url.pathname}${url.search}`;
    const lines = [line, ...headers.map((pair) => pair.join("=")), await request.text()];
    return new Response(lines.filter(Boolean).join("\n"));
  },
  "/json": () => Response.json({ list: [1, 2] }),
  "/number": (request, url) => new Response(url.searchParams.get("n")),
  "/status": () => {
    const headers = { "x-neighbour": "yes" };
    return new Response("gone\n", { status: 410, statusText: "Long Gone", headers });
  },
  "/cookies": () => new Response("", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] }),
  "/redirect": (request, url) => {
    const location = url.searchParams.get("to");
    const again = location === "/redirect" ? "?to=/redirect" : "";
    const status = Number(url.searchParams.get("status") ?? 302);
    return new Response(null, { status, headers: { location: location + again } });
  },
  "/slow": () => {
    let count = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await scheduler.wait(2);
          if (count === 3) controller.close();
          else controller.enqueue(encoder.encode(`slow ${(count += 1)}\n`));
        },
      }),
    );
  },
  "/never": () => scheduler.wait(60_000).then(() => new Response("late")),
  "/endless": () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await scheduler.wait(2);
          controller.enqueue(encoder.encode("more"));
        },
      }),
    ),
  "/throws": () => {
    throw new Error("the neighbour threw");
  },
  "/breaks": () => {
    let first = true;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (!first) {
            await scheduler.wait(50);
            throw new Error("the neighbour broke off");
          }
          first = false;
          controller.enqueue(encoder.encode("first"));
        },
      }),
    );
  },
};

export default {
  fetch(request) {
    const url = new URL(request.url);
    return paths[url.pathname](request, url);
  },
};
