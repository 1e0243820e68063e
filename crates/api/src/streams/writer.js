/**
 * WritableStreamDefaultWriter.
 * https://streams.spec.whatwg.org/#default-writer-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import { toWritableRecord } from "./faces.js";
import {
  Deferred,
  promiseOf,
  rejectDeferred,
  rejectedInvocation,
  resolveDeferred,
} from "./promises.js";
import { internalToken } from "./token.js";
import {
  chunkSize,
  closeWritable,
  writableDesiredSize,
  writeChunk,
} from "./writable_controller.js";
import {
  abortStream,
  acquireWriter,
  isCloseRequested,
  releaseWriter,
  writerReleasedError,
} from "./writable_operations.js";
import { WriteRequest } from "./writable_records.js";

const { PromiseReject, TypeError } = primordials;

const WRITER_STEPS = {
  __proto__: null,
  done: (request) => resolveDeferred(request.owner, undefined),
  error: (request, reason) => rejectDeferred(request.owner, reason),
};

/** Writes a chunk; gives the reason why it may not be written, boxed as `{ reason }`, undefined
 * where it may.
 * https://streams.spec.whatwg.org/#writable-stream-default-writer-write
 * @param {any} writer the record @param {any} chunk
 * @param {WriteRequest} request settled after the write
 * @returns {{ reason: any } | undefined} */
export function writeWith(writer, chunk, request) {
  const { stream } = writer;
  const { controller } = stream;
  const { convertChunk } = controller;
  let converted = chunk;
  if (convertChunk !== undefined) {
    const refusal = refuseWrite(writer, stream);
    if (refusal !== undefined) return refusal;
    try {
      converted = convertChunk(chunk);
    } catch (reason) {
      return { __proto__: null, reason };
    }
  }
  const size = chunkSize(controller, converted);
  // The size function may have done anything.
  const refusal = refuseWrite(writer, stream);
  if (refusal !== undefined) return refusal;
  writeChunk(controller, converted, size, request);
  return undefined;
}

function refuseWrite(writer, stream) {
  const { state } = stream;
  if (state === "writable" && writer.stream === stream && !isCloseRequested(stream)) {
    return undefined;
  }
  let reason;
  if (writer.stream !== stream) reason = writerReleasedError();
  else if (state === "errored") reason = stream.storedError;
  else if (state === "closed" || isCloseRequested(stream)) {
    reason = new TypeError("This WritableStream has been closed.");
  } else {
    reason = stream.storedError;
  }
  return { __proto__: null, reason };
}

/** https://streams.spec.whatwg.org/#default-writer-class */
export class WritableStreamDefaultWriter {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(stream, record = undefined) {
    if (stream === internalToken) {
      this.#record = record;
      return;
    }
    const what = "Failed to construct 'WritableStreamDefaultWriter'";
    requireArguments(arguments.length, 1, what);
    this.#record = acquireWriter(toWritableRecord(stream, `${what}: parameter 1`));
  }

  get closed() {
    if (!WritableStreamDefaultWriter.#is(this)) return rejectedInvocation();
    return promiseOf(this.#record.closed);
  }

  get desiredSize() {
    if (!WritableStreamDefaultWriter.#is(this)) illegalInvocation();
    const { stream } = this.#record;
    if (stream === undefined) throw writerReleasedError();
    return writableDesiredSize(stream);
  }

  get ready() {
    if (!WritableStreamDefaultWriter.#is(this)) return rejectedInvocation();
    return promiseOf(this.#record.ready);
  }

  abort(reason = undefined) {
    if (!WritableStreamDefaultWriter.#is(this)) return rejectedInvocation();
    const { stream } = this.#record;
    if (stream === undefined) return PromiseReject(writerReleasedError());
    return abortStream(stream, reason);
  }

  close() {
    if (!WritableStreamDefaultWriter.#is(this)) return rejectedInvocation();
    const { stream } = this.#record;
    if (stream === undefined) return PromiseReject(writerReleasedError());
    return closeWritable(stream);
  }

  releaseLock() {
    if (!WritableStreamDefaultWriter.#is(this)) illegalInvocation();
    releaseWriter(this.#record);
  }

  write(chunk = undefined) {
    if (!WritableStreamDefaultWriter.#is(this)) return rejectedInvocation();
    if (this.#record.stream === undefined) return PromiseReject(writerReleasedError());
    const deferred = new Deferred();
    const refusal = writeWith(this.#record, chunk, new WriteRequest(WRITER_STEPS, deferred));
    return refusal === undefined ? deferred.promise : PromiseReject(refusal.reason);
  }
}
defineInterface(WritableStreamDefaultWriter);
