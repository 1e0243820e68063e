/**
 * Modules that are evaluated when something of them is first touched, whatever a Worker has made of
 * the built-ins by then.
 *
 * `load` takes a path below `src`, as a literal: the build puts a number in its place. What it
 * gives is the object of the module's exports. A module that is loaded by its path may not be
 * imported by one that the snapshot evaluates; it may be imported by others that are loaded.
 * @module
 */

import { cped_get, cped_set, lazy_evaluate, lazy_key } from "isolde:ops";
import { primordials } from "./primordials.js";

const { ObjectKeys } = primordials;

/** Exports of the modules that have been evaluated. */
const evaluated = { __proto__: null };

/** Gives what the snapshot has for a module that is evaluated now, by a number of the build's. */
let pick;

/** For the build only. @param {(number: number) => any} given */
export function setPick(given) {
  pick = given;
}

/** Evaluates a module, and those that it needs, in no request's context. */
function evaluateModule(key) {
  const context = cped_get();
  cped_set(undefined);
  try {
    const found = lazy_evaluate(key, pick, load);
    const keys = ObjectKeys(found);
    for (let i = 0; i < keys.length; i++) evaluated[keys[i]] = found[keys[i]];
  } finally {
    cped_set(context);
  }
  return evaluated[key];
}

/** The exports of a module. @param {any} key its path @returns {any} */
export function load(key) {
  const exports = evaluated[key];
  return exports === undefined ? evaluateModule(key) : exports;
}

/** The exports of a module, if it has been evaluated: before, there is no instance of its classes.
 * @param {any} key its path @returns {any} */
export function loaded(key) {
  return evaluated[key];
}

/** The exports of a module that Workers can import, such as `node:path`; undefined for any other.
 * @param {string} specifier @returns {any} */
export function loadBuiltin(specifier) {
  const key = lazy_key(specifier);
  return key === undefined ? undefined : load(key);
}
