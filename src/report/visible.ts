/**
 * Source text as a terminal may show it: control characters would move the cursor or change colours, so they are replaced one by one.
 */
export function visible(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** The same for formats in which a line end means something; halves of characters go, too, as no file can hold them. */
export function oneLine(text: string): string {
  return visible(text.replace(/[\t\n\r\u2028\u2029]+/g, ' ').replace(/\p{Surrogate}|[\ufffe\uffff]/gu, '\ufffd'));
}

/** At most `most` characters, cut between two of them. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
