/** Handlers that give no response. */
const paths = {
  "/throw": () => {
    throw new TypeError("thrown <at once> & escaped");
  },
  "/throw-text": () => {
    throw "only text";
  },
  "/throw-nothing": () => {
    throw undefined;
  },
  "/reject": async () => {
    await scheduler.wait(1);
    throw new RangeError("rejected later");
  },
  "/undefined": () => undefined,
  "/string": () => "not a response",
  "/object": async () => ({ status: 200, body: "looks like one" }),
  "/hang": () => new Promise(() => {}),
  "/hang-later": async () => {
    await scheduler.wait(2);
    await new Promise(() => {});
  },
  "/custom": () => {
    const error = new Error("with a cause", { cause: new Error("the cause") });
    error.name = "OwnError";
    throw error;
  },
  "/getter": () => {
    throw { get message() { throw new Error("trap"); }, get name() { throw new Error("trap"); } };
  },
  "/proxy": () => {
    const trap = () => { throw new Error("trap"); };
    throw new Proxy({}, { get: trap, getPrototypeOf: trap });
  },
  "/used": async () => {
    const response = new Response("used");
    await response.text();
    return response;
  },
  "/ok": () => new Response("ok\n"),
};

export default {
  fetch(request) {
    return paths[new URL(request.url).pathname]();
  },
};
