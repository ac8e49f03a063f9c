/** Edits as people make them, and worse ones: the same on every machine. */

/** Another tag, no tag, a line less, twice or above all others, another name for something, or all as it was. */
export function edited(text: string, original: string, random: () => number): string {
  const lines = text.split('\n');
  const at = Math.floor(random() * lines.length);
  switch (Math.floor(random() * 7)) {
    case 0: return retagged(text, pick(['@globalState', '@io', '@ioOrGs', '@mainThreadCheck', '@asserts globalState', '@coroutine'], random), random);
    case 1: return retagged(text, '', random);
    case 2: return lines.toSpliced(at, 1).join('\n');
    case 3: return lines.toSpliced(at, 0, lines[at] ?? '').join('\n');
    case 4: return `// Moves everything.\n${text}`;
    case 5: {
      const name = pick(text.match(/\b[a-z]\w{3,}\b/g) ?? ['nothing'], random);
      return text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `${name}2`);
    }
    default: return original;
  }
}

function retagged(text: string, tag: string, random: () => number): string {
  const tags = [...text.matchAll(/@(?:globalState|io|ioOrGs|common|coroutine|mainThreadCheck|runs|asserts \w+)\b/g)];
  if (tags.length === 0) return text;
  const { index, 0: old } = pick(tags, random);
  return text.slice(0, index) + tag + text.slice(index + old.length);
}

export function pick<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** A linear congruential generator. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}
