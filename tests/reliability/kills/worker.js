// Answers at once, after a moment, or with what an origin says.
export default {
  async fetch(request) {
    const { hostname, pathname, searchParams } = new URL(request.url);
    if (pathname === "/wait") await scheduler.wait(20);
    if (pathname === "/fetch") {
      try {
        const origin = searchParams.get("from");
        const response = await fetch(origin, { method: "POST", body: "posted" });
        return new Response(await response.text());
      } catch (error) {
        return new Response(`no origin: ${error.message}`, { status: 502 });
      }
    }
    return new Response(`${pathname} of ${hostname}`);
  },
};
