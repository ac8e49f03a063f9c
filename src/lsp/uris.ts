/** Names of files as editors write them, and as the compiler does: absolute, with `/`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toSlashes } from '../project/paths.ts';

/** Null for what is no file: an unsaved buffer without a name, a version from a repository. */
export function fileOf(uri: string): string | null {
  try {
    return uri.startsWith('file:') ? toSlashes(fileURLToPath(uri)) : null;
  } catch {
    return null;
  }
}

export function uriOf(file: string): string {
  return pathToFileURL(file).href;
}
