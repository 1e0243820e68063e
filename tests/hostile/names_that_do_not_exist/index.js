// Thousands of names are looked up that cannot exist, to use up the resolver that all share.
export default {
  async fetch() {
    const tries = Array.from({ length: 2000 }, (_, i) => fetch(`http://h${i}.invalid/`));
    const late = scheduler.wait(2000);
    const ends = tries.map((one) => Promise.race([one.catch(({ message }) => message), late]));
    const kinds = new Set(await Promise.all(ends));
    return new Response([...kinds].join("\n"));
  },
};
