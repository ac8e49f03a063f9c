/**
 * The outer form of all answers in JSON: a version first, then one list after another, an entry a line, so that two answers can be
 * compared line by line.
 */
export function jsonDocument(content: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(content).map(([key, value]) => {
    if (!Array.isArray(value)) return `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    const entries = value.map((entry) => `    ${JSON.stringify(entry)}`);
    return `  ${JSON.stringify(key)}: [${entries.length === 0 ? '' : `\n${entries.join(',\n')}\n  `}]`;
  });
  return `{\n${['  "schemaVersion": 1', ...parts].join(',\n')}\n}\n`;
}
