/**
 * console.table: rows and columns in a frame.
 * https://console.spec.whatwg.org/#table
 * @module
 */

import { primordials } from "../primordials.js";
import { inspect } from "./inspect.js";
import { kindOf } from "./kinds.js";

const {
  ArrayPrototypeIndexOf,
  ArrayPrototypePush,
  MapPrototypeForEach,
  MathMax,
  ObjectKeys,
  ReflectGetOwnPropertyDescriptor,
  SetPrototypeForEach,
  StringPrototypePadEnd,
  StringPrototypeRepeat,
} = primordials;

/** Rows and columns shown. */
const MAX_ROWS = 1_000;
const MAX_TABLE_COLUMNS = 100;

const isObjectRow = (v) => typeof v === "object" && v !== null;
const cellText = (v) => inspect(v, { __proto__: null, depth: 0 });

/** The rows of what is tabulated: `[index, value]`. */
function rowsOf(data) {
  const rows = [];
  const add = (index, value) => {
    if (rows.length < MAX_ROWS) ArrayPrototypePush(rows, [index, value]);
  };
  const kind = kindOf(data);
  let count = 0;
  if (kind === "Map") {
    MapPrototypeForEach(data, (value, key) => add(`${count++}`, { Key: key, Values: value }));
  } else if (kind === "Set") {
    SetPrototypeForEach(data, (value) => add(`${count++}`, { Values: value }));
  } else {
    const keys = ObjectKeys(data);
    for (let i = 0; i < keys.length; i++) {
      add(keys[i], ReflectGetOwnPropertyDescriptor(data, keys[i])?.value);
    }
  }
  return rows;
}

/** Names of columns in the order in which they appear, or those that were asked for. */
function columnsOf(rows, wanted) {
  if (wanted !== undefined) return wanted;
  const columns = [];
  for (let i = 0; i < rows.length; i++) {
    if (!isObjectRow(rows[i][1])) continue;
    const keys = ObjectKeys(rows[i][1]);
    for (let j = 0; j < keys.length && columns.length < MAX_TABLE_COLUMNS; j++) {
      if (ArrayPrototypeIndexOf(columns, keys[j]) === -1) ArrayPrototypePush(columns, keys[j]);
    }
  }
  return columns;
}

function cellsOf(row, columns, hasValues) {
  const value = row[1];
  const cells = [row[0]];
  for (let i = 0; i < columns.length; i++) {
    const descriptor = isObjectRow(value)
      ? ReflectGetOwnPropertyDescriptor(value, columns[i])
      : undefined;
    ArrayPrototypePush(cells, descriptor === undefined ? "" : cellText(descriptor.value));
  }
  if (hasValues) ArrayPrototypePush(cells, isObjectRow(value) ? "" : cellText(value));
  return cells;
}

function frame(table) {
  const widths = [];
  for (let i = 0; i < table.length; i++) {
    for (let j = 0; j < table[i].length; j++) {
      widths[j] = MathMax(widths[j] ?? 0, table[i][j].length + 2);
    }
  }
  const rule = (left, middle, right) => {
    let out = left;
    for (let i = 0; i < widths.length; i++) {
      out += `${i === 0 ? "" : middle}${StringPrototypeRepeat("\u2500", widths[i])}`;
    }
    return out + right;
  };
  const line = (cells) => {
    let out = "\u2502";
    for (let i = 0; i < widths.length; i++) {
      out += `${StringPrototypePadEnd(` ${cells[i]}`, widths[i])}\u2502`;
    }
    return out;
  };
  let out = `${rule("\u250c", "\u252c", "\u2510")}\n${line(table[0])}\n`;
  out += `${rule("\u251c", "\u253c", "\u2524")}\n`;
  for (let i = 1; i < table.length; i++) out += `${line(table[i])}\n`;
  return out + rule("\u2514", "\u2534", "\u2518");
}

/**
 * @param {object} data
 * @param {string[] | undefined} properties the columns; undefined for all
 * @returns {string}
 */
export function tabulate(data, properties) {
  const rows = rowsOf(data);
  const columns = columnsOf(rows, properties);
  let hasValues = false;
  for (let i = 0; i < rows.length; i++) hasValues ||= !isObjectRow(rows[i][1]);
  const header = ["(index)"];
  for (let i = 0; i < columns.length; i++) ArrayPrototypePush(header, columns[i]);
  if (hasValues) ArrayPrototypePush(header, "Values");
  const table = [header];
  for (let i = 0; i < rows.length; i++) {
    ArrayPrototypePush(table, cellsOf(rows[i], columns, hasValues));
  }
  return frame(table);
}
