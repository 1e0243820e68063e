/**
 * What readable streams, their readers and their controllers are on the inside.
 *
 * A Worker sees objects like `ReadableStream` or `ReadableStreamDefaultReader`; each of them holds
 * one of the records here in a private field. The platform's own readers (pipes, tees, bodies) are
 * records without such an object. This module imports nothing that imports it back, so that records
 * can be made at any time.
 * @module
 */

import { internal } from "../internal.js";
import { Deferred } from "./promises.js";
import { List } from "./queue.js";

/** A readable stream. */
export class ReadableRecord {
  /** @type {"readable" | "closed" | "errored"} */
  state = "readable";
  storedError = undefined;
  disturbed = false;
  /** @type {ReaderRecord | undefined} */
  reader = undefined;
  controller = undefined;
  /** The `ReadableStream` of this record. */
  face = undefined;
  /** Where the bytes come from when that is the native side (`native.js`). */
  nativeSource = undefined;
  /** How many bytes are still to come, where that is known (`identity.js`). */
  expectedLength = undefined;
  /** All the bytes that a stream of fixed content gives (`internal.js`). */
  content = undefined;
}
internal(ReadableRecord);

/** A reader of either kind. */
export class ReaderRecord {
  /** @type {ReadableRecord | undefined} */
  stream = undefined;
  closed = undefined;
  /** [[readRequests]] or [[readIntoRequests]] */
  requests = new List();

  /** @param {boolean} isByob */
  constructor(isByob) {
    this.isByob = isByob;
  }
}
internal(ReaderRecord);

/**
 * A read that waits. `steps` has functions `chunk(request, value)`, `close(request, value)` and
 * `error(request, reason)`; it is shared by all requests of a kind, `owner` is what they work for.
 * With `takesEarly` a chunk of the queue is handed over before the source is asked for the next
 * one: the source may fill the same memory again. With `takesRest` a BYOB read that waits for a
 * number of bytes gets at the end of the stream what there is.
 */
export class ReadRequest {
  next = undefined;

  constructor(steps, owner) {
    this.steps = steps;
    this.owner = owner;
  }
}
internal(ReadRequest);

/**
 * What the controllers of chunks and of bytes do each in its own way.
 * @typedef {object} ControllerSteps
 * @property {(controller: any, request: ReadRequest) => void} pull
 * @property {(controller: any) => void} release after the reader has gone
 * @property {(controller: any) => void} clear forgets views that wait
 * @property {(controller: any) => void} checkClose throws where the stream may not end yet
 * @property {(controller: any, view: ArrayBufferView, minimumFill: number, request: ReadRequest)
 *   => void} [pullInto] of bytes only
 */

/** The slots of both controllers. Algorithms take the record, so that one function can serve all
 * streams. */
export class ControllerRecord {
  stream = undefined;
  /** The controller object, where a Worker can get one. */
  face = undefined;
  queue = new List();
  queueTotalSize = 0;
  started = false;
  closeRequested = false;
  pulling = false;
  pullAgain = false;
  highWaterMark = 1;
  /** `(controller) => Promise | undefined`; undefined where there is nothing to call */
  pullAlgorithm = undefined;
  /** `(controller, reason) => Promise` */
  cancelAlgorithm = undefined;
  /** What the algorithms work on: the underlying source, for those of a Worker. */
  source = undefined;
  onPulled = undefined;
  onPullFailed = undefined;
  sizeAlgorithm = undefined;

  /** @param {boolean} isByte @param {ControllerSteps} steps */
  constructor(isByte, steps) {
    this.isByte = isByte;
    this.steps = steps;
  }
}
internal(ControllerRecord);

/** The slots of ReadableByteStreamController. */
export class ByteControllerRecord extends ControllerRecord {
  pendingPullIntos = new List();
  /** @type {ByobRequestRecord | undefined} */
  byobRequest = undefined;
  /** Bytes; undefined where reads without a view of their own are served without one. */
  autoAllocateChunkSize = undefined;

  /** @param {ControllerSteps} steps */
  constructor(steps) {
    super(true, steps);
  }
}

/** Bytes in the queue of a byte stream. */
export class ByteEntry {
  next = undefined;

  /** @param {ArrayBuffer} buffer @param {number} byteOffset @param {number} byteLength */
  constructor(buffer, byteOffset, byteLength) {
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
  }
}
internal(ByteEntry);

/** A buffer that waits to be filled. https://streams.spec.whatwg.org/#pull-into-descriptor */
export class PullInto {
  next = undefined;
  bytesFilled = 0;

  /** `kind` is what view is made on the bytes (`byob_algorithms.js`), `reader` is "default", "byob"
   * or "none". */
  constructor(buffer, bufferByteLength, byteOffset, byteLength, minimumFill, kind, reader) {
    this.buffer = buffer;
    this.bufferByteLength = bufferByteLength;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.minimumFill = minimumFill;
    this.kind = kind;
    this.reader = reader;
  }
}
internal(PullInto);

/** The slots of ReadableStreamBYOBRequest. */
export class ByobRequestRecord {
  face = undefined;
  /** Whether the end of the stream answered it, and the source may still do so, to no effect. */
  mayAnswerLate = false;

  /** @param {ByteControllerRecord} controller @param {Uint8Array} view */
  constructor(controller, view) {
    this.controller = controller;
    this.view = view;
  }
}
internal(ByobRequestRecord);

/** One of the two streams of a tee; the source that its controller works on. */
export class BranchRecord {
  stream = new ReadableRecord();
  isCancelled = false;
  reason = undefined;
  /** Whether it asked for a chunk while one was being read. */
  readAgain = false;
  /** @type {BranchRecord | undefined} */
  other = undefined;

  /** @param {TeeRecord} tee */
  constructor(tee) {
    this.tee = tee;
  }
}
internal(BranchRecord);

/** A stream that is split into two. */
export class TeeRecord {
  reading = false;
  branch1 = new BranchRecord(this);
  branch2 = new BranchRecord(this);
  /** Settled when the stream has been cancelled for both branches, or never will be. */
  cancelled = new Deferred();
  /** What was read, until the microtask that delivers it. */
  chunk = undefined;

  /** `read(branch)` starts to read a chunk because that branch wants one.
   * @param {ReaderRecord} reader of the stream @param {(branch: BranchRecord) => void} read
   * @param {boolean} forClone whether it is the tee of a cloned body */
  constructor(reader, read, forClone) {
    this.forClone = forClone;
    this.stream = reader.stream;
    this.reader = reader;
    this.read = read;
    this.branch1.other = this.branch2;
    this.branch2.other = this.branch1;
  }
}
internal(TeeRecord);
