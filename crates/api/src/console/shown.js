/**
 * Which attributes of the platform's own objects `console` shows: their state is private.
 *
 * Getters are taken when the module of a class is evaluated, before a Worker can replace them. This
 * is all that there is of `console` until somebody uses it.
 * @module
 */

import { primordials } from "../primordials.js";

const {
  Error,
  Map,
  MapPrototypeGet,
  MapPrototypeSet,
  ReflectGetOwnPropertyDescriptor,
  ReflectGetPrototypeOf,
} = primordials;

/** By class: keys and their getters in turn, or the method that walks through all pairs.
 * @type {Map<Function, any[] | Function>} */
const shown = new Map();

/** The getter of an attribute, the interface's own or an inherited one. */
function getterOf(Class, key) {
  for (let o = Class.prototype; o !== null; o = ReflectGetPrototypeOf(o)) {
    const descriptor = ReflectGetOwnPropertyDescriptor(o, key);
    if (descriptor?.get !== undefined) return descriptor.get;
  }
  throw new Error(`the interface ${Class.name} has no attribute ${key}`);
}

/** Shows attributes. Of a body only `bodyUsed`: looking at a stream must not open it.
 * @param {Function} Class given to `defineInterface` before @param {string[]} keys */
export function showAttributes(Class, keys) {
  const pairs = [];
  for (let i = 0; i < keys.length; i++) {
    pairs[2 * i] = keys[i];
    pairs[2 * i + 1] = getterOf(Class, keys[i]);
  }
  MapPrototypeSet(shown, Class, pairs);
}

/** Shows pairs as a map does. @param {Function} Class with a method `forEach` */
export function showPairs(Class) {
  MapPrototypeSet(shown, Class, Class.prototype.forEach);
}

/** What was registered. @param {Function} Class @returns {any[] | Function | undefined} */
export function shownOf(Class) {
  return MapPrototypeGet(shown, Class);
}
