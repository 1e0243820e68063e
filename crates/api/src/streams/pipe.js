/**
 * Piping a readable stream into a writable stream.
 * https://streams.spec.whatwg.org/#readable-stream-pipe-to
 * @module
 */

import {
  abortReason,
  addAbortAlgorithm,
  isAborted,
  removeAbortAlgorithm,
} from "../events/abort.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  Deferred,
  promiseOf,
  rejectDeferred,
  resolveDeferred,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import { cancelStream } from "./readable_controller.js";
import { acquireDefaultReader, readDefault, releaseReader } from "./readers.js";
import { ReadRequest } from "./records.js";
import { closeWithErrorPropagation } from "./writable_controller.js";
import {
  abortStream,
  acquireWriter,
  isCloseRequested,
  releaseWriter,
} from "./writable_operations.js";
import { WriteRequest } from "./writable_records.js";
import { writeWith } from "./writer.js";

const { TypeError } = primordials;

const ignoreResult = () => {};

/** The end of a pipe without an error of its own. */
const NO_ERROR = { __proto__: null };

/** A pipe while it runs. One request object serves all reads, because there is never more than one
 * at a time. */
class Pipe {
  shuttingDown = false;
  deferred = new Deferred();
  /** Writes that are not settled, and what to do when there are none. */
  pendingWrites = 0;
  onWritesDone = undefined;
  /** A chunk that arrived in the middle of foreign code and is written in a microtask. */
  parked = undefined;
  isParked = false;
  /** Set around a read: whether it was answered before it returned. */
  isReading = false;
  wasAnswered = false;
  onAbort = undefined;

  constructor(source, dest, options) {
    this.source = source;
    this.dest = dest;
    this.options = options;
    this.reader = acquireDefaultReader(source);
    this.writer = acquireWriter(dest);
    this.request = new ReadRequest(READ_STEPS, this);
    this.pump = () => pumpPipe(this);
  }
}
internal(Pipe);

const READ_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    const pipe = request.owner;
    if (pipe.isReading) {
      pipe.wasAnswered = true;
      writePipe(pipe, chunk);
      return;
    }
    // enqueue() must not call the sink before it returns.
    pipe.parked = chunk;
    pipe.isParked = true;
    uponPromise(resolvedUndefined, pipe.pump);
  },
  // The reactions to the end of the stream do what is to be done.
  close: ignoreResult,
  error: ignoreResult,
};

const WRITE_STEPS = {
  __proto__: null,
  done: (request) => writeSettled(request.owner),
  error: (request) => writeSettled(request.owner),
};

function writePipe(pipe, chunk) {
  pipe.pendingWrites++;
  const refusal = writeWith(pipe.writer, chunk, new WriteRequest(WRITE_STEPS, pipe));
  if (refusal === undefined) return;
  pipe.pendingWrites--;
  // A chunk that the destination has no use for, which it has survived: both ends go.
  if (isWritable(pipe.dest)) stopBoth(pipe, refusal.reason);
}

function writeSettled(pipe) {
  pipe.pendingWrites--;
  if (pipe.pendingWrites > 0 || pipe.onWritesDone === undefined) return;
  // Not here, in the middle of the destination's own steps.
  uponPromise(resolvedUndefined, () => afterWrites(pipe, pipe.onWritesDone));
}

/** Runs `then` when every chunk that was read has been written, or could not be. */
function afterWrites(pipe, then) {
  if (pipe.pendingWrites > 0) pipe.onWritesDone = then;
  else then();
}

function writeParked(pipe) {
  if (!pipe.isParked) return;
  const chunk = pipe.parked;
  pipe.parked = undefined;
  pipe.isParked = false;
  writePipe(pipe, chunk);
}

const isWritable = (dest) => dest.state === "writable" && !isCloseRequested(dest);

/** Moves chunks as long as there are some and the destination wants them. */
function pumpPipe(pipe) {
  writeParked(pipe);
  const { dest, reader, request, writer } = pipe;
  while (!pipe.shuttingDown && isWritable(dest)) {
    if (dest.backpressure) {
      uponPromise(promiseOf(writer.ready), pipe.pump, ignoreResult);
      return;
    }
    pipe.isReading = true;
    pipe.wasAnswered = false;
    readDefault(reader, request);
    pipe.isReading = false;
    if (!pipe.wasAnswered) return;
  }
}

/** https://streams.spec.whatwg.org/#rs-pipeTo-shutdown-with-action
 * @param {Pipe} pipe @param {() => Promise<any>} action
 * @param {any} error NO_ERROR where there is none */
