/**
 * `performance`: the clock, which stands still while code runs, and User Timing.
 * https://w3c.github.io/hr-time/#sec-performance, https://w3c.github.io/user-timing/
 *
 * As on Workers the time origin is the epoch: `now()` and `Date.now()` are the same.
 * @module
 */

import { clock_now } from "isolde:ops";
import { domException } from "../events/dom_exception.js";
import { EventTarget } from "../events/event_target.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toAny,
  toDictionary,
  toDOMString,
  toDouble,
} from "../webidl/webidl.js";
import { createMeasure, PerformanceMark } from "./entry.js";
import { addEntry, currentTimeline, filterEntries, markTime, removeEntries } from "./timeline.js";

export { PerformanceEntry, PerformanceMark, PerformanceMeasure } from "./entry.js";

const { ReflectOwnKeys, TypeError } = primordials;

/** Only this module may construct a Performance. */
const PERFORMANCE_TOKEN = { __proto__: null };
const MEASURE = "Failed to execute 'measure' on 'Performance'";

/** (DOMString or DOMHighResTimeStamp) */
const toMarkOrTime = (v, what) =>
  typeof v === "number" ? toDouble(v, what) : toDOMString(v, what);

const MEASURE_OPTIONS = [
  { __proto__: null, key: "detail", convert: toAny },
  { __proto__: null, key: "duration", convert: toDouble },
  { __proto__: null, key: "end", convert: toMarkOrTime },
  { __proto__: null, key: "start", convert: toMarkOrTime },
];

/** Attributes of PerformanceTiming; as marks they mean something in windows only. */
const TIMING_ATTRIBUTES = {
  __proto__: null,
  connectEnd: true,
  connectStart: true,
  domComplete: true,
  domContentLoadedEventEnd: true,
  domContentLoadedEventStart: true,
  domInteractive: true,
  domLoading: true,
  domainLookupEnd: true,
  domainLookupStart: true,
  fetchStart: true,
  loadEventEnd: true,
  loadEventStart: true,
  navigationStart: true,
  redirectEnd: true,
  redirectStart: true,
  requestStart: true,
  responseEnd: true,
  responseStart: true,
  secureConnectionStart: true,
  unloadEventEnd: true,
  unloadEventStart: true,
};

/** https://w3c.github.io/user-timing/#convert-a-mark-to-a-timestamp */
function timestampOf(mark) {
  if (typeof mark === "number") {
    if (mark < 0) throw new TypeError(`${MEASURE}: a time must not be negative.`);
    return mark;
  }
  if (TIMING_ATTRIBUTES[mark]) {
    throw new TypeError(`${MEASURE}: '${mark}' is an attribute of documents.`);
  }
  const time = markTime(mark);
  if (time === undefined) {
    throw domException("SyntaxError", `${MEASURE}: the mark '${mark}' does not exist.`);
  }
  return time;
}

/** https://w3c.github.io/user-timing/#dom-performance-measure, the checks of the options */
function checkMeasureOptions(options, endMark) {
  const { start, duration, end } = options;
  if (endMark !== undefined) {
    throw new TypeError(`${MEASURE}: options and an end mark exclude each other.`);
  }
  if (start === undefined && end === undefined) {
    throw new TypeError(`${MEASURE}: 'start' or 'end' is required.`);
  }
  if (start !== undefined && duration !== undefined && end !== undefined) {
    throw new TypeError(`${MEASURE}: 'start', 'duration' and 'end' exclude each other.`);
  }
}

/** https://w3c.github.io/user-timing/#dom-performance-measure, the times */
function measureTimes(startMark, options, endMark) {
  const { start, duration, end } = options;
  let endTime;
  if (endMark !== undefined) endTime = timestampOf(endMark);
  else if (end !== undefined) endTime = timestampOf(end);
  else if (start !== undefined && duration !== undefined) endTime = timestampOf(start) + duration;
  else endTime = clock_now();
  let startTime = 0;
  if (start !== undefined) startTime = timestampOf(start);
  else if (duration !== undefined && end !== undefined) startTime = timestampOf(end) - duration;
  else if (startMark !== undefined) startTime = timestampOf(startMark);
  return { __proto__: null, startTime, endTime };
}

