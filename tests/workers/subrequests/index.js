/** Requests from one Worker to another. */
const paths = {
  "/get": async (to) => show(await fetch(`${to}/echo?a=b`, { headers: { "x-own": "1" } })),
  "/post": async (to) => show(await fetch(`${to}/echo`, { method: "POST", body: "posted" })),
  "/json": async (to) => {
    const response = await fetch(`${to}/json`);
    return new Response(JSON.stringify((await response.json()).list));
  },
  "/stream-up": async (to) => {
    const encoder = new TextEncoder();
    const body = ReadableStream.from([encoder.encode("up "), encoder.encode("stream")]);
    return show(await fetch(`${to}/echo`, { method: "PUT", body }));
  },
  "/forward": (to, request) => fetch(new Request(`${to}/echo`, request)),
  "/stream-down": (to) => fetch(`${to}/slow`),
  "/transform": async (to) => {
    const response = await fetch(`${to}/slow`);
    const upper = new TransformStream({
      transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
    });
    const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper);
    return new Response(body.pipeThrough(new TextEncoderStream()), response);
  },
  "/redirect-follow": async (to) => {
    const response = await fetch(`${to}/redirect?to=/echo`);
    const { status, redirected, url } = response;
    return new Response(`${status} ${redirected} ${new URL(url).pathname}\n`);
  },
  "/redirect-post-303": async (to) => {
    const post = { method: "POST", body: "x" };
    return show(await fetch(`${to}/redirect?to=/echo&status=303`, post));
  },
  "/redirect-post-307": async (to) => {
    const post = { method: "POST", body: "x" };
    return show(await fetch(`${to}/redirect?to=/echo&status=307`, post));
  },
  "/redirect-manual": async (to) => {
    const response = await fetch(`${to}/redirect?to=/echo`, { redirect: "manual" });
    const { status, headers, type } = response;
    return new Response(`${status} ${headers.get("location")} ${type}\n`);
  },
  "/redirect-error": async (to) =>
    show(await fetch(`${to}/redirect?to=/echo`, { redirect: "error" })),
  "/redirect-loop": async (to) => show(await fetch(`${to}/redirect?to=/redirect`)),
  "/abort": async (to) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    return show(await fetch(`${to}/never`, { signal: controller.signal }));
  },
  "/abort-body": async (to) => {
    const controller = new AbortController();
    const response = await fetch(`${to}/endless`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    return show(response);
  },
  "/aborted-before": async (to) => show(await fetch(`${to}/echo`, { signal: AbortSignal.abort() })),
  "/timeout": async (to) => show(await fetch(`${to}/never`, { signal: AbortSignal.timeout(10) })),
  "/refused": () => fetch("http://127.0.0.1:1/").catch(() => new Response("refused\n")),
  "/bad-url": async () => show(await fetch("not a url")),
  "/bad-scheme": async () => show(await fetch("ftp://example.com/")),
  "/private": async () => show(await fetch("http://10.0.0.1/")),
  "/metadata": async () => show(await fetch("http://169.254.169.254/latest/meta-data/")),
  "/get-with-body": async (to) => show(await fetch(to, { body: "x" })),
  "/data-url": async () => show(await fetch("data:text/plain,hello%20data")),
  "/many": async (to) => {
    const sent = Array.from({ length: 10 }, (_, i) => fetch(`${to}/number?n=${i}`));
    const responses = await Promise.all(sent);
    const texts = await Promise.all(responses.map((response) => response.text()));
    return new Response(`${texts.join(" ")}\n`);
  },
  "/status": (to) => fetch(`${to}/status`),
  "/immutable": async (to) => {
    const response = await fetch(`${to}/json`);
    response.headers.set("x-a", "b");
    return response;
  },
  "/clone": async (to) => {
    const response = await fetch(`${to}/json`);
    const copy = response.clone();
    return new Response(`${await response.text()} | ${await copy.text()}\n`);
  },
  "/cookies": async (to) => {
    const response = await fetch(`${to}/cookies`);
    return new Response(`${JSON.stringify(response.headers.getSetCookie())}\n`);
  },
  "/throws": async (to) => {
    const response = await fetch(`${to}/throws`);
    return new Response(`${response.status}\n`);
  },
  "/breaks": async (to) => {
    const response = await fetch(`${to}/breaks`);
    const text = await response.text().catch((error) => error.message);
    return new Response(`${text}\n`);
  },
  "/unread-many": async (to) => {
    const responses = [];
    for (let i = 0; i < 8; i += 1) responses.push(await fetch(`${to}/endless`));
    const read = async (response) => {
      const reader = response.body.getReader();
      const text = await reader.read().then(() => "open", (error) => error.message);
      await reader.cancel().catch(() => {});
      return text;
    };
    return new Response(`${(await Promise.all(responses.map(read))).join("\n")}\n`);
  },
  "/busy": async (to) => {
    // All six are being read, so none is cancelled: the seventh waits until one is.
    const busy = await Promise.all(Array.from({ length: 6 }, () => fetch(`${to}/endless`)));
    const readers = busy.map((response) => response.body.getReader());
    let open = true;
    const reading = readers.map(async (reader) => {
      while (open && !(await reader.read()).done);
    });
    let arrived = false;
    const seventh = fetch(`${to}/number?n=7`).then((response) => {
      arrived = true;
      return response.text();
    });
    await scheduler.wait(50);
    const before = arrived;
    await readers[0].cancel();
    const text = await seventh;
    open = false;
    await Promise.all(reading);
    return new Response(`${before} ${text}\n`);
  },
  "/unread": async (to) => {
    const statuses = [];
    for (let i = 0; i < 8; i += 1) statuses.push((await fetch(`${to}/number?n=${i}`)).status);
    return new Response(`${statuses}\n`);
  },
};

async function show(response) {
  return new Response(`${response.status} ${response.ok}\n${await response.text()}\n`);
}

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    try {
      return await paths[pathname](request.headers.get("x-neighbour"), request);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}\n`, { status: 502 });
    }
  },
};
