/**
 * Promises as the streams standard uses them: reactions without a result, promises settled from
 * outside, and the `closed` and `ready` promises, which are made only when somebody looks at them.
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { invocationError } from "../webidl/webidl.js";

const {
  FunctionPrototypeCall,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectApply,
} = primordials;

/** A promise fulfilled with undefined, to react to. Never handed to a Worker, which could change
 * it. */
export const resolvedUndefined = PromiseResolve(undefined);

const ignore = () => {};

/** Reacts to a promise; the handlers must not throw.
 * https://webidl.spec.whatwg.org/#dfn-perform-steps-once-promise-is-settled
 * @param {Promise<any>} promise @param {Function} [onFulfilled] @param {Function} [onRejected] */
export function uponPromise(promise, onFulfilled, onRejected) {
  PromisePrototypeThen(promise, onFulfilled, onRejected);
}

/** Sets [[PromiseIsHandled]]: a rejection is not reported. @param {Promise<any>} promise */
export function markHandled(promise) {
  PromisePrototypeThen(promise, undefined, ignore);
}

/** The promise of `promise` that gives undefined. @param {Promise<any>} promise */
export function thenUndefined(promise) {
  return PromisePrototypeThen(promise, ignore);
}

/** A fresh promise resolved with any value, also where the value is a promise.
 * https://webidl.spec.whatwg.org/#a-promise-resolved-with
 * @param {any} value @returns {Promise<any>} */
export function promiseResolvedWith(value) {
  return new Promise((resolve) => resolve(value));
}

/** What a promise-returning operation gives for a wrong receiver. @returns {Promise<never>} */
export function rejectedInvocation() {
  return PromiseReject(invocationError());
}

/** Calls a Worker's callback that returns a promise: what it throws rejects, what it returns is
 * converted.
 * https://webidl.spec.whatwg.org/#invoke-a-callback-function
 * @param {Function} callback @param {any} receiver @param {any[]} args @returns {Promise<any>} */
export function invokePromiseCallback(callback, receiver, args) {
  try {
    const result = ReflectApply(callback, receiver, args);
    // The common case: nothing to wait for, and no promise to make for it.
    return result === undefined ? resolvedUndefined : promiseResolvedWith(result);
  } catch (e) {
    return PromiseReject(e);
  }
}

/** The same for callbacks that are called for every chunk: a promise is taken as it is, without the
 * two microtasks that a fresh one resolved with it would take.
 * @param {Function} callback @param {any} receiver @param {any[]} args @returns {Promise<any>} */
export function invokeChunkCallback(callback, receiver, args) {
  try {
    const result = ReflectApply(callback, receiver, args);
    return result === undefined ? resolvedUndefined : PromiseResolve(result);
  } catch (e) {
    return PromiseReject(e);
  }
}

/** What the set-up of a controller waits for before the first pull or write. Throws what `start`
 * throws.
 * @param {Function | Promise<any> | undefined} start a callback, or a promise of ours
 * @param {any} receiver of the callback @param {any} face the controller object, its argument
 * @returns {Promise<any>} */
export function startResult(start, receiver, face) {
  if (typeof start !== "function") return start ?? resolvedUndefined;
  const result = FunctionPrototypeCall(start, receiver, face);
  return result === undefined ? resolvedUndefined : promiseResolvedWith(result);
}

/** A promise with the functions that settle it. */
export class Deferred {
  promise;
  resolve;
  reject;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
internal(Deferred);

/** @param {Deferred} deferred @param {any} [value] */
export function resolveDeferred(deferred, value) {
  const { resolve } = deferred;
  resolve(value);
}

/** @param {Deferred} deferred @param {any} reason */
export function rejectDeferred(deferred, reason) {
  const { reject } = deferred;
  reject(reason);
}

/** Settles like another promise, without the look at its `then` that resolving with it would take.
 * @param {Deferred} deferred @param {Promise<any>} promise one of our own */
export function followPromise(deferred, promise) {
  PromisePrototypeThen(promise, deferred.resolve, deferred.reject);
}

/** What `steps` gives once `before` is settled, either way.
 * @param {Promise<any>} before @param {() => Promise<any>} steps */
export function afterSettled(before, steps) {
  const deferred = new Deferred();
  const run = () => followPromise(deferred, steps());
  PromisePrototypeThen(before, run, run);
  return deferred.promise;
}

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;

/** A promise for undefined whose object is made when it is first asked for. Rejections count as
 * handled. */
export class LazyPromise {
  state = PENDING;
  reason = undefined;
  deferred = undefined;
  promise = undefined;
}
internal(LazyPromise);

/** @returns {LazyPromise} */
export function lazyFulfilled() {
  const lazy = new LazyPromise();
  lazy.state = FULFILLED;
  return lazy;
}

/** @param {any} reason @returns {LazyPromise} */
export function lazyRejected(reason) {
  const lazy = new LazyPromise();
  lazy.state = REJECTED;
  lazy.reason = reason;
  return lazy;
}

/** @param {LazyPromise} lazy @returns {boolean} */
export function isLazyPending(lazy) {
  return lazy.state === PENDING;
}

/** @param {LazyPromise} lazy */
export function fulfillLazy(lazy) {
  if (lazy.state !== PENDING) return;
  lazy.state = FULFILLED;
  if (lazy.deferred !== undefined) resolveDeferred(lazy.deferred, undefined);
}

/** @param {LazyPromise} lazy @param {any} reason */
export function rejectLazy(lazy, reason) {
  if (lazy.state !== PENDING) return;
  lazy.state = REJECTED;
  lazy.reason = reason;
  if (lazy.deferred === undefined) return;
  rejectDeferred(lazy.deferred, reason);
  markHandled(lazy.promise);
}

/** @param {LazyPromise} lazy @returns {Promise<undefined>} always the same one */
export function promiseOf(lazy) {
  if (lazy.promise !== undefined) return lazy.promise;
  if (lazy.state === FULFILLED) {
    lazy.promise = PromiseResolve(undefined);
  } else if (lazy.state === REJECTED) {
    lazy.promise = PromiseReject(lazy.reason);
    markHandled(lazy.promise);
  } else {
    lazy.deferred = new Deferred();
    lazy.promise = lazy.deferred.promise;
  }
  return lazy.promise;
}
