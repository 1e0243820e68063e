/**
 * AbortController and AbortSignal, and what other standards do to signals.
 * https://dom.spec.whatwg.org/#aborting-ongoing-activities
 * @module
 */

import { primordials } from "../primordials.js";
import { startTimer } from "../timers/timer_table.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toSequence,
  toUnsignedLongLong,
} from "../webidl/webidl.js";
import { domException } from "./dom_exception.js";
import { Event, trusted } from "./event_base.js";
import {
  defineEventHandler,
  dispatch,
  EventTarget,
  hasListeners,
  setSignalHooks,
} from "./event_target.js";

const {
  ArrayPrototypePush,
  Set,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
  TypeError,
} = primordials;

/** Only code that has this may construct an AbortSignal. */
const SIGNAL_TOKEN = { __proto__: null };

/** Friends of AbortSignal, set in its static block. @type {Record<string, Function>} */
const signalFriends = { __proto__: null };

/** https://dom.spec.whatwg.org/#interface-AbortSignal */
export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  /** Algorithms to run on abort, in order; made when first needed. @type {Set<Function> | null} */
  #algorithms = null;
  /** Signals made of this one by `any`, and for such a signal those that it was made of. */
  #dependents = null;
  #sources = null;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#aborted in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== SIGNAL_TOKEN) illegalConstructor();
    super();
  }

  // https://dom.spec.whatwg.org/#dom-abortsignal-abort
  static abort(reason = undefined) {
    const signal = createAbortSignal();
    signal.#setReason(reason);
    return signal;
  }

  // https://dom.spec.whatwg.org/#dom-abortsignal-timeout
  static timeout(milliseconds) {
    const what = "Failed to execute 'timeout' on 'AbortSignal'";
    requireArguments(arguments.length, 1, what);
    const delay = toUnsignedLongLong(milliseconds, `${what}: parameter 1`, "enforceRange");
    const signal = createAbortSignal();
    startTimer("AbortSignal.timeout()", delay, () => {
      signalAbort(signal, domException("TimeoutError", "The operation was aborted due to timeout"));
    });
    return signal;
  }

  // https://dom.spec.whatwg.org/#dom-abortsignal-any
  static any(signals) {
    const what = "Failed to execute 'any' on 'AbortSignal'";
    requireArguments(arguments.length, 1, what);
    return dependentSignal(toSequence(signals, toSignal, `${what}: parameter 1`));
  }

  get aborted() {
    AbortSignal.#check(this);
    return this.#aborted;
  }

  get reason() {
    AbortSignal.#check(this);
    return this.#reason;
  }

  throwIfAborted() {
    AbortSignal.#check(this);
    if (this.#aborted) throw this.#reason;
  }

  #setReason(reason) {
    this.#aborted = true;
    this.#reason =
      reason !== undefined ? reason : domException("AbortError", "The operation was aborted");
  }

  // https://dom.spec.whatwg.org/#abortsignal-signal-abort
  #abort(reason) {
    if (this.#aborted) return;
    this.#setReason(reason);
    const affected = [];
    if (this.#dependents !== null) {
      SetPrototypeForEach(this.#dependents, (dependent) => {
        if (dependent.#aborted) return;
        dependent.#setReason(this.#reason);
        ArrayPrototypePush(affected, dependent);
      });
      this.#dependents = null;
    }
    this.#runAbortSteps();
    for (let i = 0; i < affected.length; i++) affected[i].#runAbortSteps();
  }

  // https://dom.spec.whatwg.org/#run-the-abort-steps
  #runAbortSteps() {
    this.#detachFromSources();
    const algorithms = this.#algorithms;
    this.#algorithms = null;
    if (algorithms !== null) SetPrototypeForEach(algorithms, (algorithm) => algorithm());
    if (hasListeners(this, "abort")) dispatch(this, trusted(new Event("abort")));
  }

  /** A signal that has been aborted needs to hear of nothing more. */
  #detachFromSources() {
    const sources = this.#sources;
    if (sources === null) return;
    this.#sources = new Set();
    SetPrototypeForEach(sources, (source) => {
      if (source.#dependents !== null) SetPrototypeDelete(source.#dependents, this);
    });
  }

  /** Makes `this` depend on `source`, or on what that depends on. */
  #follow(source) {
    if (source.#sources !== null) {
      SetPrototypeForEach(source.#sources, (root) => this.#follow(root));
      return;
    }
    SetPrototypeAdd(this.#sources, source);
    SetPrototypeAdd((source.#dependents ??= new Set()), this);
  }

  static {
    signalFriends.isAbortSignal = (v) => typeof v === "object" && v !== null && #aborted in v;
    signalFriends.isAborted = (signal) => signal.#aborted;
    signalFriends.abortReason = (signal) => signal.#reason;
    signalFriends.signalAbort = (signal, reason) => signal.#abort(reason);
    signalFriends.addAbortAlgorithm = (signal, algorithm) => {
      if (!signal.#aborted) SetPrototypeAdd((signal.#algorithms ??= new Set()), algorithm);
    };
    signalFriends.removeAbortAlgorithm = (signal, algorithm) => {
      if (signal.#algorithms !== null) SetPrototypeDelete(signal.#algorithms, algorithm);
    };
    // https://dom.spec.whatwg.org/#create-a-dependent-abort-signal
    signalFriends.follow = (result, signals) => {
      result.#sources = new Set();
      for (let i = 0; i < signals.length; i++) {
        if (signals[i].#aborted) {
          result.#setReason(signals[i].#reason);
          return;
        }
      }
      for (let i = 0; i < signals.length; i++) result.#follow(signals[i]);
    };
  }
}

defineInterface(AbortSignal, { __proto__: null, length: 0 });
defineEventHandler(AbortSignal, "abort");

/** @type {(v: any) => boolean} */
export const isAbortSignal = signalFriends.isAbortSignal;
/** @type {(signal: AbortSignal) => boolean} */
export const isAborted = signalFriends.isAborted;
/** @type {(signal: AbortSignal) => any} */
export const abortReason = signalFriends.abortReason;
/** Runs `fn` once when the signal is aborted; does nothing when it is aborted already.
 * https://dom.spec.whatwg.org/#abortsignal-add
 * @type {(signal: AbortSignal, fn: () => void) => void} */
export const addAbortAlgorithm = signalFriends.addAbortAlgorithm;
/** @type {(signal: AbortSignal, fn: () => void) => void} */
export const removeAbortAlgorithm = signalFriends.removeAbortAlgorithm;
/** `reason` undefined gives an AbortError. @type {(signal: AbortSignal, reason?: any) => void} */
export const signalAbort = signalFriends.signalAbort;

const { follow } = signalFriends;

setSignalHooks({
  __proto__: null,
  isAbortSignal,
  isAborted,
  addAbortAlgorithm,
  removeAbortAlgorithm,
});

/** A signal that nobody has aborted. @returns {AbortSignal} */
export function createAbortSignal() {
  return new AbortSignal(SIGNAL_TOKEN);
}

/** A signal that is aborted when any of `signals` is. @param {AbortSignal[]} signals */
export function dependentSignal(signals) {
  const signal = createAbortSignal();
  follow(signal, signals);
  return signal;
}

/** Conversion to the interface type AbortSignal. @param {any} v @param {string} what */
export function toSignal(v, what) {
  if (!isAbortSignal(v)) throw new TypeError(`${what} is not of type 'AbortSignal'.`);
  return v;
}

/** https://dom.spec.whatwg.org/#interface-abortcontroller */
export class AbortController {
  #signal = createAbortSignal();

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#signal in receiver)) illegalInvocation();
  }

  get signal() {
    AbortController.#check(this);
    return this.#signal;
  }

  abort(reason = undefined) {
    AbortController.#check(this);
    signalAbort(this.#signal, reason);
  }
}

defineInterface(AbortController);
