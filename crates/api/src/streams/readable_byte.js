/**
 * The controller of readable byte streams.
 * https://streams.spec.whatwg.org/#rbs-controller-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isArrayBuffer,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import {
  bufferLength,
  isDetached,
  toView,
  transferBuffer,
  viewBuffer,
  viewLength,
  viewOffset,
} from "./buffers.js";
import { ReadableStreamBYOBRequest } from "./byob.js";
import {
  answerUnlessAnswered,
  BYTES,
  clearPendingPullIntos,
  enqueueDetachedPullInto,
  getByobRequest,
  invalidateByobRequest,
  pullInto,
  pushBytes,
  requireWholeElements,
  servePullIntos,
  shiftPullInto,
} from "./byob_algorithms.js";
import { resolvedUndefined, uponPromise } from "./promises.js";
import { listClear, listPush, listShift } from "./queue.js";
import {
  attachController,
  callPullIfNeeded,
  canCloseOrEnqueue,
  closeController,
  desiredSize,
  errorController,
  handleQueueDrain,
  requireCanClose,
  requireCanEnqueue,
  startFromSource,
} from "./readable_controller.js";
import {
  addRequest,
  chunkSteps,
  errorSteps,
  fulfillRequest,
  hasByobReader,
  hasDefaultReader,
} from "./readable_operations.js";
import { ByteControllerRecord, PullInto } from "./records.js";
import { internalToken } from "./token.js";

const { ArrayBuffer, TypeError, Uint8Array } = primordials;

/** https://streams.spec.whatwg.org/#rbs-controller-class */
export class ReadableByteStreamController {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(token = undefined, record = undefined) {
    if (token !== internalToken) illegalConstructor();
    this.#record = record;
  }

