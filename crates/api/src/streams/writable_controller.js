/**
 * The controller of writable streams: the queue of chunks and the calls of the sink.
 * https://streams.spec.whatwg.org/#ws-default-controller-class
 * @module
 */

import { internal } from "../internal.js";
import { createAbortSignal, signalAbort } from "../events/abort.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
} from "../webidl/webidl.js";
import {
  Deferred,
  fulfillLazy,
  invokeChunkCallback,
  invokePromiseCallback,
  resolvedUndefined,
  startResult,
  uponPromise,
} from "./promises.js";
import { dequeueValue, enqueueValueWithSize, peekQueueValue } from "./queue.js";
import { internalToken } from "./token.js";
import {
  addWriteRequest,
  clearWritableAlgorithms,
  dealWithRejection,
  finishClose,
  finishCloseWithError,
  finishErroring,
  finishWrite,
  finishWriteWithError,
  isCloseRequested,
  isEnded,
  markCloseInFlight,
  markWriteInFlight,
  startErroring,
  updateBackpressure,
} from "./writable_operations.js";
import { WritableControllerRecord } from "./writable_records.js";

const { PromiseReject, PromiseResolve, TypeError } = primordials;

/** Stands in the queue for the close. https://streams.spec.whatwg.org/#close-sentinel */
const CLOSE_SENTINEL = { __proto__: null };

/** https://streams.spec.whatwg.org/#ws-default-controller-class */
export class WritableStreamDefaultController {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(token = undefined, record = undefined) {
    if (token !== internalToken) illegalConstructor();
    this.#record = record;
  }

