/**
 * What a transform stream does between its two sides.
 * https://streams.spec.whatwg.org/#ts-abstract-ops
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  Deferred,
  LazyPromise,
  afterSettled,
  fulfillLazy,
  invokeChunkCallback,
  invokePromiseCallback,
  promiseOf,
  rejectDeferred,
  resolveDeferred,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import {
  canCloseOrEnqueue,
  closeController,
  errorController,
  shouldCallPull,
} from "./readable_controller.js";
import { enqueueDefault, setUpDefaultController } from "./readable_default.js";
import { ReadableRecord } from "./records.js";
import { errorWritableIfNeeded, setUpWritableController } from "./writable_controller.js";
import { WritableRecord } from "./writable_records.js";

const { PromisePrototypeThen, PromiseReject, TypeError } = primordials;

/** A transform stream together with its controller. */
export class TransformRecord {
  readable = new ReadableRecord();
  writable = new WritableRecord();
  /** The controller object, where a Worker can get one. */
  face = undefined;
  backpressure = false;
  backpressureChange = undefined;
  /** `(record, chunk) => Promise`; undefined for the identity */
  transformAlgorithm = undefined;
  /** `(record) => Promise` */
  flushAlgorithm = undefined;
  /** `(record, reason) => Promise` */
  cancelAlgorithm = undefined;
  transformer = undefined;
  /** Whether chunks still go through: the algorithms are forgotten at the end. */
  isOpen = true;
  /** [[finishPromise]] @type {Deferred | undefined} */
  finish = undefined;
}
internal(TransformRecord);

/** The callbacks of a transformer; `object` is their receiver. */
class TransformerCallbacks {
  constructor(object, dictionary) {
    this.object = object;
    this.transform = dictionary.transform;
    this.flush = dictionary.flush;
    this.cancel = dictionary.cancel;
  }
}
internal(TransformerCallbacks);

/** https://streams.spec.whatwg.org/#set-up-transform-stream-default-controller-from-transformer
 * @param {TransformRecord} record @param {any} object @param {Record<string, any>} dictionary */
export function useTransformer(record, object, dictionary) {
  record.transformer = new TransformerCallbacks(object, dictionary);
  if (dictionary.transform !== undefined) record.transformAlgorithm = callTransform;
  if (dictionary.flush !== undefined) record.flushAlgorithm = callFlush;
  if (dictionary.cancel !== undefined) record.cancelAlgorithm = callCancel;
}

function callTransform(record, chunk) {
  const { transformer } = record;
  return invokeChunkCallback(transformer.transform, transformer.object, [chunk, record.face]);
}

function callFlush(record) {
  const { transformer } = record;
  return invokePromiseCallback(transformer.flush, transformer.object, [record.face]);
}

function callCancel(record, reason) {
  const { transformer } = record;
  return invokePromiseCallback(transformer.cancel, transformer.object, [reason]);
}

/** https://streams.spec.whatwg.org/#initialize-transform-stream
 * @param {TransformRecord} record @param {Promise<any> | undefined} start
 * @param {number} writableMark @param {Function | undefined} writableSize
 * @param {number} readableMark @param {Function | undefined} readableSize */
export function initializeTransform(
  record, start, writableMark, writableSize, readableMark, readableSize,
) {
  const sink = {
    __proto__: null,
    start,
    write: (_controller, chunk) => sinkWrite(record, chunk),
    close: () => sinkClose(record),
    abort: (_controller, reason) => sinkAbort(record, reason),
  };
  setUpWritableController(record.writable, sink, writableMark, writableSize);
  const pull = () => sourcePull(record);
  const cancel = (_controller, reason) => sourceCancel(record, reason);
  setUpDefaultController(record.readable, start, pull, cancel, readableMark, readableSize);
  setBackpressure(record, true);
}

/** What an algorithm throws becomes a rejection, for it runs inside of promises. */
function rejecting(algorithm) {
  return (record, argument) => {
    try {
      return algorithm(record, argument);
    } catch (e) {
      return PromiseReject(e);
    }
  };
}

/** A transform stream whose algorithms are ours and run without a controller object. Each of them
 * may give a promise of ours.
 * https://streams.spec.whatwg.org/#transformstream-set-up
 * @param {(record: TransformRecord, chunk: any) => Promise<any> | undefined} transform
 * @param {(record: TransformRecord) => Promise<any> | undefined} flush
 * @param {(record: TransformRecord, reason: any) => Promise<any> | undefined} [cancel]
 * @returns {TransformRecord} */
export function createTransform(transform, flush, cancel = undefined) {
  const record = new TransformRecord();
  initializeTransform(record, undefined, 1, undefined, 0, undefined);
  record.transformAlgorithm = rejecting(transform);
  record.flushAlgorithm = rejecting(flush);
  if (cancel !== undefined) record.cancelAlgorithm = rejecting(cancel);
  return record;
}

/** Waits until the readable side wants a chunk, for an algorithm that has more to give.
 * @param {TransformRecord} record
 * @returns {Promise<boolean>} false when the stream was cancelled or aborted meanwhile: what the
 *   algorithm has is of no use any more */
export async function untilWanted(record) {
  const { writable } = record;
  // An abort would wait for the chunk that is under way.
  writable.controller.onAbort = () => unblockWrite(record);
  if (record.backpressure) await promiseOf(record.backpressureChange);
  writable.controller.onAbort = undefined;
  return record.isOpen && writable.state !== "erroring";
}