  get byobRequest() {
    if (!ReadableByteStreamController.#is(this)) illegalInvocation();
    const request = getByobRequest(this.#record);
    if (request === undefined) return null;
    request.face ??= new ReadableStreamBYOBRequest(internalToken, request);
    return request.face;
  }

  get desiredSize() {
    if (!ReadableByteStreamController.#is(this)) illegalInvocation();
    return desiredSize(this.#record);
  }

  close() {
    if (!ReadableByteStreamController.#is(this)) illegalInvocation();
    const record = this.#record;
    requireCanClose(record);
    closeController(record);
    if (record.pendingPullIntos.length === 0) return;
    // The standard's way is to answer by `respond(0)`, which follows as a rule.
    uponPromise(resolvedUndefined, () => answerUnlessAnswered(record));
  }

  enqueue(data) {
    if (!ReadableByteStreamController.#is(this)) illegalInvocation();
    const what = "Failed to execute 'enqueue' on 'ReadableByteStreamController'";
    requireArguments(arguments.length, 1, what);
    // The platform takes buffers too.
    const chunk = isArrayBuffer(data) ? new Uint8Array(data) : data;
    toView(chunk, `${what}: parameter 1`);
    const buffer = viewBuffer(chunk);
    const length = viewLength(chunk);
    if (length === 0 || bufferLength(buffer) === 0) {
      throw new TypeError(`${what}: the chunk must not be empty.`);
    }
    requireCanEnqueue(this.#record);
    const offset = viewOffset(chunk);
    enqueueOwned(this.#record, transferBuffer(buffer), offset, length);
  }

  error(e = undefined) {
    if (!ReadableByteStreamController.#is(this)) illegalInvocation();
    errorController(this.#record, e);
  }
}
defineInterface(ReadableByteStreamController, { length: 0 });

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-enqueue, for bytes that nobody
 * else can reach: they need no transfer.
 * @param {ByteControllerRecord} controller @param {ArrayBuffer} buffer
 * @param {number} offset @param {number} length bytes */
export function enqueueOwned(controller, buffer, offset, length) {
  if (!canCloseOrEnqueue(controller)) return;
  const { stream } = controller;
  const first = controller.pendingPullIntos.head;
  if (first !== undefined) {
    if (isDetached(first.buffer)) {
      throw new TypeError("The buffer of the BYOB request is detached and cannot be filled.");
    }
    invalidateByobRequest(controller);
    first.buffer = transferBuffer(first.buffer);
    if (first.reader === "none") enqueueDetachedPullInto(controller, first);
  }
  if (hasDefaultReader(stream)) {
    serveReadRequests(controller);
    if (stream.reader.requests.length === 0) {
      pushBytes(controller, buffer, offset, length);
    } else {
      if (controller.pendingPullIntos.length > 0) shiftPullInto(controller);
      fulfillRequest(stream, new Uint8Array(buffer, offset, length), false);
    }
  } else {
    pushBytes(controller, buffer, offset, length);
    if (hasByobReader(stream)) servePullIntos(controller);
  }
  callPullIfNeeded(controller);
}

/** https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamcontrollerprocessreadrequestsusingqueue */
function serveReadRequests(controller) {
  const { requests } = controller.stream.reader;
  while (requests.length > 0 && controller.queueTotalSize > 0) {
    fillReadRequest(controller, listShift(requests));
  }
}

/** https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamcontrollerfillreadrequestfromqueue */
function fillReadRequest(controller, request) {
  const entry = listShift(controller.queue);
  controller.queueTotalSize -= entry.byteLength;
  handleQueueDrain(controller);
  chunkSteps(request, new Uint8Array(entry.buffer, entry.byteOffset, entry.byteLength));
}

/** [[PullSteps]], https://streams.spec.whatwg.org/#rbs-controller-private-pull
 * @param {ByteControllerRecord} controller @param {any} request */
function bytePullSteps(controller, request) {
  if (controller.queueTotalSize > 0) {
    fillReadRequest(controller, request);
    return;
  }
  const size = controller.autoAllocateChunkSize;
  if (size !== undefined) {
    let buffer;
    try {
      buffer = new ArrayBuffer(size);
    } catch (e) {
      errorSteps(request, e);
      return;
    }
    const descriptor = new PullInto(buffer, size, 0, size, 1, BYTES, "default");
    listPush(controller.pendingPullIntos, descriptor);
  }
  addRequest(controller.stream, request);
  callPullIfNeeded(controller);
}

/** [[ReleaseSteps]],
 * https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamcontroller-releasesteps
 * @param {ByteControllerRecord} controller */
function byteReleaseSteps(controller) {
  const pending = controller.pendingPullIntos;
  if (pending.length === 0) return;
  // The source may still be filling the first buffer: its bytes are kept. The others go.
  const first = listShift(pending);
  first.reader = "none";
  listClear(pending);
  listPush(pending, first);
}

const BYTE_CONTROLLER = {
  __proto__: null,
  pull: bytePullSteps,
  release: byteReleaseSteps,
  clear: clearPendingPullIntos,
  checkClose: requireWholeElements,
  pullInto,
};

/** https://streams.spec.whatwg.org/#set-up-readable-byte-stream-controller-from-underlying-source
 * @param {any} stream the record @param {any} source @param {Record<string, any>} dictionary
 * @param {number} highWaterMark bytes */
export function setUpByteFromSource(stream, source, dictionary, highWaterMark) {
  const controller = new ByteControllerRecord(BYTE_CONTROLLER);
  attachController(controller, stream, highWaterMark);
  controller.face = new ReadableByteStreamController(internalToken, controller);
  if (dictionary.autoAllocateChunkSize === 0) {
    throw new TypeError("autoAllocateChunkSize must be greater than 0.");
  }
  controller.autoAllocateChunkSize = dictionary.autoAllocateChunkSize;
  startFromSource(controller, source, dictionary);
}

/** https://streams.spec.whatwg.org/#set-up-readable-byte-stream-controller
 * @param {any} stream the record @param {Function | undefined} pull
 * @param {Function | undefined} cancel
 * @param {number} highWaterMark bytes @returns {ByteControllerRecord} */
export function setUpByteController(stream, pull, cancel, highWaterMark) {
  const controller = new ByteControllerRecord(BYTE_CONTROLLER);
  attachController(controller, stream, highWaterMark);
  controller.pullAlgorithm = pull;
  controller.cancelAlgorithm = cancel;
  return controller;
}
