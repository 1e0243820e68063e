/** Every console method, and what the platform's objects look like. */
export default {
  async fetch(request) {
    console.log("text", 1, -0, 10n, true, null, undefined, Symbol("s"));
    console.info("%s is %d and %i, %o %O %%", "format", 1.5, 2.7, [1], { a: 1 });
    console.warn({ a: 1, b: { c: { d: { e: 1 } } } }, [1, , 3], new Map([["k", new Set([1])]]));
    console.error(new TypeError("logged, not thrown").message);
    console.debug(() => 1, class A {}, new Date(0), /re/g);
    console.log(new Headers({ a: "b" }), new URL("https://example.com/a?b"));
    console.log(new Uint8Array([1, 2]), new ArrayBuffer(2));
    const circle = { name: "circle" };
    circle.self = circle;
    console.log(circle);
    const failed = Promise.reject("a reason");
    failed.catch(() => {});
    console.log(new Promise(() => {}), Promise.resolve({ a: 1 }), [failed]);
    console.group("group");
    console.log("inside\nof the group");
    console.groupEnd();
    console.log("outside");
    console.count();
    console.count();
    console.countReset();
    console.count();
    console.assert(true, "not printed");
    console.assert(false, "printed", 1);
    console.table([{ a: 1, b: "x" }, { a: 2 }]);
    console.dir({ deep: { er: {} } });
    console.log();
    console.log("a getter", { get x() { throw new Error("never called"); } });
    return new Response("logged\n");
  },
};
