/**
 * Web IDL interface objects: what turns an ECMAScript class into one that looks like a platform
 * interface.
 * @module
 */

import { primordials } from "../primordials.js";
import { isObject } from "./convert.js";

const {
  IteratorPrototype,
  Map,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectSetPrototypeOf,
  ReflectApply,
  ReflectDeleteProperty,
  ReflectGetPrototypeOf,
  ReflectOwnKeys,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
} = primordials;

const ObjectPrototype = ReflectGetPrototypeOf({});

/** Throws what `new X()` of an interface without constructor throws. @returns {never} */
export function illegalConstructor() {
  throw new TypeError("Illegal constructor");
}

/** What a member called on a wrong receiver throws, or rejects with. @returns {TypeError} */
export function invocationError() {
  return new TypeError(
    "Illegal invocation: function called with incorrect `this` reference. See " +
      "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors " +
      "for details.",
  );
}

/** Throws what a method called on a wrong receiver throws. @returns {never} */
export function illegalInvocation() {
  throw invocationError();
}

/** Every interface by its prototype object, so that others can tell platform objects. */
const knownInterfaces = new Map();

/**
 * The interface that an object is an instance of by its prototypes, or undefined. That may be
 * feigned, as with `Object.create`: it tells what an object looks like, it is no brand check.
 * @param {object} object
 * @returns {Function | undefined}
 */
export function interfaceOf(object) {
  let prototype = ReflectGetPrototypeOf(object);
  while (prototype !== null && prototype !== ObjectPrototype) {
    const found = MapPrototypeGet(knownInterfaces, prototype);
    if (found !== undefined) return found;
    prototype = ReflectGetPrototypeOf(prototype);
  }
  return undefined;
}

const CLASS_OWN = { __proto__: null, length: true, name: true, prototype: true };

/** Makes the string-named members of a prototype or class enumerable, as Web IDL wants them. */
function exposeMembers(holder, except) {
  const keys = ReflectOwnKeys(holder);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === "symbol" || except[key]) continue;
    const descriptor = ObjectGetOwnPropertyDescriptor(holder, key);
    if (!descriptor.configurable) continue;
    ObjectDefineProperty(holder, key, { __proto__: null, enumerable: true });
  }
}

/** @param {object} holder @param {string} tag the value of `@@toStringTag` */
export function defineToStringTag(holder, tag) {
  ObjectDefineProperty(holder, SymbolToStringTag, {
    __proto__: null,
    value: tag,
    writable: false,
    enumerable: false,
    configurable: true,
  });
}

/**
 * Finishes a class: members enumerable, `@@toStringTag`, constants on class and prototype.
 * https://webidl.spec.whatwg.org/#interface-object
 * @param {Function} Class
 * @param {{ name?: string, length?: number, constants?: Record<string, number> }} [options]
 * `name` where the   class is not called like the interface; `length` (required arguments of the
 * constructor) where the class's own   differs, as with a private token
 */
export function defineInterface(Class, options = { __proto__: null }) {
  const { name = Class.name, length, constants } = options;
  if (Class.name !== name) {
    ObjectDefineProperty(Class, "name", { __proto__: null, value: name, configurable: true });
  }
  if (length !== undefined) {
    ObjectDefineProperty(Class, "length", { __proto__: null, value: length, configurable: true });
  }
  MapPrototypeSet(knownInterfaces, Class.prototype, Class);
  exposeMembers(Class, CLASS_OWN);
  exposeMembers(Class.prototype, { __proto__: null, constructor: true });
  defineToStringTag(Class.prototype, name);
  if (constants === undefined) return;
  const keys = ReflectOwnKeys(constants);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = { __proto__: null, value: constants[keys[i]], enumerable: true };
    ObjectDefineProperty(Class, keys[i], descriptor);
    ObjectDefineProperty(Class.prototype, keys[i], descriptor);
  }
}

/** Defines a member that is writable and configurable, enumerable or not. */
function defineMethod(holder, key, method, enumerable) {
  ObjectDefineProperty(holder, key, {
    __proto__: null,
    value: method,
    writable: true,
    enumerable,
    configurable: true,
  });
}

/** Makes the class of the default iterators of one interface.
 * https://webidl.spec.whatwg.org/#es-iterator-prototype-object */
function pairIteratorClass(name, entriesOf) {
  class PairIterator {
    #target;
    #kind;
    #index = 0;

    constructor(target, kind) {
      this.#target = target;
      this.#kind = kind;
    }

    next() {
      if (!isObject(this) || !(#target in this)) illegalInvocation();
      // The entries are read anew each time: the iteration sees changes made during it.
      const entries = entriesOf(this.#target);
      const index = this.#index;
      if (index >= entries.length) return { value: undefined, done: true };
      this.#index = index + 1;
      const pair = entries[index];
      const kind = this.#kind;
      const value = kind === "key" ? pair[0] : kind === "value" ? pair[1] : [pair[0], pair[1]];
      return { value, done: false };
    }
  }
  const prototype = PairIterator.prototype;
  ReflectDeleteProperty(prototype, "constructor");
  ObjectSetPrototypeOf(prototype, IteratorPrototype);
  exposeMembers(prototype, { __proto__: null });
  defineToStringTag(prototype, `${name} Iterator`);
  return PairIterator;
}

/**
 * Gives an interface `entries`, `keys`, `values`, `forEach` and `@@iterator`.
 * https://webidl.spec.whatwg.org/#es-iterable
 * @param {Function} Class @param {string} name of the interface
 * @param {(instance: any) => [any, any][]} entriesOf the live array of pairs; checks the brand of
 * its argument
 */
export function definePairIterable(Class, name, entriesOf) {
  const PairIterator = pairIteratorClass(name, entriesOf);
  const methods = {
    __proto__: null,
    entries() {
      entriesOf(this);
      return new PairIterator(this, "entry");
    },
    keys() {
      entriesOf(this);
      return new PairIterator(this, "key");
    },
    values() {
      entriesOf(this);
      return new PairIterator(this, "value");
    },
    forEach(callback, thisArg = undefined) {
      entriesOf(this);
      if (typeof callback !== "function") {
        throw new TypeError(
          `Failed to execute 'forEach' on '${name}': parameter 1 is not a function.`,
        );
      }
      for (let i = 0; i < entriesOf(this).length; i++) {
        const pair = entriesOf(this)[i];
        ReflectApply(callback, thisArg, [pair[1], pair[0], this]);
      }
    },
  };
  const prototype = Class.prototype;
  defineMethod(prototype, "entries", methods.entries, true);
  defineMethod(prototype, "keys", methods.keys, true);
  defineMethod(prototype, "values", methods.values, true);
  defineMethod(prototype, "forEach", methods.forEach, true);
  defineMethod(prototype, SymbolIterator, methods.entries, false);
}
