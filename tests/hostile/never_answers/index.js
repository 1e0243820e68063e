// The answer is a promise that nothing can settle, so that a connection would be held for ever.
export default {
  fetch(request, env, ctx) {
    ctx.waitUntil(new Promise(() => {}));
    const { promise, resolve } = Promise.withResolvers();
    globalThis.resolvers ??= [];
    globalThis.resolvers.push(resolve);
    return promise;
  },
};
