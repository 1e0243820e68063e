// Each microtask queues two more, by each way that queues one.
const ways = [
  queueMicrotask,
  (again) => Promise.resolve().then(again),
  async (again) => again(await null),
  (again) => Promise.reject().catch(again),
  (again) => Promise.resolve().finally(again),
];

function fork() {
  ways[Math.trunc(Math.random() * ways.length)](fork);
  ways[Math.trunc(Math.random() * ways.length)](fork);
}

export default {
  fetch() {
    fork();
    return new Promise(() => {});
  },
};
