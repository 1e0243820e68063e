// Backtracking without end in split, replaceAll, matchAll and search, each caught and tried again.
const text = `${"ab".repeat(40)}c`;
const bad = /(?:(?:ab|a|b)+)+(?=d)/gv;

export default {
  fetch() {
    for (;;) {
      try {
        text.split(bad);
      } catch {
        continue;
      } finally {
        try {
          text.replaceAll(bad, "x");
        } finally {
          text.search(bad) + [...text.matchAll(bad)].length;
        }
      }
    }
  },
};