  get signal() {
    if (!WritableStreamDefaultController.#is(this)) illegalInvocation();
    const record = this.#record;
    if (record.signal === undefined) {
      record.signal = createAbortSignal();
      if (record.aborted) signalAbort(record.signal, record.abortReason);
    }
    return record.signal;
  }

  error(e = undefined) {
    if (!WritableStreamDefaultController.#is(this)) illegalInvocation();
    errorWritableIfNeeded(this.#record, e);
  }
}
defineInterface(WritableStreamDefaultController, { length: 0 });

/** The callbacks of a Worker's underlying sink. */
class SinkCallbacks {
  constructor(object, dictionary) {
    this.object = object;
    this.write = dictionary.write;
    this.close = dictionary.close;
    this.abort = dictionary.abort;
  }
}
internal(SinkCallbacks);

function writeToSink(controller, chunk) {
  const { sink } = controller;
  return invokeChunkCallback(sink.write, sink.object, [chunk, controller.face]);
}

function closeSink(controller) {
  const { sink } = controller;
  return invokePromiseCallback(sink.close, sink.object, []);
}

function abortSink(controller, reason) {
  const { sink } = controller;
  return invokePromiseCallback(sink.abort, sink.object, [reason]);
}

/** https://streams.spec.whatwg.org/#set-up-writable-stream-default-controller-from-underlying-sink
 * @param {any} stream the record @param {any} sink @param {Record<string, any>} dictionary
 * @param {number} highWaterMark @param {Function | undefined} sizeAlgorithm */
export function setUpFromSink(stream, sink, dictionary, highWaterMark, sizeAlgorithm) {
  const controller = makeController(stream, highWaterMark, sizeAlgorithm);
  controller.face = new WritableStreamDefaultController(internalToken, controller);
  controller.sink = new SinkCallbacks(sink, dictionary);
  if (dictionary.write !== undefined) controller.writeAlgorithm = writeToSink;
  if (dictionary.close !== undefined) controller.closeAlgorithm = closeSink;
  if (dictionary.abort !== undefined) controller.abortAlgorithm = abortSink;
  startWritable(controller, dictionary.start, sink);
}

/** https://streams.spec.whatwg.org/#set-up-writable-stream-default-controller
 * @param {any} stream the record
 * @param {{ start?: Function, write?: Function, close?: Function, abort?: Function }}
 *   algorithms @param {number} highWaterMark @param {Function | undefined} sizeAlgorithm
 * @returns {WritableControllerRecord} */
export function setUpWritableController(stream, algorithms, highWaterMark, sizeAlgorithm) {
  const controller = makeController(stream, highWaterMark, sizeAlgorithm);
  controller.writeAlgorithm = algorithms.write;
  controller.closeAlgorithm = algorithms.close;
  controller.abortAlgorithm = algorithms.abort;
  startWritable(controller, algorithms.start, undefined);
  return controller;
}

function makeController(stream, highWaterMark, sizeAlgorithm) {
  const controller = new WritableControllerRecord();
  controller.stream = stream;
  controller.highWaterMark = highWaterMark;
  controller.sizeAlgorithm = sizeAlgorithm;
  stream.controller = controller;
  updateBackpressure(stream, hasBackpressure(controller));
  return controller;
}

function startWritable(controller, start, receiver) {
  uponPromise(
    startResult(start, receiver, controller.face),
    () => {
      controller.started = true;
      advanceQueue(controller);
    },
    (reason) => {
      controller.started = true;
      dealWithRejection(controller.stream, reason);
    },
  );
}

/** https://streams.spec.whatwg.org/#writable-stream-default-writer-get-desired-size
 * @param {any} stream @returns {number | null} */
export function writableDesiredSize(stream) {
  const { controller, state } = stream;
  if (state === "errored" || state === "erroring") return null;
  if (state === "closed") return 0;
  return controller.highWaterMark - controller.queueTotalSize;
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-get-backpressure */
function hasBackpressure(controller) {
  return controller.highWaterMark - controller.queueTotalSize <= 0;
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-error
 * https://streams.spec.whatwg.org/#writable-stream-default-controller-error-if-needed
 * @param {WritableControllerRecord} controller @param {any} reason */
export function errorWritableIfNeeded(controller, reason) {
  if (controller.stream.state !== "writable") return;
  clearWritableAlgorithms(controller);
  startErroring(controller.stream, reason);
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-get-chunk-size
 * @param {WritableControllerRecord} controller @param {any} chunk @returns {number} */
export function chunkSize(controller, chunk) {
  const { sizeAlgorithm } = controller;
  if (sizeAlgorithm === undefined) return 1;
  try {
    return sizeAlgorithm(chunk);
  } catch (e) {
    errorWritableIfNeeded(controller, e);
    return 1;
  }
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-write
 * @param {WritableControllerRecord} controller @param {any} chunk @param {number} size
 * @param {any} request */
export function writeChunk(controller, chunk, size, request) {
  const { stream } = controller;
  addWriteRequest(stream, request);
  try {
    enqueueValueWithSize(controller, chunk, size);
  } catch (e) {
    errorWritableIfNeeded(controller, e);
    return;
  }
  if (!isCloseRequested(stream) && stream.state === "writable") {
    updateBackpressure(stream, hasBackpressure(controller));
  }
  advanceQueue(controller);
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-close
 * @param {WritableControllerRecord} controller */
function requestClose(controller) {
  enqueueValueWithSize(controller, CLOSE_SENTINEL, 0);
  advanceQueue(controller);
}

/** https://streams.spec.whatwg.org/#writable-stream-close, with the check that its callers do.
 * @param {any} stream @returns {Promise<undefined>} */
export function closeWritable(stream) {
  if (isCloseRequested(stream)) {
    return PromiseReject(new TypeError("This WritableStream is closing already."));
  }
  if (isEnded(stream)) {
    return PromiseReject(
      new TypeError(`This WritableStream is ${stream.state} and cannot be closed.`),
    );
  }
  const deferred = new Deferred();
  stream.closeRequest = deferred;
  const { writer } = stream;
  if (writer !== undefined && stream.backpressure && stream.state === "writable") {
    fulfillLazy(writer.ready);
  }
  requestClose(stream.controller);
  return deferred.promise;
}

/** https://streams.spec.whatwg.org/#writable-stream-default-writer-close-with-error-propagation
 * @param {any} stream @returns {Promise<undefined>} */
export function closeWithErrorPropagation(stream) {
  if (isCloseRequested(stream) || stream.state === "closed") return PromiseResolve(undefined);
  if (stream.state === "errored") return PromiseReject(stream.storedError);
  return closeWritable(stream);
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-advance-queue-if-needed */
function advanceQueue(controller) {
  const { stream } = controller;
  if (!controller.started || stream.inFlightWrite !== undefined) return;
  if (stream.state === "erroring") {
    finishErroring(stream);
    return;
  }
  if (controller.queue.length === 0) return;
  const chunk = peekQueueValue(controller);
  if (chunk === CLOSE_SENTINEL) processClose(controller);
  else processWrite(controller, chunk);
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-process-close */
function processClose(controller) {
  const { closeAlgorithm, stream } = controller;
  markCloseInFlight(stream);
  dequeueValue(controller);
  const closed = closeAlgorithm === undefined ? undefined : closeAlgorithm(controller);
  clearWritableAlgorithms(controller);
  uponPromise(
    closed ?? resolvedUndefined,
    () => finishClose(stream),
    (reason) => finishCloseWithError(stream, reason),
  );
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-process-write */
function processWrite(controller, chunk) {
  const { stream, writeAlgorithm } = controller;
  markWriteInFlight(stream);
  if (controller.onWritten === undefined) {
    controller.onWritten = () => afterWrite(controller);
    controller.onWriteFailed = (reason) => {
      if (stream.state === "writable") clearWritableAlgorithms(controller);
      finishWriteWithError(stream, reason);
    };
  }
  const written = writeAlgorithm === undefined ? undefined : writeAlgorithm(controller, chunk);
  uponPromise(written ?? resolvedUndefined, controller.onWritten, controller.onWriteFailed);
}

function afterWrite(controller) {
  const { stream } = controller;
  finishWrite(stream);
  dequeueValue(controller);
  if (!isCloseRequested(stream) && stream.state === "writable") {
    updateBackpressure(stream, hasBackpressure(controller));
  }
  advanceQueue(controller);
}
