/** Clients that leave: the signals that a Worker gets, and work that goes on. */
const notes = [];
let once;

const encoder = new TextEncoder();

/** A stream that goes on until its client leaves; the listeners do I/O. */
function endless(request, ctx) {
  const note = (what) => fetch(new URL(`/note?${what}`, request.url));
  request.signal.addEventListener("abort", () => note(`abort-${request.signal.reason.name}`));
  return new Response(
    new ReadableStream({
      async pull(controller) {
        await scheduler.wait(5);
        controller.enqueue(encoder.encode("more\n"));
      },
      cancel: () => ctx.waitUntil(note("cancel")),
    }),
  );
}

/** The same before there is a response. */
async function late(request) {
  notes.push("late-starts");
  request.signal.addEventListener("abort", () => {
    fetch(new URL(`/note?late-${request.signal.reason.name}`, request.url));
  });
  await scheduler.wait(60_000);
  return new Response("nobody reads this");
}

/** A body that JavaScript never touches. */
function passedOn(request, path) {
  request.signal.addEventListener("abort", () => {
    fetch(new URL(`/note?passed-${request.signal.reason.name}`, request.url));
  });
  return fetch(new URL(path, request.url));
}

const paths = {
  "/endless": endless,
  "/late": late,
  "/passed-on": (request) => passedOn(request, "/endless"),
  "/passed-whole": (request) => passedOn(request, "/notes"),
  "/note": (request) => {
    notes.push(new URL(request.url).search.slice(1));
    return new Response(null, { status: 204 });
  },
  "/notes": () => new Response(notes.toSorted().join(" ")),
  "/once": async () => {
    notes.push("once-starts");
    once ??= scheduler.wait(300).then(() => "made once");
    return new Response(await once);
  },
};

export default {
  fetch: (request, env, ctx) => paths[new URL(request.url).pathname](request, ctx),
};
