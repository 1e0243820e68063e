/**
 * ReadableStream.from: a stream of what an iterable or asynchronous iterable gives.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreamfromiterable
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { isObject } from "../webidl/webidl.js";
import { promiseResolvedWith, resolvedUndefined } from "./promises.js";
import { closeController } from "./readable_controller.js";
import { enqueueDefault, setUpDefaultController } from "./readable_default.js";
import { ReadableRecord } from "./records.js";

const {
  FunctionPrototypeCall,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  SymbolAsyncIterator,
  SymbolIterator,
  TypeError,
} = primordials;

/** https://tc39.es/ecma262/#sec-getmethod */
function getMethod(v, key) {
  const method = v[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== "function") throw new TypeError("The iterator's method is not a function.");
  return method;
}

/** An iterator with its `next`, as https://tc39.es/ecma262/#sec-getiteratorfrommethod gives it. */
class IteratorRecord {
  constructor(iterable, method, isSync) {
    const iterator = FunctionPrototypeCall(method, iterable);
    if (!isObject(iterator)) throw new TypeError("The iterator is not an object.");
    this.iterator = iterator;
    this.next = iterator.next;
    this.isSync = isSync;
  }
}
internal(IteratorRecord);

/** https://tc39.es/ecma262/#sec-getiterator with kind async */
function getIterator(iterable) {
  if (iterable === undefined || iterable === null) {
    throw new TypeError("ReadableStream.from() takes an iterable or asynchronous iterable.");
  }
  const asyncMethod = getMethod(iterable, SymbolAsyncIterator);
  if (asyncMethod !== undefined) return new IteratorRecord(iterable, asyncMethod, false);
  const method = getMethod(iterable, SymbolIterator);
  if (method === undefined) {
    throw new TypeError("ReadableStream.from() takes an iterable or asynchronous iterable.");
  }
  return new IteratorRecord(iterable, method, true);
}

function requireResult(result) {
  if (!isObject(result)) throw new TypeError("The iterator's result is not an object.");
  return result;
}

/** Waits for the value of a synchronous iterator's result, which may be a promise. `owner` is
 * closed when that fails.
 * https://tc39.es/ecma262/#sec-asyncfromsynciteratorcontinuation */
function awaitSyncResult(result, owner) {
  const done = !!requireResult(result).done;
  const { value } = result;
  const failed = (reason) => {
    if (owner !== undefined && !done) closeQuietly(owner);
    throw reason;
  };
  let promise;
  try {
    promise = PromiseResolve(value);
  } catch (e) {
    failed(e);
  }
  return PromisePrototypeThen(promise, (v) => ({ __proto__: null, value: v, done }), failed);
}

/** Closes after a throw: nothing that happens here matters any more.
 * https://tc39.es/ecma262/#sec-iteratorclose */
function closeQuietly(record) {
  try {
    const method = getMethod(record.iterator, "return");
    if (method !== undefined) FunctionPrototypeCall(method, record.iterator);
  } catch {
    // The first error is the one to report.
  }
}

function nextResult(record) {
  try {
    const result = FunctionPrototypeCall(record.next, record.iterator);
    return record.isSync ? awaitSyncResult(result, record) : promiseResolvedWith(result);
  } catch (e) {
    return PromiseReject(e);
  }
}

function pullFromIterator(controller) {
  return PromisePrototypeThen(nextResult(controller.source), (result) => {
    if (requireResult(result).done) closeController(controller);
    else enqueueDefault(controller, result.value);
  });
}

function cancelIterator(controller, reason) {
  const record = controller.source;
  try {
    const method = getMethod(record.iterator, "return");
    if (method === undefined) return resolvedUndefined;
    const result = FunctionPrototypeCall(method, record.iterator, reason);
    const promise = record.isSync
      ? awaitSyncResult(result, undefined)
      : promiseResolvedWith(result);
    return PromisePrototypeThen(promise, (settled) => {
      requireResult(settled);
    });
  } catch (e) {
    return PromiseReject(e);
  }
}

/** @param {any} iterable @returns {ReadableRecord} */
export function streamFromIterable(iterable) {
  const record = getIterator(iterable);
  const stream = new ReadableRecord();
  const controller = setUpDefaultController(
    stream, undefined, pullFromIterator, cancelIterator, 0, undefined,
  );
  controller.source = record;
  return stream;
}
