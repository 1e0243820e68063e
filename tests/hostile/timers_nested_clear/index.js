// Timers that clear and start one another so that the list of timers changes under whoever walks
// it.
const ids = [];

function churn() {
  for (const id of ids.splice(0, 50)) clearTimeout(id);
  for (let i = 0; i < 60; i += 1) ids.push(setTimeout(churn, i % 3));
  for (let i = -50; i < 50; i += 1) clearInterval(i);
}

export default {
  fetch() {
    churn();
    return new Promise(() => {});
  },
};
