/**
 * The performance timeline: the entries of a request, and the observers that hear of new ones.
 *
 * Each request has its own, and global scope has one: what one request marks is no other's
 * business, and it is forgotten when the request is.
 * @module
 */

import { currentContext, perContext } from "../context.js";
import { reportException } from "../events/report.js";
import { primordials } from "../primordials.js";
import { queueMicrotask } from "../timers/timers.js";
import { startTimer } from "../timers/timer_table.js";
import { entryNameOf, entryTypeOf, startOf } from "./entry.js";

const { ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeSort } = primordials;

/** Entries that one request keeps; later ones still reach observers. */
const MAX_ENTRIES_PER_REQUEST = 10_000;

/**
 * @typedef {object} Observing what a PerformanceObserver is to its timeline
 * @property {string[]} types
 * @property {any[]} buffer entries not yet delivered
 * @property {() => void} deliver
 *
 * @typedef {object} Timeline
 * @property {any[]} entries
 * @property {Observing[]} observers
 * @property {boolean} scheduled
 */

/** @returns {Timeline} */
const newTimeline = () => ({ __proto__: null, entries: [], observers: [], scheduled: false });

/** The timeline of the running request. @type {() => Timeline} */
export const currentTimeline = perContext(newTimeline);

/**
 * https://w3c.github.io/performance-timeline/#queue-a-performanceentry
 * @param {any} entry
 */
export function addEntry(entry) {
  const timeline = currentTimeline();
  const type = entryTypeOf(entry);
  let heard = false;
  for (let i = 0; i < timeline.observers.length; i++) {
    const observing = timeline.observers[i];
    if (!ArrayPrototypeIncludes(observing.types, type)) continue;
    if (observing.buffer.length < MAX_ENTRIES_PER_REQUEST) {
      ArrayPrototypePush(observing.buffer, entry);
    }
    heard = true;
  }
  if (timeline.entries.length < MAX_ENTRIES_PER_REQUEST) {
    ArrayPrototypePush(timeline.entries, entry);
  }
  if (heard) scheduleDelivery(timeline);
}

/**
 * https://w3c.github.io/performance-timeline/#queue-the-performanceobserver-task
 * @param {Timeline} timeline
 */
export function scheduleDelivery(timeline) {
  if (timeline.scheduled) return;
  timeline.scheduled = true;
  const run = () => deliverEntries(timeline);
  // A task where there are tasks; global scope has none.
  if (currentContext() === undefined) queueMicrotask(run);
  else startTimer("PerformanceObserver", 0, run);
}

function deliverEntries(timeline) {
  timeline.scheduled = false;
  const observers = timeline.observers;
  const count = observers.length;
  for (let i = 0; i < count; i++) {
    if (observers[i].buffer.length === 0) continue;
    try {
      (0, observers[i].deliver)();
    } catch (error) {
      reportException(error);
    }
  }
}

/**
 * https://w3c.github.io/performance-timeline/#filter-buffer-by-name-and-type
 * @param {any[]} entries
 * @param {string | undefined} name
 * @param {string | undefined} type undefined for all
 * @returns {any[]} a new array, by start time
 */
export function filterEntries(entries, name, type) {
  const found = [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (name !== undefined && entryNameOf(entry) !== name) continue;
    if (type !== undefined && entryTypeOf(entry) !== type) continue;
    ArrayPrototypePush(found, entry);
  }
  return ArrayPrototypeSort(found, (a, b) => startOf(a) - startOf(b));
}

/**
 * Forgets entries of one type, all or those of one name.
 * @param {string} type
 * @param {string | undefined} name
 */
export function removeEntries(type, name) {
  const timeline = currentTimeline();
  const rest = [];
  for (let i = 0; i < timeline.entries.length; i++) {
    const entry = timeline.entries[i];
    const matches =
      entryTypeOf(entry) === type && (name === undefined || entryNameOf(entry) === name);
    if (!matches) ArrayPrototypePush(rest, entry);
  }
  timeline.entries = rest;
}

/**
 * The start of the latest mark of a name.
 * @param {string} name
 * @returns {number | undefined} milliseconds
 */
export function markTime(name) {
  const entries = currentTimeline().entries;
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i];
    if (entryTypeOf(entry) === "mark" && entryNameOf(entry) === name) return startOf(entry);
  }
  return undefined;
}
