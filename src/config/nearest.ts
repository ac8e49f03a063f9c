/**
 * Finds the known name that a user most likely meant.
 *
 * In: what was written, and the names there are. Out: the nearest one; ties go to the one listed first.
 */
import leven from 'leven';

export function nearestName(written: string, known: readonly string[]): string | undefined {
  const plain = normalise(written);
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = leven(plain, normalise(name));
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  return best?.name;
}

/** Case, dashes and ESLint's prefix are not what makes two names different words. */
function normalise(name: string): string {
  return name.replace(/^gsio\//, '').replace(/[-_ ]/g, '').toLowerCase();
}