/** https://streams.spec.whatwg.org/#transform-stream-set-backpressure */
function setBackpressure(record, backpressure) {
  if (record.backpressureChange !== undefined) fulfillLazy(record.backpressureChange);
  record.backpressureChange = new LazyPromise();
  record.backpressure = backpressure;
}

/** https://streams.spec.whatwg.org/#transform-stream-unblock-write */
function unblockWrite(record) {
  if (record.backpressure) setBackpressure(record, false);
}

/** https://streams.spec.whatwg.org/#transform-stream-default-controller-clear-algorithms */
function clearTransform(record) {
  record.isOpen = false;
  record.transformAlgorithm = undefined;
  record.flushAlgorithm = undefined;
  record.cancelAlgorithm = undefined;
  record.transformer = undefined;
}

/** https://streams.spec.whatwg.org/#transform-stream-error
 * https://streams.spec.whatwg.org/#transform-stream-default-controller-error
 * @param {TransformRecord} record @param {any} reason */
export function errorTransform(record, reason) {
  errorController(record.readable.controller, reason);
  errorWritableAndUnblock(record, reason);
}

/** https://streams.spec.whatwg.org/#transform-stream-error-writable-and-unblock-write */
function errorWritableAndUnblock(record, reason) {
  clearTransform(record);
  errorWritableIfNeeded(record.writable.controller, reason);
  unblockWrite(record);
}

/** https://streams.spec.whatwg.org/#transform-stream-default-controller-enqueue
 * @param {TransformRecord} record @param {any} chunk */
export function enqueueTransformed(record, chunk) {
  const { controller } = record.readable;
  if (!canCloseOrEnqueue(controller)) {
    throw new TypeError("The readable side of this TransformStream takes no more chunks.");
  }
  try {
    enqueueDefault(controller, chunk);
  } catch (e) {
    errorWritableAndUnblock(record, e);
    throw record.readable.storedError;
  }
  const backpressure = !shouldCallPull(controller);
  if (backpressure !== record.backpressure) setBackpressure(record, true);
}

/** https://streams.spec.whatwg.org/#transform-stream-default-controller-terminate
 * @param {TransformRecord} record */
export function terminateTransform(record) {
  closeController(record.readable.controller);
  errorWritableAndUnblock(record, new TypeError("The TransformStream has been terminated."));
}

/** https://streams.spec.whatwg.org/#transform-stream-default-sink-write-algorithm */
function sinkWrite(record, chunk) {
  if (!record.backpressure) return performTransform(record, chunk);
  return afterSettled(promiseOf(record.backpressureChange), () => {
    const { writable } = record;
    if (writable.state === "erroring") return PromiseReject(writable.storedError);
    return performTransform(record, chunk);
  });
}

/** https://streams.spec.whatwg.org/#transform-stream-default-controller-perform-transform */
function performTransform(record, chunk) {
  const { transformAlgorithm } = record;
  let transformed;
  if (transformAlgorithm !== undefined) {
    transformed = transformAlgorithm(record, chunk);
  } else if (record.isOpen) {
    try {
      enqueueTransformed(record, chunk);
    } catch (e) {
      transformed = PromiseReject(e);
    }
  }
  if (transformed === undefined || transformed === resolvedUndefined) return resolvedUndefined;
  return PromisePrototypeThen(transformed, undefined, (reason) => {
    errorTransform(record, reason);
    throw reason;
  });
}

/** The end of a transform stream, which comes once: runs the last algorithm, then ends the side
 * that did not ask for it, unless that one has failed, and settles [[finishPromise]].
 * @param {TransformRecord} record @param {Function | undefined} algorithm @param {any} reason
 * @param {ReadableRecord | WritableRecord} side @param {() => void} end of the side
 * @param {(reason: any) => void} fail what a failed algorithm does to the side
 * @returns {Promise<undefined>} */
function finishOnce(record, algorithm, reason, side, end, fail) {
  if (record.finish !== undefined) return record.finish.promise;
  const finish = new Deferred();
  record.finish = finish;
  const done = algorithm === undefined ? undefined : algorithm(record, reason);
  clearTransform(record);
  uponPromise(
    done ?? resolvedUndefined,
    () => {
      if (side.state === "errored") {
        rejectDeferred(finish, side.storedError);
      } else {
        end();
        resolveDeferred(finish, undefined);
      }
    },
    (e) => {
      fail(e);
      rejectDeferred(finish, e);
    },
  );
  return finish.promise;
}

/** https://streams.spec.whatwg.org/#transform-stream-default-sink-abort-algorithm */
function sinkAbort(record, reason) {
  const { readable } = record;
  const fail = (e) => errorController(readable.controller, e);
  return finishOnce(record, record.cancelAlgorithm, reason, readable, () => fail(reason), fail);
}

/** https://streams.spec.whatwg.org/#transform-stream-default-sink-close-algorithm */
function sinkClose(record) {
  const { readable } = record;
  const end = () => closeController(readable.controller);
  const fail = (e) => errorController(readable.controller, e);
  return finishOnce(record, record.flushAlgorithm, undefined, readable, end, fail);
}

/** https://streams.spec.whatwg.org/#transform-stream-default-source-pull-algorithm */
function sourcePull(record) {
  setBackpressure(record, false);
  return promiseOf(record.backpressureChange);
}

/** https://streams.spec.whatwg.org/#transform-stream-default-source-cancel */
function sourceCancel(record, reason) {
  const { writable } = record;
  const fail = (e) => {
    errorWritableIfNeeded(writable.controller, e);
    unblockWrite(record);
  };
  return finishOnce(record, record.cancelAlgorithm, reason, writable, () => fail(reason), fail);
}