/** https://w3c.github.io/hr-time/#dom-performance */
export class Performance extends EventTarget {
  #brand = true;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#brand in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== PERFORMANCE_TOKEN) illegalConstructor();
    super();
  }

  now() {
    Performance.#check(this);
    return clock_now();
  }

  get timeOrigin() {
    Performance.#check(this);
    return 0;
  }

  toJSON() {
    Performance.#check(this);
    return { timeOrigin: 0 };
  }

  // https://w3c.github.io/user-timing/#dom-performance-mark
  mark(markName, markOptions = undefined) {
    Performance.#check(this);
    requireArguments(arguments.length, 1, "Failed to execute 'mark' on 'Performance'");
    const mark = new PerformanceMark(markName, markOptions);
    addEntry(mark);
    return mark;
  }

  clearMarks(markName = undefined) {
    Performance.#check(this);
    const what = "Failed to execute 'clearMarks' on 'Performance': parameter 1";
    removeEntries("mark", markName === undefined ? undefined : toDOMString(markName, what));
  }

  // https://w3c.github.io/user-timing/#dom-performance-measure
  measure(measureName, startOrMeasureOptions = undefined, endMark = undefined) {
    Performance.#check(this);
    requireArguments(arguments.length, 1, MEASURE);
    const name = toDOMString(measureName, `${MEASURE}: parameter 1`);
    const isDictionary =
      startOrMeasureOptions === undefined ||
      startOrMeasureOptions === null ||
      isObject(startOrMeasureOptions);
    const where = `${MEASURE}: parameter 2`;
    const options = toDictionary(
      isDictionary ? startOrMeasureOptions : undefined,
      MEASURE_OPTIONS,
      where,
    );
    const start = isDictionary ? undefined : toDOMString(startOrMeasureOptions, where);
    const end = endMark === undefined ? undefined : toDOMString(endMark, `${MEASURE}: parameter 3`);
    if (ReflectOwnKeys(options).length > 0) checkMeasureOptions(options, end);
    const { startTime, endTime } = measureTimes(start, options, end);
    const measure = createMeasure(name, startTime, endTime - startTime, options.detail);
    addEntry(measure);
    return measure;
  }

  clearMeasures(measureName = undefined) {
    Performance.#check(this);
    const what = "Failed to execute 'clearMeasures' on 'Performance': parameter 1";
    const name = measureName === undefined ? undefined : toDOMString(measureName, what);
    removeEntries("measure", name);
  }

  // https://w3c.github.io/performance-timeline/#extensions-to-the-performance-interface
  getEntries() {
    Performance.#check(this);
    return filterEntries(currentTimeline().entries, undefined, undefined);
  }

  getEntriesByType(type) {
    Performance.#check(this);
    const what = "Failed to execute 'getEntriesByType' on 'Performance'";
    requireArguments(arguments.length, 1, what);
    const wanted = toDOMString(type, `${what}: parameter 1`);
    return filterEntries(currentTimeline().entries, undefined, wanted);
  }

  getEntriesByName(name, type = undefined) {
    Performance.#check(this);
    const what = "Failed to execute 'getEntriesByName' on 'Performance'";
    requireArguments(arguments.length, 1, what);
    const wanted = toDOMString(name, `${what}: parameter 1`);
    const kind = type === undefined ? undefined : toDOMString(type, `${what}: parameter 2`);
    return filterEntries(currentTimeline().entries, wanted, kind);
  }
}

defineInterface(Performance, { __proto__: null, length: 0 });

/** The global `performance`. */
export const performance = new Performance(PERFORMANCE_TOKEN);
