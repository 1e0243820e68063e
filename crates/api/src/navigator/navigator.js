/**
 * `navigator`: the part of it that means something on a server.
 * https://html.spec.whatwg.org/#navigator
 * @module
 */

import { body_cancel } from "isolde:ops";
import { requireContext } from "../context.js";
import { NATIVE_BODY } from "../fetch/body.js";
import { fetch } from "../fetch/fetch.js";
import { Request } from "../fetch/request.js";
import { responseParts } from "../fetch/response.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
} from "../webidl/webidl.js";
import { waitUntilOf } from "../worker/request_context.js";

const { ObjectFreeze, PromisePrototypeThen } = primordials;

/** Only this module may construct a Navigator. */
const NAVIGATOR_TOKEN = { __proto__: null };

/** Nobody reads the answer to a beacon. @param {Response} response */
function discard(response) {
  const { bodyKind, body } = responseParts(response);
  if (bodyKind === NATIVE_BODY) body_cancel(body);
}

/** https://html.spec.whatwg.org/#navigator, called WorkerNavigator by browsers */
export class Navigator {
  #languages = ObjectFreeze(["en"]);

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#languages in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== NAVIGATOR_TOKEN) illegalConstructor();
  }

  get userAgent() {
    Navigator.#check(this);
    return "Cloudflare-Workers";
  }

  /** How many threads a Worker has, not the machine: that would tell about the neighbours. */
  get hardwareConcurrency() {
    Navigator.#check(this);
    return 1;
  }

  get language() {
    Navigator.#check(this);
    return this.#languages[0];
  }

  get languages() {
    Navigator.#check(this);
    return this.#languages;
  }

  get platform() {
    Navigator.#check(this);
    return "Linux";
  }

  // The following have the values that the standard gives to all.

  get appCodeName() {
    Navigator.#check(this);
    return "Mozilla";
  }

  get appName() {
    Navigator.#check(this);
    return "Netscape";
  }

  get appVersion() {
    Navigator.#check(this);
    return "Cloudflare-Workers";
  }

  get product() {
    Navigator.#check(this);
    return "Gecko";
  }

  get onLine() {
    Navigator.#check(this);
    return true;
  }

  /**
   * A subrequest whose answer nobody waits for, and that outlives the response.
   * https://w3c.github.io/beacon/#sendbeacon-method
   */
  sendBeacon(url, data = null) {
    Navigator.#check(this);
    requireArguments(arguments.length, 1, "Failed to execute 'sendBeacon' on 'Navigator'");
    const context = requireContext("sendBeacon");
    const request = new Request(url, { __proto__: null, method: "POST", body: data });
    waitUntilOf(context, PromisePrototypeThen(fetch(request), discard, () => {}));
    return true;
  }
}

defineInterface(Navigator, { __proto__: null, length: 0 });

/** The global `navigator`. */
export const navigator = new Navigator(NAVIGATOR_TOKEN);
