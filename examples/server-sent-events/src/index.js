/** A response that goes on: an event every so often, until the client has enough. */

const EVENTS_MAX = 1000;
const INTERVAL_MS_MAX = 10_000;

const PAGE = `<!doctype html>
<title>Server-sent events</title>
<ol id="list"></ol>
<script>
  const source = new EventSource("/events?count=10&interval=1000");
  source.addEventListener("tick", (event) => {
    const item = document.createElement("li");
    item.textContent = event.data;
    document.getElementById("list").append(item);
  });
  source.addEventListener("done", () => source.close());
</script>
`;

export default {
  /** @param {Request} request */
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname !== "/events") {
      return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
    }
    const count = bounded(url.searchParams.get("count") ?? 5, EVENTS_MAX);
    const interval = bounded(url.searchParams.get("interval") ?? 1000, INTERVAL_MS_MAX);
    return new Response(events(count, interval), {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  },
};

/** A whole number from 0 to `max`. */
function bounded(text, max) {
  return Math.min(Math.max(Math.trunc(Number(text)) || 0, 0), max);
}

function events(count, interval) {
  const encoder = new TextEncoder();
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent === count) {
        controller.enqueue(encoder.encode("event: done\ndata: bye\n\n"));
        controller.close();
        return;
      }
      if (sent > 0) {
        await new Promise((resolve) => setTimeout(resolve, interval));
      }
      sent += 1;
      controller.enqueue(encoder.encode(`id: ${sent}\nevent: tick\ndata: tick ${sent}\n\n`));
    },
  });
}
