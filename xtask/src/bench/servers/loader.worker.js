/** Serves copies of one Worker by the request's host in workerd, each in its own isolate. */
import code from "copy.js";

export default {
  fetch(request, env) {
    const name = new URL(request.url).hostname;
    const copy = env.loader.get(name, () => ({
      compatibilityDate: "2026-11-01",
      mainModule: "main.js",
      modules: { "main.js": code },
    }));
    return copy.getEntrypoint().fetch(request);
  },
};
