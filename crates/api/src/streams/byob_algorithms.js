/**
 * How a byte stream fills the buffers that readers bring along: pull-into descriptors and the queue
 * of bytes.
 * https://streams.spec.whatwg.org/#rbs-controller-abstract-ops
 * @module
 */

import { primordials } from "../primordials.js";
import { typedArrayName } from "../webidl/webidl.js";
import { List, listClear, listPush, listShift } from "./queue.js";
import {
  bufferLength,
  cloneBytes,
  transferBuffer,
  viewBuffer,
  viewLength,
  viewOffset,
} from "./buffers.js";
import {
  callPullIfNeeded,
  closeController,
  errorController,
  handleQueueDrain,
} from "./readable_controller.js";
import {
  addRequest,
  chunkSteps,
  closeSteps,
  errorSteps,
  fulfillRequest,
  hasByobReader,
  waitingRequests,
} from "./readable_operations.js";
import { ByobRequestRecord, ByteEntry, PullInto } from "./records.js";

const {
  BigInt64Array,
  BigUint64Array,
  DataView,
  Float16Array,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  RangeError,
  TypeError,
  TypedArrayPrototypeSet,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
} = primordials;

/** Kinds of views by the names of typed arrays: constructor and bytes of an element. */
const KINDS = {
  __proto__: null,
  BigInt64Array: { View: BigInt64Array, elementSize: 8 },
  BigUint64Array: { View: BigUint64Array, elementSize: 8 },
  Float16Array: { View: Float16Array, elementSize: 2 },
  Float32Array: { View: Float32Array, elementSize: 4 },
  Float64Array: { View: Float64Array, elementSize: 8 },
  Int16Array: { View: Int16Array, elementSize: 2 },
  Int32Array: { View: Int32Array, elementSize: 4 },
  Int8Array: { View: Int8Array, elementSize: 1 },
  Uint16Array: { View: Uint16Array, elementSize: 2 },
  Uint32Array: { View: Uint32Array, elementSize: 4 },
  Uint8Array: { View: Uint8Array, elementSize: 1 },
  Uint8ClampedArray: { View: Uint8ClampedArray, elementSize: 1 },
};
const DATA_VIEW = { View: DataView, elementSize: 1 };
/** What a read without a view of its own gets. */
export const BYTES = KINDS.Uint8Array;

/** @param {ArrayBufferView} view */
export function kindOfView(view) {
  const name = typedArrayName(view);
  return name === undefined ? DATA_VIEW : KINDS[name];
}

