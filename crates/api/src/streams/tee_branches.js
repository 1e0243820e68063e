/**
 * What the tees of both kinds of streams share: two branches that are fed by one reader and end
 * together.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaulttee
 * https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamtee
 * @module
 */

import {
  followPromise,
  promiseOf,
  resolveDeferred,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import { cancelStream, closeController, errorController } from "./readable_controller.js";

/** The pull algorithm of both branches. */
function pullBranch(controller) {
  pull(controller.source);
}

function pull(branch) {
  const { tee } = branch;
  if (tee.reading) {
    branch.readAgain = true;
    return;
  }
  tee.reading = true;
  const { read } = tee;
  read(branch);
}

/** The error steps of all reads. @param {import('./records.js').ReadRequest} request of a tee */
export function readFailed(request) {
  request.owner.reading = false;
}

/** Takes the chunk that was read, to deliver it; requests from now on are for the next one.
 * @param {import('./records.js').TeeRecord} tee @returns {any} */
export function takeRead(tee) {
  const { branch1, branch2, chunk } = tee;
  tee.chunk = undefined;
  branch1.readAgain = false;
  branch2.readAgain = false;
  return chunk;
}

/** Ends a read; begins the next one if a branch has asked for it.
 * @param {import('./records.js').TeeRecord} tee */
export function finishRead(tee) {
  const { branch1, branch2 } = tee;
  tee.reading = false;
  if (branch1.readAgain) pull(branch1);
  else if (branch2.readAgain) pull(branch2);
}

/** The cancel algorithm of both branches: the stream is cancelled when both are. Who cancels one of
 * the two bodies of a clone does not wait for the other one, on the platform. */
function cancelBranch(controller, reason) {
  const branch = controller.source;
  const { tee } = branch;
  branch.isCancelled = true;
  branch.reason = reason;
  if (branch.other.isCancelled) {
    const reasons = [tee.branch1.reason, tee.branch2.reason];
    followPromise(tee.cancelled, cancelStream(tee.stream, reasons));
  } else if (tee.forClone) {
    return resolvedUndefined;
  }
  return tee.cancelled.promise;
}

/** Closes the branches that have not been cancelled: the stream has ended.
 * @param {import('./records.js').TeeRecord} tee */
export function closeBranches(tee) {
  const { branch1, branch2 } = tee;
  tee.reading = false;
  if (!branch1.isCancelled) closeController(branch1.stream.controller);
  if (!branch2.isCancelled) closeController(branch2.stream.controller);
}

/** The stream has ended: a branch that is cancelled waits no longer for the other one.
 * @param {import('./records.js').TeeRecord} tee */
export function releaseCancelled(tee) {
  if (!tee.branch1.isCancelled || !tee.branch2.isCancelled) {
    resolveDeferred(tee.cancelled, undefined);
  }
}

function errorBranches(tee, reason) {
  errorController(tee.branch1.stream.controller, reason);
  errorController(tee.branch2.stream.controller, reason);
}

/** Both branches end with an error, and so does the stream: a chunk could not be cloned.
 * @param {import('./records.js').TeeRecord} tee @param {any} reason */
export function failTee(tee, reason) {
  errorBranches(tee, reason);
  followPromise(tee.cancelled, cancelStream(tee.stream, reason));
}

/** Errors both branches when the stream errors, unless the tee has taken another reader by then.
 * @param {import('./records.js').TeeRecord} tee */
export function forwardErrors(tee) {
  const { reader } = tee;
  uponPromise(promiseOf(reader.closed), undefined, (reason) => {
    if (tee.reader !== reader) return;
    errorBranches(tee, reason);
    releaseCancelled(tee);
  });
}

/** Sets both branches up.
 * @param {import('./records.js').TeeRecord} tee
 * @param {(stream: any, pull: Function, cancel: Function) => any} setUp gives the controller of a
 *   branch
 * @returns {import('./records.js').TeeRecord} */
export function startTee(tee, setUp) {
  const { branch1, branch2 } = tee;
  setUp(branch1.stream, pullBranch, cancelBranch).source = branch1;
  setUp(branch2.stream, pullBranch, cancelBranch).source = branch2;
  forwardErrors(tee);
  return tee;
}
