// Thenables that resolve with further thenables: no await of them ever comes to an end.
const next = () => ({
  then(resolve, reject) {
    resolve(next());
    reject(next());
    return next();
  },
});

export default {
  async fetch() {
    await Promise.any([next(), next()]);
    return next();
  },
};
