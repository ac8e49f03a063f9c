/** The order of answers: by file, then by place, then by name; text by code unit. */

interface Placed {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function comparePlaces(a: Placed, b: Placed): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column;
}