function shutDownWith(pipe, action, error) {
  if (pipe.shuttingDown) return;
  pipe.shuttingDown = true;
  const act = () => {
    uponPromise(
      action(),
      () => finalize(pipe, error),
      (reason) => finalize(pipe, reason),
    );
  };
  if (!isWritable(pipe.dest)) {
    act();
    return;
  }
  writeParked(pipe);
  uponPromise(resolvedUndefined, () => afterWrites(pipe, act));
}

/** https://streams.spec.whatwg.org/#rs-pipeTo-shutdown */
function shutDown(pipe, error) {
  shutDownWith(pipe, () => resolvedUndefined, error);
}

/** https://streams.spec.whatwg.org/#rs-pipeTo-finalize */
function finalize(pipe, error) {
  // A chunk may have come in while the pipe was ending; the destination may still take it.
  writeParked(pipe);
  releaseWriter(pipe.writer);
  releaseReader(pipe.reader);
  const { signal } = pipe.options;
  if (pipe.onAbort !== undefined) removeAbortAlgorithm(signal, pipe.onAbort);
  if (error === NO_ERROR) resolveDeferred(pipe.deferred, undefined);
  else rejectDeferred(pipe.deferred, error);
}

function sourceErrored(pipe, reason) {
  if (pipe.options.preventAbort) shutDown(pipe, reason);
  else shutDownWith(pipe, () => abortStream(pipe.dest, reason), reason);
}

function destErrored(pipe, reason) {
  if (pipe.options.preventCancel) shutDown(pipe, reason);
  else shutDownWith(pipe, () => cancelStream(pipe.source, reason), reason);
}

function sourceClosed(pipe) {
  if (pipe.options.preventClose) shutDown(pipe, NO_ERROR);
  else shutDownWith(pipe, () => closeWithErrorPropagation(pipe.dest), NO_ERROR);
}

function destClosed(pipe) {
  destErrored(pipe, new TypeError("The destination of the pipe is closed."));
}

/** A promise that waits for two; the first rejection wins. */
function both(first, second) {
  const deferred = new Deferred();
  let open = 2;
  const done = () => {
    open--;
    if (open === 0) resolveDeferred(deferred, undefined);
  };
  uponPromise(first, done, deferred.reject);
  uponPromise(second, done, deferred.reject);
  return deferred.promise;
}

/** Aborts the destination and cancels the source, except where the options say not to. */
function stopBoth(pipe, reason) {
  const { dest, options, source } = pipe;
  const stop = () => {
    const abort =
      options.preventAbort || dest.state !== "writable"
        ? resolvedUndefined
        : abortStream(dest, reason);
    const cancel =
      options.preventCancel || source.state !== "readable"
        ? resolvedUndefined
        : cancelStream(source, reason);
    return both(abort, cancel);
  };
  shutDownWith(pipe, stop, reason);
}

/** Ends the pipe with its ends, now or when they end.
 * https://streams.spec.whatwg.org/#rs-pipeTo-shutdown-must */
function watch(pipe) {
  const { dest, reader, source, writer } = pipe;
  if (source.state === "errored") sourceErrored(pipe, source.storedError);
  else uponPromise(promiseOf(reader.closed), undefined, (reason) => sourceErrored(pipe, reason));
  if (dest.state === "errored") destErrored(pipe, dest.storedError);
  else uponPromise(promiseOf(writer.closed), undefined, (reason) => destErrored(pipe, reason));
  if (source.state === "closed") sourceClosed(pipe);
  else uponPromise(promiseOf(reader.closed), () => sourceClosed(pipe), ignoreResult);
  if (isCloseRequested(dest) || dest.state === "closed") destClosed(pipe);
}

/** @param {import('./records.js').ReadableRecord} source not locked
 * @param {import('./writable_records.js').WritableRecord} dest not locked
 * @param {{ preventClose?: boolean, preventAbort?: boolean, preventCancel?: boolean, signal?: any
 * }} options
 * @returns {Promise<undefined>} */
export function pipeTo(source, dest, options) {
  const pipe = new Pipe(source, dest, options);
  source.disturbed = true;
  const { signal } = options;
  if (signal !== undefined) {
    if (isAborted(signal)) {
      stopBoth(pipe, abortReason(signal));
      return pipe.deferred.promise;
    }
    pipe.onAbort = () => stopBoth(pipe, abortReason(signal));
    addAbortAlgorithm(signal, pipe.onAbort);
  }
  watch(pipe);
  if (!pipe.shuttingDown) uponPromise(resolvedUndefined, pipe.pump);
  return pipe.deferred.promise;
}
