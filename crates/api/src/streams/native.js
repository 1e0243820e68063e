/**
 * Readable byte streams whose bytes come from the native side: bodies of requests and responses.
 *
 * Nothing is read before somebody reads. A stream that nobody has touched can be handed back to the
 * native side, which then moves the bytes without JavaScript.
 * @module
 */

import { checkContext } from "../context.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { viewBuffer, viewLength, viewOffset } from "./buffers.js";
import { closeAndAnswer } from "./byob_algorithms.js";
import { readableRecordOf } from "./faces.js";
import { invokePromiseCallback } from "./promises.js";
import { clearAlgorithms } from "./readable_controller.js";
import { enqueueOwned, setUpByteController } from "./readable_byte.js";
import { closeReadable } from "./readable_operations.js";
import { readableFace } from "./readable_stream.js";
import { ReadableRecord } from "./records.js";

const { PromisePrototypeThen, PromiseReject } = primordials;

/** Asked of the native side for a read that brings no view of its own, in bytes. */
const DEFAULT_READ_BYTES = 65536;

/**
 * @typedef {object} NativeSource a record without prototype
 * @property {(maxBytes: number) => Promise<Uint8Array | undefined>} read the next bytes, in memory
 *   that nobody else has; undefined at the end
 * @property {(reason: any) => Promise<any> | undefined} cancel
 * @property {any} owner the context that the bytes belong to
 */

/** What the controller of a native stream keeps: the source, and its one reaction to a read. */
class NativeState {
  constructor(source, controller) {
    this.source = source;
    this.onBytes = (bytes) => takeBytes(controller, bytes);
  }
}
internal(NativeState);

/** @param {NativeSource} source @returns {import('./readable_stream.js').ReadableStream} */
export function createNativeByteStream(source) {
  const stream = new ReadableRecord();
  const controller = setUpByteController(stream, pullNative, cancelNative, 0);
  controller.started = true;
  controller.source = new NativeState(source, controller);
  stream.nativeSource = source;
  return readableFace(stream);
}

function pullNative(controller) {
  const { source, onBytes } = controller.source;
  try {
    checkContext(source.owner, "ReadableStream");
    const first = controller.pendingPullIntos.head;
    const room = first === undefined ? DEFAULT_READ_BYTES : first.byteLength - first.bytesFilled;
    const { read } = source;
    return PromisePrototypeThen(read(room), onBytes);
  } catch (e) {
    return PromiseReject(e);
  }
}

function takeBytes(controller, bytes) {
  if (controller.stream.state !== "readable") return;
  if (bytes === undefined) {
    closeAndAnswer(controller);
  } else if (viewLength(bytes) === 0) {
    // No end and no progress: the read that waits needs another one.
    controller.pullAgain = true;
  } else {
    enqueueOwned(controller, viewBuffer(bytes), viewOffset(bytes), viewLength(bytes));
  }
}

function cancelNative(controller, reason) {
  return invokePromiseCallback(controller.source.source.cancel, undefined, [reason]);
}

/** The source that a stream was made from, as long as nobody has read from the stream or locked it.
 * @param {any} stream a ReadableStream @returns {NativeSource | undefined} */
export function nativeSourceOf(stream) {
  const record = readableRecordOf(stream);
  if (record.disturbed || record.reader !== undefined || record.state !== "readable") {
    return undefined;
  }
  return record.nativeSource;
}

/** Takes the source out of a stream for which `nativeSourceOf` gave it. To JavaScript the stream is
 * read to its end; the source is neither read nor cancelled.
 * @param {any} stream a ReadableStream */
export function detachNativeSource(stream) {
  const record = readableRecordOf(stream);
  record.disturbed = true;
  record.nativeSource = undefined;
  clearAlgorithms(record.controller);
  closeReadable(record);
}
