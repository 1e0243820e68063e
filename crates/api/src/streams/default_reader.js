/**
 * ReadableStreamDefaultReader.
 * https://streams.spec.whatwg.org/#default-reader-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import { foreignOwner } from "./native.js";
import { promiseOf, rejectedInvocation } from "./promises.js";
import { readableRecordOf } from "./readable_stream.js";
import { acquireDefaultReader, cancelStream, releaseReader } from "./readable_operations.js";
import { readAsPromise } from "./reading.js";
import { internalToken } from "./token.js";

const { PromiseReject, TypeError } = primordials;

/** The error of a reader whose lock was released. */
export function releasedError() {
  return new TypeError("This ReadableStream reader has been released.");
}

/** The record of a stream given to the constructor of a reader. @param {any} v
 * @param {string} what */
export function toReadableRecord(v, what) {
  const record = readableRecordOf(v);
  if (record === undefined) throw new TypeError(`${what} is not of type 'ReadableStream'.`);
  return record;
}

/** https://streams.spec.whatwg.org/#default-reader-class */
export class ReadableStreamDefaultReader {
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
    const what = "Failed to construct 'ReadableStreamDefaultReader'";
    requireArguments(arguments.length, 1, what);
    this.#record = acquireDefaultReader(toReadableRecord(stream, `${what}: parameter 1`));
  }

  get closed() {
    if (!ReadableStreamDefaultReader.#is(this)) return rejectedInvocation();
    return promiseOf(this.#record.closed);
  }

  cancel(reason = undefined) {
    if (!ReadableStreamDefaultReader.#is(this)) return rejectedInvocation();
    const { stream } = this.#record;
    const refused = stream === undefined ? releasedError() : foreignOwner(stream);
    return refused === undefined ? cancelStream(stream, reason) : PromiseReject(refused);
  }

  read() {
    if (!ReadableStreamDefaultReader.#is(this)) return rejectedInvocation();
    const record = this.#record;
    const { stream } = record;
    if (stream === undefined) return PromiseReject(releasedError());
    const refused = foreignOwner(stream);
    if (refused !== undefined) return PromiseReject(refused);
    return readAsPromise(record);
  }

  releaseLock() {
    if (!ReadableStreamDefaultReader.#is(this)) illegalInvocation();
    if (this.#record.stream !== undefined) releaseReader(this.#record);
  }
}
defineInterface(ReadableStreamDefaultReader);
