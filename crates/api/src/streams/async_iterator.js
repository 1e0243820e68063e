/**
 * Asynchronous iteration of readable streams.
 * https://streams.spec.whatwg.org/#rs-asynciterator
 * https://webidl.spec.whatwg.org/#js-asynchronous-iterator-prototype-object
 * @module
 */

import { primordials } from "../primordials.js";
import { defineInterface, isObject } from "../webidl/webidl.js";
import {
  Deferred,
  afterSettled,
  rejectDeferred,
  rejectedInvocation,
  resolveDeferred,
  resolvedUndefined,
} from "./promises.js";
import { cancelStream } from "./readable_controller.js";
import { takeChunk } from "./readable_default.js";
import { foreignOwner } from "./readable_operations.js";
import { acquireDefaultReader, readDefault, releaseReader } from "./readers.js";
import { ReadRequest } from "./records.js";

const {
  AsyncIteratorPrototype,
  ObjectSetPrototypeOf,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  ReflectDeleteProperty,
} = primordials;

// The owner of a request is { reader, deferred }.
const ITERATION_STEPS = {
  __proto__: null,
  chunk(request, value) {
    // No prototype: resolving a promise must not find a `then` that a Worker put on
    // Object.prototype.
    resolveDeferred(request.owner.deferred, { __proto__: null, value, done: false });
  },
  close(request) {
    const { reader, deferred } = request.owner;
    releaseReader(reader);
    resolveDeferred(deferred, { __proto__: null, value: undefined, done: true });
  },
  error(request, reason) {
    const { reader, deferred } = request.owner;
    releaseReader(reader);
    rejectDeferred(deferred, reason);
  },
};

/** The objects that `values()` gives. */
class ReadableStreamAsyncIterator {
  #reader;
  #preventCancel;
  /** The promise of the last call, while any is not settled. */
  #ongoing = undefined;
  /** Calls that are not settled. The standard forgets the ongoing promise after each one, even
   * where another call waits behind it; two reads at a time would then release the reader twice. */
  #calls = 0;
  #finished = false;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #ongoing in v;
  }

  constructor(reader, preventCancel) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  next() {
    if (!ReadableStreamAsyncIterator.#is(this)) return rejectedInvocation();
    if (this.#ongoing === undefined) {
      const chunk = this.#chunkAtHand();
      if (chunk !== undefined) return PromiseResolve(chunk);
    }
    const steps = () => this.#next();
    const { promise } = this.#queue(steps);
    return promise;
  }

  return(value) {
    if (!ReadableStreamAsyncIterator.#is(this)) return rejectedInvocation();
    const { promise } = this.#queue(() => this.#return(value));
    return PromisePrototypeThen(promise, () => ({ value, done: true }));
  }

  /** Runs steps now or when the calls before are settled. In an object: the promise must not be
   * looked at. */
  #queue(steps) {
    const before = this.#ongoing;
    const promise = before === undefined ? steps() : afterSettled(before, steps);
    this.#ongoing = promise;
    this.#calls++;
    return { __proto__: null, promise };
  }

  /** A call of next() has its result. */
  #settled(isLast) {
    this.#calls--;
    if (this.#calls === 0) this.#ongoing = undefined;
    if (isLast) this.#finished = true;
  }

  /** The result for a chunk that is in the queue already, without the machinery for waiting. */
  #chunkAtHand() {
    const { stream } = this.#reader;
    if (this.#finished || stream === undefined) return undefined;
    const { controller } = stream;
    if (controller.isByte || controller.queue.length === 0) return undefined;
    stream.disturbed = true;
    return { value: takeChunk(controller), done: false };
  }

  /** https://streams.spec.whatwg.org/#rs-asynciterator-prototype-next */
  #next() {
    if (this.#finished) return PromiseResolve({ value: undefined, done: true });
    const reader = this.#reader;
    const { stream } = reader;
    const refused = foreignOwner(stream);
    if (refused !== undefined) return PromiseReject(refused);
    const deferred = new Deferred();
    const owner = { __proto__: null, reader, deferred };
    readDefault(reader, new ReadRequest(ITERATION_STEPS, owner));
    return PromisePrototypeThen(
      deferred.promise,
      (result) => {
        this.#settled(result.done);
        return { value: result.value, done: result.done };
      },
      (reason) => {
        this.#settled(true);
        throw reason;
      },
    );
  }

  /** https://streams.spec.whatwg.org/#rs-asynciterator-prototype-return */
  #return(value) {
    if (this.#finished) return resolvedUndefined;
    this.#finished = true;
    const reader = this.#reader;
    const { stream } = reader;
    if (stream === undefined) return resolvedUndefined;
    const cancelled = this.#preventCancel ? resolvedUndefined : cancelStream(stream, value);
    releaseReader(reader);
    return cancelled;
  }
}
ReflectDeleteProperty(ReadableStreamAsyncIterator.prototype, "constructor");
ObjectSetPrototypeOf(ReadableStreamAsyncIterator.prototype, AsyncIteratorPrototype);
defineInterface(ReadableStreamAsyncIterator, { name: "ReadableStream AsyncIterator" });

/** Locks a stream to an iterator. https://streams.spec.whatwg.org/#rs-asynciterator
 * @param {import('./records.js').ReadableRecord} stream @param {boolean} preventCancel */
export function iterateStream(stream, preventCancel) {
  return new ReadableStreamAsyncIterator(acquireDefaultReader(stream), preventCancel);
}
