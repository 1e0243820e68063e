/** A module beside it. */
export type Label = `[${string}]`;

export function label(text: string): Label {
  return `[${text}]`;
}
