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
import { toReadableRecord } from "./faces.js";
import { promiseOf, rejectedInvocation } from "./promises.js";
import {
  acquireDefaultReader,
  cancelThroughReader,
  readerRefusal,
  releaseReader,
} from "./readers.js";
import { readAsPromise } from "./reading.js";
import { internalToken } from "./token.js";

const { PromiseReject } = primordials;

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
    return cancelThroughReader(this.#record, reason);
  }

  read() {
    if (!ReadableStreamDefaultReader.#is(this)) return rejectedInvocation();
    const record = this.#record;
    const refusal = readerRefusal(record);
    return refusal === undefined ? readAsPromise(record) : PromiseReject(refusal);
  }

  releaseLock() {
    if (!ReadableStreamDefaultReader.#is(this)) illegalInvocation();
    releaseReader(this.#record);
  }
}
defineInterface(ReadableStreamDefaultReader);
