/**
 * ReadableStream.
 * https://streams.spec.whatwg.org/#rs-class
 * @module
 */

import { toSignal } from "../events/abort.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toBoolean,
  toDictionary,
  toEnum,
  toFunction,
  toObject,
  toUnsignedLongLong,
} from "../webidl/webidl.js";
import { iterateStream } from "./async_iterator.js";
import { ReadableStreamBYOBReader } from "./byob.js";
import { ReadableStreamDefaultReader } from "./default_reader.js";
import { setReadableRecordOf, toReadableRecord, toWritableRecord } from "./faces.js";
import { streamFromIterable } from "./from.js";
import { pipeTo } from "./pipe.js";
import { markHandled, rejectedInvocation } from "./promises.js";
import { convertStrategy, extractHighWaterMark, extractSizeAlgorithm } from "./queuing.js";
import { setUpByteFromSource } from "./readable_byte.js";
import { cancelStream } from "./readable_controller.js";
import { setUpDefaultFromSource } from "./readable_default.js";
import { foreignOwner, isStreamLocked } from "./readable_operations.js";
import { acquireByobReader, acquireDefaultReader, requireUnlocked } from "./readers.js";
import { ReadableRecord } from "./records.js";
import { teeStream } from "./tee.js";
import { internalToken } from "./token.js";
import { requireUnlockedWritable } from "./writable_operations.js";

const { ObjectDefineProperty, PromiseReject, RangeError, SymbolAsyncIterator, TypeError } =
  primordials;

const SOURCE_MEMBERS = [
  {
    key: "autoAllocateChunkSize",
    convert: (v, what) => toUnsignedLongLong(v, what, "enforceRange"),
  },
  { key: "cancel", convert: toFunction },
  { key: "pull", convert: toFunction },
  { key: "start", convert: toFunction },
  { key: "type", convert: (v, what) => toEnum(v, ["bytes"], what) },
];
const READER_MEMBERS = [{ key: "mode", convert: (v, what) => toEnum(v, ["byob"], what) }];
const ITERATOR_MEMBERS = [{ key: "preventCancel", convert: toBoolean, default: false }];
const PIPE_MEMBERS = [
  { key: "preventAbort", convert: toBoolean, default: false },
  { key: "preventCancel", convert: toBoolean, default: false },
  { key: "preventClose", convert: toBoolean, default: false },
  { key: "signal", convert: toSignal },
];
const PAIR_MEMBERS = [
  { key: "readable", convert: toReadable, required: true },
  { key: "writable", convert: toWritableRecord, required: true },
];

function toReadable(v, what) {
  toReadableRecord(v, what);
  return v;
}

/** The stream of a record. @param {ReadableRecord} record @returns {ReadableStream} */
export function readableFace(record) {
  record.face ??= new ReadableStream(internalToken, record);
  return record.face;
}

/** https://streams.spec.whatwg.org/#rs-class */
export class ReadableStream {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  static {
    setReadableRecordOf((v) => (isObject(v) && #record in v ? v.#record : undefined));
  }

  constructor(underlyingSource = undefined, strategy = { __proto__: null }) {
    if (underlyingSource === internalToken) {
      this.#record = strategy;
      return;
    }
    const what = "Failed to construct 'ReadableStream'";
    if (underlyingSource !== undefined) toObject(underlyingSource, `${what}: parameter 1`);
    const queuing = convertStrategy(strategy, `${what}: parameter 2`);
    const source = toDictionary(underlyingSource, SOURCE_MEMBERS, `${what}: parameter 1`);
    const record = new ReadableRecord();
    record.face = this;
    this.#record = record;
    if (source.type === "bytes") {
      if (queuing.size !== undefined) {
        throw new RangeError(`${what}: a byte stream takes no strategy with a size function.`);
      }
      setUpByteFromSource(record, underlyingSource, source, extractHighWaterMark(queuing, 0));
      return;
    }
    const sizeAlgorithm = extractSizeAlgorithm(queuing);
    const highWaterMark = extractHighWaterMark(queuing, 1);
    setUpDefaultFromSource(record, underlyingSource, source, highWaterMark, sizeAlgorithm);
  }

  static from(asyncIterable) {
    requireArguments(arguments.length, 1, "Failed to execute 'from' on 'ReadableStream'");
    return readableFace(streamFromIterable(asyncIterable));
  }

  get locked() {
    if (!ReadableStream.#is(this)) illegalInvocation();
    return isStreamLocked(this.#record);
  }

  cancel(reason = undefined) {
    if (!ReadableStream.#is(this)) return rejectedInvocation();
    if (isStreamLocked(this.#record)) {
      return PromiseReject(
        new TypeError("This ReadableStream is locked to a reader and cannot be cancelled."),
      );
    }
    const refused = foreignOwner(this.#record);
    return refused === undefined ? cancelStream(this.#record, reason) : PromiseReject(refused);
  }

  getReader(options = { __proto__: null }) {
    if (!ReadableStream.#is(this)) illegalInvocation();
    const what = "Failed to execute 'getReader' on 'ReadableStream': parameter 1";
    const { mode } = toDictionary(options, READER_MEMBERS, what);
    if (mode === undefined) {
      return new ReadableStreamDefaultReader(internalToken, acquireDefaultReader(this.#record));
    }
    return new ReadableStreamBYOBReader(internalToken, acquireByobReader(this.#record));
  }

  pipeThrough(transform, options = { __proto__: null }) {
    if (!ReadableStream.#is(this)) illegalInvocation();
    const what = "Failed to execute 'pipeThrough' on 'ReadableStream'";
    requireArguments(arguments.length, 1, what);
    const pair = toDictionary(transform, PAIR_MEMBERS, `${what}: parameter 1`);
    const converted = toDictionary(options, PIPE_MEMBERS, `${what}: parameter 2`);
    checkPipe(this.#record, pair.writable);
    markHandled(pipeTo(this.#record, pair.writable, converted));
    return pair.readable;
  }

  pipeTo(destination, options = { __proto__: null }) {
    if (!ReadableStream.#is(this)) return rejectedInvocation();
    const what = "Failed to execute 'pipeTo' on 'ReadableStream'";
    try {
      requireArguments(arguments.length, 1, what);
      const writable = toWritableRecord(destination, `${what}: parameter 1`);
      const converted = toDictionary(options, PIPE_MEMBERS, `${what}: parameter 2`);
      checkPipe(this.#record, writable);
      return pipeTo(this.#record, writable, converted);
    } catch (e) {
      return PromiseReject(e);
    }
  }

  tee() {
    if (!ReadableStream.#is(this)) illegalInvocation();
    const refused = foreignOwner(this.#record);
    if (refused !== undefined) throw refused;
    const { branch1, branch2 } = teeStream(this.#record, false);
    return [readableFace(branch1.stream), readableFace(branch2.stream)];
  }

  values(options = { __proto__: null }) {
    if (!ReadableStream.#is(this)) illegalInvocation();
    const what = "Failed to execute 'values' on 'ReadableStream': parameter 1";
    const { preventCancel } = toDictionary(options, ITERATOR_MEMBERS, what);
    return iterateStream(this.#record, preventCancel);
  }
}
defineInterface(ReadableStream);
ObjectDefineProperty(ReadableStream.prototype, SymbolAsyncIterator, {
  __proto__: null,
  value: ReadableStream.prototype.values,
  writable: true,
  enumerable: false,
  configurable: true,
});

function checkPipe(readable, writable) {
  requireUnlocked(readable);
  requireUnlockedWritable(writable);
  const refused = foreignOwner(readable);
  if (refused !== undefined) throw refused;
}
