/**
 * Queuing strategies: the two classes, and how a strategy given by a Worker is read.
 * https://streams.spec.whatwg.org/#qs
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toDictionary,
  toFunction,
  toUnrestrictedDouble,
} from "../webidl/webidl.js";

const { FunctionPrototypeCall, RangeError } = primordials;

const STRATEGY_MEMBERS = [
  { key: "highWaterMark", convert: toUnrestrictedDouble },
  { key: "size", convert: toFunction },
];
const INIT_MEMBERS = [{ key: "highWaterMark", convert: toUnrestrictedDouble, required: true }];

// Method syntax: functions without a prototype that cannot be constructed, called "size" as the
// standard wants.
const byteLengthSize = {
  size(chunk) {
    return chunk.byteLength;
  },
}.size;
const countSize = {
  size() {
    return 1;
  },
}.size;

/** https://streams.spec.whatwg.org/#blqs-class */
export class ByteLengthQueuingStrategy {
  #highWaterMark;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #highWaterMark in v;
  }

  constructor(init) {
    const what = "Failed to construct 'ByteLengthQueuingStrategy'";
    requireArguments(arguments.length, 1, what);
    this.#highWaterMark = toDictionary(init, INIT_MEMBERS, what).highWaterMark;
  }

  get highWaterMark() {
    if (!ByteLengthQueuingStrategy.#is(this)) illegalInvocation();
    return this.#highWaterMark;
  }

  get size() {
    if (!ByteLengthQueuingStrategy.#is(this)) illegalInvocation();
    return byteLengthSize;
  }
}
defineInterface(ByteLengthQueuingStrategy);

/** https://streams.spec.whatwg.org/#cqs-class */
export class CountQueuingStrategy {
  #highWaterMark;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #highWaterMark in v;
  }

  constructor(init) {
    const what = "Failed to construct 'CountQueuingStrategy'";
    requireArguments(arguments.length, 1, what);
    this.#highWaterMark = toDictionary(init, INIT_MEMBERS, what).highWaterMark;
  }

  get highWaterMark() {
    if (!CountQueuingStrategy.#is(this)) illegalInvocation();
    return this.#highWaterMark;
  }

  get size() {
    if (!CountQueuingStrategy.#is(this)) illegalInvocation();
    return countSize;
  }
}
defineInterface(CountQueuingStrategy);

/** Converts a `QueuingStrategy` dictionary. @param {any} strategy @param {string} what
 * @returns {{ highWaterMark?: number, size?: Function }} */
export function convertStrategy(strategy, what) {
  return toDictionary(strategy, STRATEGY_MEMBERS, what);
}

/** https://streams.spec.whatwg.org/#validate-and-normalize-high-water-mark
 * @param {{ highWaterMark?: number }} strategy converted @param {number} defaultMark
 * @returns {number} */
export function extractHighWaterMark(strategy, defaultMark) {
  const { highWaterMark } = strategy;
  if (highWaterMark === undefined) return defaultMark;
  if (!(highWaterMark >= 0)) {
    throw new RangeError("A queuing strategy's highWaterMark must be a non-negative number.");
  }
  return highWaterMark;
}

/** The function that sizes a chunk; undefined where every chunk counts 1, so that nothing is called
 * for it.
 * https://streams.spec.whatwg.org/#make-size-algorithm-from-size-function
 * @param {{ size?: Function }} strategy converted
 * @returns {((chunk: any) => number) | undefined} */
export function extractSizeAlgorithm(strategy) {
  const { size } = strategy;
  if (size === undefined || size === countSize) return undefined;
  return (chunk) =>
    toUnrestrictedDouble(FunctionPrototypeCall(size, undefined, chunk), "The size of a chunk");
}
