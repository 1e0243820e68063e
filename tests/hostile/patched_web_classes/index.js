// The methods of Headers, Request, Response and streams are replaced by ones that loop or throw.
const bad = () => {
  throw new Error("the platform has called what a Worker has patched");
};

export default {
  fetch(request) {
    const response = new Response("contained", { headers: { "x-a": "b" } });
    const classes = [
      Headers, Request, Response, ReadableStream, WritableStream, TransformStream, Blob, FormData,
      URL, URLSearchParams, TextEncoder, TextDecoder, EventTarget, Event, AbortSignal,
      ReadableStreamDefaultReader, ReadableStreamDefaultController, WritableStreamDefaultWriter,
    ];
    for (const { prototype } of classes) {
      for (const key of Reflect.ownKeys(prototype)) {
        try {
          Object.defineProperty(prototype, key, { get: bad, set: bad, configurable: true });
        } catch {}
      }
      Object.setPrototypeOf(prototype, new Proxy({}, { get: bad, has: bad, getPrototypeOf: bad }));
    }
    for (const name of ["Response", "Headers", "Request", "fetch", "Promise", "Object", "Array"]) {
      globalThis[name] = bad;
    }
    return response;
  },
};
