/**
 * Tells when files below a folder change.
 *
 * In: the folder. Out: a value for every burst of changes. Installed packages and hidden folders are not looked at: an install ends with a change
 * of package.json or its lock file.
 */
import fs from 'node:fs';
import path from 'node:path';

/** Editors write a file in several steps. */
const QUIET = 150;

/** Looks from now on, so that nothing is missed before the first value is asked for. */
export function folderChanges(folder: string): AsyncIterable<undefined> {
  const watchers = new Map<string, fs.FSWatcher>();
  let changed = false;
  let wake = (): void => { /* nobody waits yet */ };
  const note = (): void => {
    changed = true;
    wake();
  };
  watchNew(folder, watchers, note);
  return bursts();

  async function* bursts(): AsyncGenerator<undefined> {
    try {
      for (;;) {
        while (!changed) await new Promise<void>((resolve) => { wake = resolve; });
        // What comes within the quiet time belongs to the same burst.
        while (changed) {
          changed = false;
          await new Promise((resolve) => { setTimeout(resolve, QUIET); });
        }
        watchNew(folder, watchers, note);
        yield undefined;
      }
    } finally {
      for (const watcher of watchers.values()) watcher.close();
    }
  }
}

/** A watcher sees one folder; those that have come since get their own. */
function watchNew(folder: string, watchers: Map<string, fs.FSWatcher>, note: () => void): void {
  const found = new Set(foldersBelow(folder));
  for (const [name, watcher] of watchers) {
    if (found.has(name)) continue;
    watcher.close();
    watchers.delete(name);
  }
  for (const name of found) {
    if (watchers.has(name)) continue;
    try {
      const watcher = fs.watch(name, note);
      watcher.on('error', note);
      watchers.set(name, watcher);
    } catch {
      // It is gone again; the next round does not find it.
    }
  }
}

function foldersBelow(folder: string): string[] {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return [folder, ...entries.filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')).flatMap((entry) => foldersBelow(path.join(folder, entry.name)))];
}
