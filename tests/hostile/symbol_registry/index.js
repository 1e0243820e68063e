// The registry of symbols, and names of properties, are filled: neither can be collected.
const bag = {};

export default {
  fetch() {
    for (let i = 0; ; i += 1) {
      bag[Symbol.for(`${"s".repeat(200)}${i}`)] = i;
      bag[`${"p".repeat(200)}${i}`] = Symbol(`${i}`);
    }
  },
};
