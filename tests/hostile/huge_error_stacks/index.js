// Errors with endless stacks, thrown from a depth of thousands of calls with long names, are kept.
const kept = [];
const name = "n".repeat(100_000);
const deep = {
  [name](depth) {
    return depth === 0 ? new Error(name) : deep[name](depth - 1);
  },
};

export default {
  fetch() {
    Error.stackTraceLimit = Infinity;
    for (;;) {
      const error = deep[name](2000);
      kept.push(error, error.stack, new AggregateError([error], name, { cause: error }).stack);
    }
  },
};
