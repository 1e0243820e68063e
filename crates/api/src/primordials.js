/**
 * The language's own built-ins, captured before any tenant code runs.
 *
 * A Worker may replace `Array.prototype.push` or `Promise.prototype.then`. The web APIs must not
 * notice, and must not hand their private values to the replacement, so they call methods through
 * the copies kept here: `list.push(x)` is written `ArrayPrototypePush(list, x)`.
 *
 * Names follow one rule: constructor, `Prototype` for instance members, then the member with a
 * capital letter; getters have `Get` before the member (`MapPrototypeGetSize`), symbols have
 * `Symbol` (`ArrayPrototypeSymbolIterator`). Static members have no `Prototype` (`ObjectFreeze`).
 * Constructors and namespaces keep their names (`Map`, `JSON`).
 * @module
 */

const { apply, bind, call } = Function.prototype;

/** Turns a method into a function that takes its receiver first. */
export const uncurryThis = bind.bind(call);

/** Calls a function with a receiver and an array of arguments, whatever `Function.prototype` has
 * become. */
const applyFunction = uncurryThis(apply);

/** @type {Record<string, any>} */
const captured = { __proto__: null, uncurryThis, FunctionPrototypeApply: applyFunction };

/** @param {string} text */
const capitalised = (text) => text[0].toUpperCase() + text.slice(1);

/** @param {string | symbol} key */
function memberName(key) {
  return typeof key === "symbol"
    ? `Symbol${capitalised(key.description.slice("Symbol.".length))}`
    : capitalised(key);
}

/** What captured functions were made of: a method, or a function and its holder. */
const sources = { __proto__: null };

/** How `keptBuiltins` says what a built-in is; the build knows these numbers. */
const AS_IT_IS = 0;
const METHOD = 1;
const OF_HOLDER = 2;

function captureMethod(name, method) {
  captured[name] ??= uncurryThis(method);
  sources[name] ??= [METHOD, method, undefined];
}

/** Captures every own member of `holder` under names that begin with `prefix`. */
function capture(holder, prefix, isPrototype) {
  for (const key of Reflect.ownKeys(holder)) {
    if (key === "constructor") continue;
    const descriptor = Reflect.getOwnPropertyDescriptor(holder, key);
    const name = memberName(key);
    if (descriptor.get) captureMethod(`${prefix}Get${name}`, descriptor.get);
    if (typeof descriptor.value === "function" && isPrototype) {
      captureMethod(`${prefix}${name}`, descriptor.value);
    } else if (typeof descriptor.value === "function") {
      captured[`${prefix}${name}`] ??= bind.call(descriptor.value, holder);
      sources[`${prefix}${name}`] ??= [OF_HOLDER, descriptor.value, holder];
    } else if (!isPrototype && !descriptor.get) {
      captured[`${prefix}${name}`] ??= descriptor.value;
    }
  }
}

const namespaces = { Atomics, JSON, Math, Reflect };
for (const [name, namespace] of Object.entries(namespaces)) {
  captured[name] = namespace;
  capture(namespace, name, false);
}

const TypedArray = Reflect.getPrototypeOf(Uint8Array);
const ArrayIteratorPrototype = Reflect.getPrototypeOf([][Symbol.iterator]());
const constructors = {
  AggregateError, Array, ArrayBuffer, BigInt, BigInt64Array, BigUint64Array, Boolean, DataView,
  Date, Error, EvalError, FinalizationRegistry, Float32Array, Float64Array, Function,
  Int16Array, Int32Array, Int8Array, Map, Number, Object, Promise, Proxy, RangeError,
  ReferenceError, RegExp, Set, String, Symbol, SyntaxError, TypeError, TypedArray, URIError,
  Uint16Array, Uint32Array, Uint8Array, Uint8ClampedArray, WeakMap, WeakRef, WeakSet,
};
for (const [name, constructor] of Object.entries(constructors)) {
  captured[name] = constructor;
  capture(constructor, name, false);
  if (constructor.prototype) capture(constructor.prototype, `${name}Prototype`, true);
}
captured.ArrayIteratorPrototypeNext = uncurryThis(ArrayIteratorPrototype.next);
captured.IteratorPrototype = Reflect.getPrototypeOf(ArrayIteratorPrototype);
captured.AsyncIteratorPrototype = Reflect.getPrototypeOf(
  Reflect.getPrototypeOf((async function* () {}).prototype),
);
// Not in every engine that these files are tried in.
captured.Float16Array = globalThis.Float16Array;
captured.decodeURIComponent = decodeURIComponent;
captured.encodeURIComponent = encodeURIComponent;
captured.globalThis = globalThis;

// `await` and `then` ask a promise for its constructor, and what they find would get to see the
// promises of this code. A Worker may replace `Promise` and patch `then`, but not these two.
Reflect.defineProperty(Promise.prototype, "constructor", { configurable: false, writable: false });
Reflect.defineProperty(Promise, Symbol.species, { configurable: false });

/** Every captured built-in, by the names described above. Destructure what a module needs at its
 * top. */
export const primordials = Object.freeze(captured);

/** For the build: built-ins that only modules for later use, three items for each. The captured
 * functions are made of them then, for they take five times as much memory as a reference.
 * @param {string[]} names @returns {any[]} */
export function keptBuiltins(names) {
  const kept = [];
  for (const name of names) {
    const source = sources[name] ?? [AS_IT_IS, captured[name], undefined];
    kept.push(source[0], source[1], source[2]);
  }
  return kept.slice();
}
