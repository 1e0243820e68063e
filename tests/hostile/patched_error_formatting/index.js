// Error.prepareStackTrace and captureStackTrace hand over call sites with the platform's functions
// and objects.
const leaks = [];
const ask = ["getThis", "getFunction", "getEvalOrigin", "getScriptNameOrSourceURL"];

function prepare(error, sites) {
  for (const site of sites) {
    for (const method of ask) {
      const got = site[method]?.();
      const ours = got === undefined || got === null || typeof got === "string";
      if (!ours) leaks.push(`${method} of ${site.getFileName()}: ${typeof got}`);
    }
  }
  return sites;
}

export default {
  async fetch() {
    Error.prepareStackTrace = prepare;
    Error.stackTraceLimit = 100;
    const text = { toString() { new Error("x").stack; return "a"; } };
    new Headers([[text, text]]);
    new URL(text, "http://a/");
    new Blob([text]);
    await new ReadableStream({ pull() { text.toString(); throw text; } }).cancel();
    await new Promise((resolve) => setTimeout(() => resolve(text.toString()), 1));
    new EventTarget().dispatchEvent(Object.assign(new Event("e"), { text }));
    try { structuredClone({ get a() { return text.toString(); }, b() {} }); } catch (e) { e.stack; }
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks}`);
  },
};
