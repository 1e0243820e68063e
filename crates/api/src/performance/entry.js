/**
 * What a timeline is made of: PerformanceEntry, PerformanceMark, PerformanceMeasure.
 * https://w3c.github.io/performance-timeline/, https://w3c.github.io/user-timing/
 * @module
 */

import { clock_now } from "isolde:ops";
import { showAttributes } from "../console/shown.js";
import { load } from "../lazy.js";
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

const { TypeError } = primordials;

/** Only this folder may construct entries other than marks. */
const ENTRY_TOKEN = { __proto__: null };

let lastId = 0;

/** A clone of what a Worker gives as detail. */
const cloneDetail = (detail) =>
  detail === null ? null : (0, load("structured_clone/structured_clone.js").cloneValue)(detail);

/** Friends of PerformanceEntry: its attributes, whatever a Worker has made of the getters. */
export let entryNameOf;
export let entryTypeOf;
export let startOf;

/** https://w3c.github.io/performance-timeline/#the-performanceentry-interface */
export class PerformanceEntry {
  #id;
  #name;
  #entryType;
  #startTime;
  #duration;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#id in receiver)) illegalInvocation();
  }

  constructor(token, name, entryType, startTime, duration) {
    if (token !== ENTRY_TOKEN) illegalConstructor();
    this.#id = ++lastId;
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }

  get id() {
    PerformanceEntry.#check(this);
    return this.#id;
  }

  get name() {
    PerformanceEntry.#check(this);
    return this.#name;
  }

  get entryType() {
    PerformanceEntry.#check(this);
    return this.#entryType;
  }

  get startTime() {
    PerformanceEntry.#check(this);
    return this.#startTime;
  }

  get duration() {
    PerformanceEntry.#check(this);
    return this.#duration;
  }

  // There are no navigations.
  get navigationId() {
    PerformanceEntry.#check(this);
    return 0;
  }

  toJSON() {
    PerformanceEntry.#check(this);
    return {
      id: this.#id,
      name: this.#name,
      entryType: this.#entryType,
      startTime: this.#startTime,
      duration: this.#duration,
      navigationId: 0,
    };
  }

  static {
    entryNameOf = (entry) => entry.#name;
    entryTypeOf = (entry) => entry.#entryType;
    startOf = (entry) => entry.#startTime;
  }
}

defineInterface(PerformanceEntry, { __proto__: null, length: 0 });
showAttributes(PerformanceEntry, ["name", "entryType", "startTime", "duration"]);

const MARK_OPTIONS = [
  { __proto__: null, key: "detail", convert: toAny },
  { __proto__: null, key: "startTime", convert: toDouble },
];

/** https://w3c.github.io/user-timing/#dom-performancemark */
export class PerformanceMark extends PerformanceEntry {
  #detail;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#detail in receiver)) illegalInvocation();
  }

  // https://w3c.github.io/user-timing/#dom-performancemark-constructor
  constructor(markName, markOptions = undefined) {
    const what = "Failed to construct 'PerformanceMark'";
    requireArguments(arguments.length, 1, what);
    const name = toDOMString(markName, `${what}: parameter 1`);
    const options = toDictionary(markOptions, MARK_OPTIONS, `${what}: parameter 2`);
    const startTime = options.startTime ?? clock_now();
    if (startTime < 0) throw new TypeError(`${what}: '${name}' cannot have a negative start time.`);
    super(ENTRY_TOKEN, name, "mark", startTime, 0);
    this.#detail = cloneDetail(options.detail ?? null);
  }

  get detail() {
    PerformanceMark.#check(this);
    return this.#detail;
  }
}

defineInterface(PerformanceMark);
showAttributes(PerformanceMark, ["name", "entryType", "startTime", "duration", "detail"]);

/** https://w3c.github.io/user-timing/#dom-performancemeasure */
export class PerformanceMeasure extends PerformanceEntry {
  #detail;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#detail in receiver)) illegalInvocation();
  }

  constructor(token, name, startTime, duration, detail) {
    super(token, name, "measure", startTime, duration);
    this.#detail = cloneDetail(detail ?? null);
  }

  get detail() {
    PerformanceMeasure.#check(this);
    return this.#detail;
  }
}

defineInterface(PerformanceMeasure, { __proto__: null, length: 0 });
showAttributes(PerformanceMeasure, ["name", "entryType", "startTime", "duration", "detail"]);

/**
 * @param {string} name
 * @param {number} startTime milliseconds
 * @param {number} duration milliseconds
 * @param {any} detail is cloned
 */
export function createMeasure(name, startTime, duration, detail) {
  return new PerformanceMeasure(ENTRY_TOKEN, name, startTime, duration, detail);
}