/** @param {any} controller */
export function clearPendingPullIntos(controller) {
  invalidateByobRequest(controller);
  listClear(controller.pendingPullIntos);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-invalidate-byob-request
 * @param {any} controller */
export function invalidateByobRequest(controller) {
  const { byobRequest } = controller;
  if (byobRequest === undefined) return;
  byobRequest.controller = undefined;
  byobRequest.view = null;
  controller.byobRequest = undefined;
}

/** https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamcontrollergetbyobrequest
 * @param {any} controller @returns {ByobRequestRecord | undefined} */
export function getByobRequest(controller) {
  const first = controller.pendingPullIntos.head;
  if (controller.byobRequest === undefined && first !== undefined) {
    const { buffer, byteOffset, byteLength, bytesFilled } = first;
    const view = new Uint8Array(buffer, byteOffset + bytesFilled, byteLength - bytesFilled);
    controller.byobRequest = new ByobRequestRecord(controller, view);
  }
  return controller.byobRequest;
}

/** Takes the first descriptor out.
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-shift-pending-pull-into
 * @param {any} controller @returns {PullInto} */
export function shiftPullInto(controller) {
  return listShift(controller.pendingPullIntos);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-enqueue-chunk-to-queue
 * @param {any} controller @param {ArrayBuffer} buffer @param {number} offset
 * @param {number} length bytes */
export function pushBytes(controller, buffer, offset, length) {
  listPush(controller.queue, new ByteEntry(buffer, offset, length));
  controller.queueTotalSize += length;
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-enqueue-cloned-chunk-to-queue */
function pushClonedBytes(controller, buffer, offset, length) {
  let clone;
  try {
    clone = cloneBytes(buffer, offset, length);
  } catch (e) {
    errorController(controller, e);
    throw e;
  }
  pushBytes(controller, viewBuffer(clone), 0, length);
}

/** What was filled for a reader that is gone becomes ordinary bytes of the queue.
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-enqueue-detached-pull-into-to-queue
 * @param {any} controller @param {PullInto} descriptor the first one */
export function enqueueDetachedPullInto(controller, descriptor) {
  const { buffer, byteOffset, bytesFilled } = descriptor;
  if (bytesFilled > 0) pushClonedBytes(controller, buffer, byteOffset, bytesFilled);
  shiftPullInto(controller);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-convert-pull-into-descriptor */
function convertDescriptor(descriptor) {
  const { View, elementSize } = descriptor.kind;
  const buffer = transferBuffer(descriptor.buffer);
  return new View(buffer, descriptor.byteOffset, descriptor.bytesFilled / elementSize);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-commit-pull-into-descriptor
 * @param {any} stream @param {PullInto} descriptor */
function commitPullInto(stream, descriptor) {
  fulfillRequest(stream, convertDescriptor(descriptor), stream.state === "closed");
}

/** Copies from the queue into a descriptor. True when it is filled as far as its reader wants.
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-fill-pull-into-descriptor-from-queue */
function fillFromQueue(controller, descriptor) {
  const { kind, minimumFill, bytesFilled } = descriptor;
  const room = descriptor.byteLength - bytesFilled;
  const available = room < controller.queueTotalSize ? room : controller.queueTotalSize;
  const most = bytesFilled + available;
  const aligned = most - (most % kind.elementSize);
  const ready = aligned >= minimumFill;
  let remaining = ready ? aligned - bytesFilled : available;
  const target = new Uint8Array(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
  while (remaining > 0) {
    const entry = controller.queue.head;
    const count = remaining < entry.byteLength ? remaining : entry.byteLength;
    const bytes = new Uint8Array(entry.buffer, entry.byteOffset, count);
    TypedArrayPrototypeSet(target, bytes, descriptor.bytesFilled);
    if (entry.byteLength === count) {
      listShift(controller.queue);
    } else {
      entry.byteOffset += count;
      entry.byteLength -= count;
    }
    controller.queueTotalSize -= count;
    descriptor.bytesFilled += count;
    remaining -= count;
  }
  return ready;
}

/** Serves descriptors from the queue as far as its bytes go; gives the list of those that are
 * filled.
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-process-pull-into-descriptors-using-queue */
function processPullIntos(controller) {
  const filled = new List();
  const pending = controller.pendingPullIntos;
  while (pending.length > 0 && controller.queueTotalSize > 0) {
    if (fillFromQueue(controller, pending.head)) listPush(filled, shiftPullInto(controller));
  }
  return filled;
}

function commitAll(stream, filled) {
  while (filled.length > 0) commitPullInto(stream, listShift(filled));
}

/** @param {any} controller */
export function servePullIntos(controller) {
  commitAll(controller.stream, processPullIntos(controller));
}

/** Errors a stream whose last bytes are a part of an element of the view that waits for them. */
function partOfElement(controller) {
  const reason = new TypeError("The stream ended with a part of an element.");
  errorController(controller, reason);
  return reason;
}

/** The queue was the end of the stream, and less than a read waits for: an error in the standard;
 * the platform's own read gets what there is. */
function endWithRest(controller, descriptor, request) {
  const { bytesFilled, kind } = descriptor;
  if (!request.steps.takesRest || bytesFilled % kind.elementSize !== 0) {
    errorSteps(request, partOfElement(controller));
    return;
  }
  const rest = convertDescriptor(descriptor);
  handleQueueDrain(controller);
  chunkSteps(request, rest);
}

/** Errors the stream and throws where it may not end: in the middle of an element. Part of
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-close
 * @param {any} controller one with an empty queue */
export function requireWholeElements(controller) {
  const first = controller.pendingPullIntos.head;
  if (first !== undefined && first.bytesFilled % first.kind.elementSize !== 0) {
    throw partOfElement(controller);
  }
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-pull-into
 * @param {any} controller @param {ArrayBufferView} view
 * @param {number} minimumFill bytes to wait for, whole elements @param {any} request */
export function pullInto(controller, view, minimumFill, request) {
  const { stream } = controller;
  const kind = kindOfView(view);
  const byteOffset = viewOffset(view);
  const byteLength = viewLength(view);
  let buffer;
  try {
    buffer = transferBuffer(viewBuffer(view));
  } catch (e) {
    errorSteps(request, e);
    return;
  }
  const wholeLength = bufferLength(buffer);
  const descriptor = new PullInto(
    buffer, wholeLength, byteOffset, byteLength, minimumFill, kind, "byob",
  );
  if (controller.pendingPullIntos.length > 0) {
    listPush(controller.pendingPullIntos, descriptor);
    addRequest(stream, request);
    return;
  }
  if (stream.state === "closed") {
    const { View } = kind;
    closeSteps(request, new View(buffer, byteOffset, 0));
    return;
  }
  if (controller.queueTotalSize > 0) {
    if (fillFromQueue(controller, descriptor)) {
      const filled = convertDescriptor(descriptor);
      handleQueueDrain(controller);
      chunkSteps(request, filled);
      return;
    }
    if (controller.closeRequested) {
      endWithRest(controller, descriptor, request);
      return;
    }
  }
  listPush(controller.pendingPullIntos, descriptor);
  addRequest(stream, request);
  callPullIfNeeded(controller);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-respond
 * @param {any} controller @param {number} bytesWritten */
export function respondByob(controller, bytesWritten) {
  const first = controller.pendingPullIntos.head;
  if (controller.stream.state === "closed") {
    if (bytesWritten !== 0) {
      throw new TypeError("respond() must be called with 0 bytes when the stream is closed.");
    }
  } else {
    if (bytesWritten === 0) {
      throw new TypeError("respond() must be called with more than 0 bytes on an open stream.");
    }
    if (first.bytesFilled + bytesWritten > first.byteLength) {
      throw new RangeError("respond() was called with more bytes than the view has.");
    }
  }
  first.buffer = transferBuffer(first.buffer);
  respondInternal(controller, bytesWritten);
}

/** The views that wait in a closed stream are given back empty. @param {any} controller */
export function answerClosed(controller) {
  if (controller.pendingPullIntos.length > 0) respondByob(controller, 0);
}

/** Closes a stream of the platform: views that wait are given back as well.
 * https://streams.spec.whatwg.org/#readablestream-close
 * @param {import('./records.js').ControllerRecord} controller */
export function closeAndAnswer(controller) {
  closeController(controller);
  if (controller.stream.state === "closed") answerClosed(controller);
}

/** A source may close its stream without an answer to the view that waits, whose reader would wait
 * for nothing: the view is given back. An answer that comes late does no harm.
 * @param {any} controller */
export function answerUnlessAnswered(controller) {
  const { byobRequest, pendingPullIntos } = controller;
  if (pendingPullIntos.length === 0 || controller.stream.state !== "closed") return;
  respondByob(controller, 0);
  if (byobRequest !== undefined) byobRequest.mayAnswerLate = true;
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-respond-with-new-view
 * @param {any} controller @param {ArrayBufferView} view */
export function respondWithNewView(controller, view) {
  const first = controller.pendingPullIntos.head;
  const length = viewLength(view);
  const buffer = viewBuffer(view);
  if (controller.stream.state === "closed") {
    if (length !== 0) throw new TypeError("The view must be empty when the stream is closed.");
  } else if (length === 0) {
    throw new TypeError("The view must not be empty on an open stream.");
  }
  if (first.byteOffset + first.bytesFilled !== viewOffset(view)) {
    throw new RangeError("The region of the view does not match the BYOB request.");
  }
  if (first.bufferByteLength !== bufferLength(buffer)) {
    throw new RangeError("The buffer of the view has another length than the BYOB request's.");
  }
  if (first.bytesFilled + length > first.byteLength) {
    throw new RangeError("The view is larger than the rest of the BYOB request's.");
  }
  first.buffer = transferBuffer(buffer);
  respondInternal(controller, length);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-respond-internal */
function respondInternal(controller, bytesWritten) {
  const first = controller.pendingPullIntos.head;
  invalidateByobRequest(controller);
  if (controller.stream.state === "closed") respondWhenClosed(controller, first);
  else respondWhenReadable(controller, bytesWritten, first);
  callPullIfNeeded(controller);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-respond-in-closed-state */
function respondWhenClosed(controller, first) {
  if (first.reader === "none") shiftPullInto(controller);
  const { stream } = controller;
  if (!hasByobReader(stream)) return;
  const filled = new List();
  while (filled.length < waitingRequests(stream)) listPush(filled, shiftPullInto(controller));
  commitAll(stream, filled);
}

/** https://streams.spec.whatwg.org/#readable-byte-stream-controller-respond-in-readable-state */
function respondWhenReadable(controller, bytesWritten, descriptor) {
  const { stream } = controller;
  descriptor.bytesFilled += bytesWritten;
  if (descriptor.reader === "none") {
    enqueueDetachedPullInto(controller, descriptor);
    servePullIntos(controller);
    return;
  }
  if (descriptor.bytesFilled < descriptor.minimumFill) return;
  shiftPullInto(controller);
  const rest = descriptor.bytesFilled % descriptor.kind.elementSize;
  if (rest > 0) {
    const end = descriptor.byteOffset + descriptor.bytesFilled;
    pushClonedBytes(controller, descriptor.buffer, end - rest, rest);
  }
  descriptor.bytesFilled -= rest;
  const filled = processPullIntos(controller);
  commitPullInto(stream, descriptor);
  commitAll(stream, filled);
}
