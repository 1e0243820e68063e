/** A server of events. */
const events = (text) => new Response(text, { headers: { "content-type": "text/event-stream" } });

export default {
  fetch(request) {
    const seen = request.headers.get("last-event-id");
    const paths = {
      "/events": () =>
        seen === null
          ? events("retry: 1\nid: 1\ndata: first\ndata: line\n\nevent: custom\ndata: second\n\n")
          : events(`data: seen: ${seen}\n\n`),
      "/status": () => new Response("data: no\n\n", { status: 404 }),
      "/type": () => new Response("data: no\n\n"),
      "/no-content": () => new Response(null, { status: 204 }),
    };
    return paths[new URL(request.url).pathname]();
  },
};
