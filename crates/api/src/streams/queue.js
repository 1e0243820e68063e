/**
 * Queues: lists of linked entries, and the standard's queues with sizes on top of them.
 *
 * An entry is linked through its own `next`, so that a request or a pull-into descriptor needs no
 * second object, and nothing is written to an array whose prototype a Worker may have given
 * setters.
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";

const { RangeError } = primordials;

/** A first-in first-out list of objects that have a `next` of their own. */
export class List {
  head = undefined;
  tail = undefined;
  length = 0;
}
internal(List);

/** @param {List} list @param {{ next: any }} entry one that is in no list */
export function listPush(list, entry) {
  if (list.tail === undefined) list.head = entry;
  else list.tail.next = entry;
  list.tail = entry;
  list.length++;
}

/** Takes the first entry; the list must not be empty. @param {List} list @returns {any} */
export function listShift(list) {
  const entry = list.head;
  list.head = entry.next;
  if (list.head === undefined) list.tail = undefined;
  // An old entry that stays alive must not keep all later ones alive.
  entry.next = undefined;
  list.length--;
  return entry;
}

/** Takes all entries out. @param {List} list @returns {List} them */
export function listTakeAll(list) {
  const taken = new List();
  taken.head = list.head;
  taken.tail = list.tail;
  taken.length = list.length;
  listClear(list);
  return taken;
}

/** @param {List} list */
export function listClear(list) {
  list.head = undefined;
  list.tail = undefined;
  list.length = 0;
}

/** A chunk in a queue with sizes. */
class SizedEntry {
  next = undefined;

  constructor(value, size) {
    this.value = value;
    this.size = size;
  }
}
internal(SizedEntry);

/** https://streams.spec.whatwg.org/#enqueue-value-with-size
 * @param {{ queue: List, queueTotalSize: number }} container @param {any} value
 * @param {number} size */
export function enqueueValueWithSize(container, value, size) {
  // Written so that NaN fails as well.
  if (!(size >= 0) || size === Infinity) {
    throw new RangeError("The size of a chunk must be a finite, non-negative number.");
  }
  listPush(container.queue, new SizedEntry(value, size));
  container.queueTotalSize += size;
}

/** https://streams.spec.whatwg.org/#dequeue-value
 * @param {{ queue: List, queueTotalSize: number }} container with a chunk @returns {any} */
export function dequeueValue(container) {
  const entry = listShift(container.queue);
  const rest = container.queueTotalSize - entry.size;
  // Rounding errors can take it below zero.
  container.queueTotalSize = rest < 0 ? 0 : rest;
  return entry.value;
}

/** https://streams.spec.whatwg.org/#peek-queue-value
 * @param {{ queue: List }} container with a chunk @returns {any} */
export function peekQueueValue(container) {
  return container.queue.head.value;
}

/** https://streams.spec.whatwg.org/#reset-queue
 * @param {{ queue: List, queueTotalSize: number }} container */
export function resetQueue(container) {
  listClear(container.queue);
  container.queueTotalSize = 0;
}
