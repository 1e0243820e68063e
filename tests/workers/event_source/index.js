/** EventSource: events of another server, of a stream, and how it ends. */
const STATES = ["CONNECTING", "OPEN", "CLOSED"];
const list = (lines) => new Response(`${lines.join("\n")}\n`);

/** Notes what happens until `isOver` says so. */
function watch(source, types, isOver) {
  const lines = [];
  return new Promise((resolve) => {
    const note = (event) => {
      const { data, lastEventId, origin, type } = event;
      const isMessage = event instanceof MessageEvent;
      const id = origin === "" ? lastEventId : `${lastEventId} of the origin`;
      const more = isMessage ? ` ${JSON.stringify(data)} [${id}]` : "";
      lines.push(`${type}${more} ${STATES[source.readyState]} ${event.isTrusted}`);
      if (!isOver(event, lines)) return;
      source.close();
      resolve(list(lines));
    };
    for (const type of types) source.addEventListener(type, note);
  });
}

const TYPES = ["open", "message", "custom", "error"];

/** Two connections, with an ID in between. */
const events = (to) =>
  watch(new EventSource(`${to}/events`), TYPES, (event) => event.data === "seen: 1");

const ends = (path) => (to) =>
  watch(new EventSource(to + path), TYPES, ({ target }) => target.readyState === 2);

function streamOf(text, size) {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
      controller.close();
    },
  });
}

const TEXT =
  "\ufeff: a comment\r\ndata: é\r\ndata\r\n\r\nid: 7\rdata:😀\revent: custom\r\r" +
  "retry: 1\nid: x\0y\n\ndata:  spaces \nData: no\n\nevent: custom\n\ndata: no end";

const split = async () => {
  const texts = [];
  for (const size of [1, 2, 3, 7, 1000]) {
    const source = EventSource.from(streamOf(TEXT, size));
    texts.push(await (await watch(source, TYPES, ({ type }) => type === "error")).text());
  }
  return list([texts[0], new Set(texts).size]);
};

const outcome = (run) => {
  try {
    return String(run());
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

function wrong() {
  const locked = new ReadableStream();
  locked.getReader();
  return list([
    outcome(() => new EventSource()),
    outcome(() => new EventSource("http://not valid")),
    outcome(() => new EventSource("/relative")),
    outcome(() => new EventSource("http://example.com", 1)),
    outcome(() => new EventSource("http://example.com", { fetcher: 1 })),
    outcome(() => EventSource.from()),
    outcome(() => EventSource.from({})),
    outcome(() => EventSource.from(locked)),
    outcome(() => EventSource.prototype.url),
    outcome(() => EventSource.prototype.close.call({})),
    `${EventSource.CONNECTING} ${EventSource.OPEN} ${EventSource.prototype.CLOSED}`,
  ]);
}

/** A binding, or whatever answers, in place of the network. */
const fetcher = () => {
  const asked = [];
  const answer = {
    fetch(url, init) {
      asked.push(url, new Headers(init.headers).get("accept"));
      return new Response("data: own\n\n", { headers: { "content-type": "text/event-stream" } });
    },
  };
  const source = new EventSource("https://events.invalid/x", { fetcher: answer });
  return watch(source, TYPES, ({ type }) => type === "message").then(async (response) =>
    list([await response.text(), ...asked]),
  );
};

/** Bytes without end, and no event in them. */
const endless = () => {
  const chunk = new Uint8Array(1 << 16).fill(97);
  const stream = new ReadableStream({ pull: (controller) => controller.enqueue(chunk.slice()) });
  return watch(EventSource.from(stream), TYPES, ({ type }) => type === "error");
};

/** A listener that throws is reported, and the next one is called. */
const throwing = () => {
  const source = EventSource.from(streamOf("data: 1\n\ndata: 2\n\n", 100));
  source.onmessage = () => {
    throw new Error("from a listener");
  };
  return watch(source, ["message", "error"], ({ type }) => type === "error");
};

const closed = (to) => {
  const source = new EventSource(`${to}/events`);
  const states = [STATES[source.readyState], source.url.endsWith("/events")];
  source.close();
  source.close();
  states.push(STATES[source.readyState], source.withCredentials);
  source.onerror = () => states.push("an error");
  return scheduler.wait(50).then(() => list(states));
};

let kept;
const keep = (to) => {
  kept = new EventSource(`${to}/events`, { withCredentials: true });
  return list([kept.withCredentials]);
};
const useKept = () => list([outcome(() => kept.readyState), outcome(() => kept.close())]);

const paths = {
  "/events": events,
  "/status": ends("/status"),
  "/type": ends("/type"),
  "/no-content": ends("/no-content"),
  "/scheme": () => ends("")("ftp://example.com/"),
  "/split": split,
  "/wrong": wrong,
  "/fetcher": fetcher,
  "/endless": endless,
  "/throwing": throwing,
  "/closed": closed,
  "/keep": keep,
  "/use-kept": useKept,
};

export default {
  fetch(request) {
    const to = request.headers.get("x-neighbour");
    return paths[new URL(request.url).pathname](to);
  },
};
