/**
 * WritableStream.
 * https://streams.spec.whatwg.org/#ws-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  toAny,
  toDictionary,
  toFunction,
  toObject,
} from "../webidl/webidl.js";
import { setWritableRecordOf } from "./faces.js";
import { rejectedInvocation } from "./promises.js";
import { convertStrategy, extractHighWaterMark, extractSizeAlgorithm } from "./queuing.js";
import { internalToken } from "./token.js";
import { closeWritable, setUpFromSink } from "./writable_controller.js";
import { abortStream, acquireWriter, isWritableLocked } from "./writable_operations.js";
import { WritableRecord } from "./writable_records.js";
import { WritableStreamDefaultWriter } from "./writer.js";

const { PromiseReject, RangeError, TypeError } = primordials;

const SINK_MEMBERS = [
  { key: "abort", convert: toFunction },
  { key: "close", convert: toFunction },
  { key: "start", convert: toFunction },
  { key: "type", convert: toAny },
  { key: "write", convert: toFunction },
];

/** The stream of a record. @param {WritableRecord} record @returns {WritableStream} */
export function writableFace(record) {
  record.face ??= new WritableStream(internalToken, record);
  return record.face;
}

/** https://streams.spec.whatwg.org/#ws-class */
export class WritableStream {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  static {
    setWritableRecordOf((v) => (isObject(v) && #record in v ? v.#record : undefined));
  }

  constructor(underlyingSink = undefined, strategy = { __proto__: null }) {
    if (underlyingSink === internalToken) {
      this.#record = strategy;
      return;
    }
    const what = "Failed to construct 'WritableStream'";
    if (underlyingSink !== undefined) toObject(underlyingSink, `${what}: parameter 1`);
    const queuing = convertStrategy(strategy, `${what}: parameter 2`);
    const sink = toDictionary(underlyingSink, SINK_MEMBERS, `${what}: parameter 1`);
    if (sink.type !== undefined) {
      throw new RangeError(`${what}: the sink must not have a type.`);
    }
    const record = new WritableRecord();
    record.face = this;
    this.#record = record;
    const sizeAlgorithm = extractSizeAlgorithm(queuing);
    const highWaterMark = extractHighWaterMark(queuing, 1);
    setUpFromSink(record, underlyingSink, sink, highWaterMark, sizeAlgorithm);
  }

  get locked() {
    if (!WritableStream.#is(this)) illegalInvocation();
    return isWritableLocked(this.#record);
  }

  abort(reason = undefined) {
    if (!WritableStream.#is(this)) return rejectedInvocation();
    if (isWritableLocked(this.#record)) {
      return PromiseReject(
        new TypeError("This WritableStream is currently locked to a writer and cannot be aborted."),
      );
    }
    return abortStream(this.#record, reason);
  }

  close() {
    if (!WritableStream.#is(this)) return rejectedInvocation();
    const record = this.#record;
    if (isWritableLocked(record)) {
      return PromiseReject(
        new TypeError("This WritableStream is currently locked to a writer and cannot be closed."),
      );
    }
    return closeWritable(record);
  }

  getWriter() {
    if (!WritableStream.#is(this)) illegalInvocation();
    return new WritableStreamDefaultWriter(internalToken, acquireWriter(this.#record));
  }
}
defineInterface(WritableStream);
