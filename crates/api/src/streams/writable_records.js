/**
 * What writable streams, their writers and their controllers are on the inside; the counterpart of
 * `records.js`.
 * @module
 */

import { internal } from "../internal.js";
import { LazyPromise } from "./promises.js";
import { List } from "./queue.js";

/** A writable stream. */
export class WritableRecord {
  /** @type {"writable" | "erroring" | "closed" | "errored"} */
  state = "writable";
  storedError = undefined;
  backpressure = false;
  /** @type {WriterRecord | undefined} */
  writer = undefined;
  /** @type {WritableControllerRecord | undefined} */
  controller = undefined;
  /** @type {WriteRequest | undefined} */
  inFlightWrite = undefined;
  /** @type {import('./promises.js').Deferred | undefined} */
  inFlightClose = undefined;
  /** @type {import('./promises.js').Deferred | undefined} */
  closeRequest = undefined;
  /** @type {PendingAbort | undefined} */
  pendingAbort = undefined;
  writeRequests = new List();
  /** The `WritableStream` of this record. */
  face = undefined;
}
internal(WritableRecord);

/** A writer. */
export class WriterRecord {
  /** @type {WritableRecord | undefined} */
  stream = undefined;
  closed = new LazyPromise();
  ready = new LazyPromise();
}
internal(WriterRecord);

/** A write that waits. `steps` has functions `done(request)` and `error(request, reason)`; it is
 * shared by all requests of a kind, `owner` is what they work for. */
export class WriteRequest {
  next = undefined;

  constructor(steps, owner) {
    this.steps = steps;
    this.owner = owner;
  }
}
internal(WriteRequest);

/** https://streams.spec.whatwg.org/#pending-abort-request */
export class PendingAbort {
  constructor(deferred, reason, wasAlreadyErroring) {
    this.deferred = deferred;
    this.reason = reason;
    this.wasAlreadyErroring = wasAlreadyErroring;
  }
}
internal(PendingAbort);

/** The slots of WritableStreamDefaultController. Algorithms take the record, so that one function
 * can serve all streams. */
export class WritableControllerRecord {
  stream = undefined;
  /** The controller object, where a Worker can get one. */
  face = undefined;
  queue = new List();
  queueTotalSize = 0;
  started = false;
  highWaterMark = 1;
  sizeAlgorithm = undefined;
  /** `(controller, chunk) => Promise | undefined` */
  writeAlgorithm = undefined;
  /** `(controller) => Promise | undefined` */
  closeAlgorithm = undefined;
  /** `(controller, reason) => Promise | undefined` */
  abortAlgorithm = undefined;
  /** What the algorithms work on: the underlying sink, for those of a Worker. */
  sink = undefined;
  /** Made when somebody looks at it; `aborted` and `abortReason` remember what happened before
   * that. */
  signal = undefined;
  aborted = false;
  abortReason = undefined;
  /** Called as soon as the stream is aborted, also in the middle of a write: `(controller, reason)
   * => void`. */
  onAbort = undefined;
  /** Gives the chunk to write; throws for those that are refused without harm to the stream:
   * `(chunk) => any`. */
  convertChunk = undefined;
  onWritten = undefined;
  onWriteFailed = undefined;
}
internal(WritableControllerRecord);
