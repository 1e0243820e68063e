/**
 * `navigator`: the part of it that means something on a server.
 * https://html.spec.whatwg.org/#navigator
 * @module
 */

import { primordials } from "../primordials.js";
import { defineInterface, illegalConstructor } from "../webidl/webidl.js";

const { ObjectFreeze } = primordials;

/** Only this module may construct a Navigator. */
const TOKEN = { __proto__: null };

/** https://html.spec.whatwg.org/#navigator, called WorkerNavigator by browsers */
export class Navigator {
  #languages = ObjectFreeze(["en"]);

  constructor(token) {
    if (token !== TOKEN) illegalConstructor();
  }

  get userAgent() {
    this.#languages;
    return "Cloudflare-Workers";
  }

  /** How many threads a Worker has, not the machine: that would tell about the neighbours. */
  get hardwareConcurrency() {
    this.#languages;
    return 1;
  }

  get language() {
    return this.#languages[0];
  }

  get languages() {
    return this.#languages;
  }

  get platform() {
    this.#languages;
    return "Linux";
  }

  // The following have the values that the standard gives to all.

  get appCodeName() {
    this.#languages;
    return "Mozilla";
  }

  get appName() {
    this.#languages;
    return "Netscape";
  }

  get appVersion() {
    this.#languages;
    return "Cloudflare-Workers";
  }

  get product() {
    this.#languages;
    return "Gecko";
  }

  get onLine() {
    this.#languages;
    return true;
  }
}

defineInterface(Navigator, { __proto__: null, length: 0 });

/** The global `navigator`. */
export const navigator = new Navigator(TOKEN);
