/**
 * PerformanceObserver and the list of entries that it hands to its callback.
 * https://w3c.github.io/performance-timeline/#the-performanceobserver-interface
 * @module
 */

import { domException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toBoolean,
  toDictionary,
  toDOMString,
  toFunction,
  toSequence,
} from "../webidl/webidl.js";
import { currentTimeline, filterEntries, scheduleDelivery } from "./timeline.js";

const { ArrayPrototypeIncludes, ArrayPrototypePush, ObjectFreeze, ReflectApply, TypeError } =
  primordials;

const SUPPORTED = ObjectFreeze(["mark", "measure"]);

/** Only this module may construct an entry list. */
const OBSERVER_TOKEN = { __proto__: null };

/** https://w3c.github.io/performance-timeline/#performanceobserverentrylist-interface */
export class PerformanceObserverEntryList {
  #entries;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#entries in receiver)) illegalInvocation();
  }

  constructor(token, entries) {
    if (token !== OBSERVER_TOKEN) illegalConstructor();
    this.#entries = entries;
  }

  getEntries() {
    PerformanceObserverEntryList.#check(this);
    return filterEntries(this.#entries, undefined, undefined);
  }

  getEntriesByType(type) {
    PerformanceObserverEntryList.#check(this);
    const what = "Failed to execute 'getEntriesByType' on 'PerformanceObserverEntryList'";
    const entries = this.#entries;
    requireArguments(arguments.length, 1, what);
    return filterEntries(entries, undefined, toDOMString(type, `${what}: parameter 1`));
  }

  getEntriesByName(name, type = undefined) {
    PerformanceObserverEntryList.#check(this);
    const what = "Failed to execute 'getEntriesByName' on 'PerformanceObserverEntryList'";
    const entries = this.#entries;
    requireArguments(arguments.length, 1, what);
    const wanted = toDOMString(name, `${what}: parameter 1`);
    const kind = type === undefined ? undefined : toDOMString(type, `${what}: parameter 2`);
    return filterEntries(entries, wanted, kind);
  }
}

defineInterface(PerformanceObserverEntryList, { __proto__: null, length: 0 });

const toStrings = (v, what) => toSequence(v, toDOMString, what);
const OBSERVE_OPTIONS = [
  { __proto__: null, key: "buffered", convert: toBoolean },
  { __proto__: null, key: "entryTypes", convert: toStrings },
  { __proto__: null, key: "type", convert: toDOMString },
];
const OBSERVE = "Failed to execute 'observe' on 'PerformanceObserver'";

/** https://w3c.github.io/performance-timeline/#dom-performanceobserver */
export class PerformanceObserver {
  #callback;
  /** "single" when observing by `type`, "multiple" by `entryTypes`. */
  #mode = undefined;
  /** The observer in its timeline. @type {import("./timeline.js").Observing} */
  #observing;
  /** @type {import("./timeline.js").Timeline | null} */
  #timeline = null;
  #tellDropped = false;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#callback in receiver)) illegalInvocation();
  }

  constructor(callback) {
    const what = "Failed to construct 'PerformanceObserver'";
    requireArguments(arguments.length, 1, what);
    this.#callback = toFunction(callback, `${what}: parameter 1`);
    this.#observing = { __proto__: null, types: [], buffer: [], deliver: () => this.#deliver() };
  }

  static get supportedEntryTypes() {
    return SUPPORTED;
  }

  // https://w3c.github.io/performance-timeline/#observe-method
  observe(options = undefined) {
    PerformanceObserver.#check(this);
    const observing = this.#observing;
    const { entryTypes, type, buffered } = toDictionary(
      options,
      OBSERVE_OPTIONS,
      `${OBSERVE}: parameter 1`,
    );
    if (entryTypes === undefined && type === undefined) {
      throw new TypeError(`${OBSERVE}: either 'entryTypes' or 'type' is required.`);
    }
    if (entryTypes !== undefined && (type !== undefined || buffered !== undefined)) {
      throw new TypeError(`${OBSERVE}: 'entryTypes' allows no other option.`);
    }
    const mode = type === undefined ? "multiple" : "single";
    this.#mode ??= mode;
    if (this.#mode !== mode) {
      throw domException(
        "InvalidModificationError",
        `${OBSERVE}: one observer cannot use both 'type' and 'entryTypes'.`,
      );
    }
    this.#tellDropped = true;
    if (mode === "multiple") {
      const types = supportedOf(entryTypes);
      if (types.length === 0) return;
      observing.types = types;
      this.#register();
    } else if (ArrayPrototypeIncludes(SUPPORTED, type)) {
      if (!ArrayPrototypeIncludes(observing.types, type)) ArrayPrototypePush(observing.types, type);
      this.#register();
      if (buffered) this.#catchUp(type);
    }
  }

  #register() {
    const timeline = currentTimeline();
    if (this.#timeline !== null && this.#timeline !== timeline) this.#leave();
    this.#timeline = timeline;
    if (!ArrayPrototypeIncludes(timeline.observers, this.#observing)) {
      ArrayPrototypePush(timeline.observers, this.#observing);
    }
  }

  /** Adds what happened before. */
  #catchUp(type) {
    const timeline = this.#timeline;
    const earlier = filterEntries(timeline.entries, undefined, type);
    for (let i = 0; i < earlier.length; i++) ArrayPrototypePush(this.#observing.buffer, earlier[i]);
    scheduleDelivery(timeline);
  }

  #leave() {
    // A new list: a delivery may be walking the old one.
    const rest = [];
    const observers = this.#timeline.observers;
    for (let i = 0; i < observers.length; i++) {
      if (observers[i] !== this.#observing) ArrayPrototypePush(rest, observers[i]);
    }
    this.#timeline.observers = rest;
    this.#timeline = null;
  }

  disconnect() {
    PerformanceObserver.#check(this);
    const observing = this.#observing;
    if (this.#timeline !== null) this.#leave();
    observing.buffer = [];
    observing.types = [];
    this.#mode = undefined;
  }

  takeRecords() {
    PerformanceObserver.#check(this);
    const entries = this.#observing.buffer;
    this.#observing.buffer = [];
    return entries;
  }

  #deliver() {
    const entries = this.#observing.buffer;
    this.#observing.buffer = [];
    const list = new PerformanceObserverEntryList(OBSERVER_TOKEN, entries);
    const options = this.#tellDropped ? { droppedEntriesCount: 0 } : {};
    this.#tellDropped = false;
    ReflectApply(this.#callback, this, [list, this, options]);
  }
}

defineInterface(PerformanceObserver);

function supportedOf(types) {
  const found = [];
  for (let i = 0; i < types.length; i++) {
    const wanted = ArrayPrototypeIncludes(SUPPORTED, types[i]);
    if (wanted && !ArrayPrototypeIncludes(found, types[i])) ArrayPrototypePush(found, types[i]);
  }
  return found;
}
