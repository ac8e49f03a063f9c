/** Names of files and folders, absolute and with `/`, as the compiler writes them. */
import path from 'node:path';

export function absolutePath(name: string, folder: string): string {
  return toSlashes(path.resolve(folder, name));
}

export function toSlashes(name: string): string {
  return path.sep === '/' ? name : name.split(path.sep).join('/');
}

/** The way from a folder to a file, as reports name files. */
export function relativePath(folder: string, file: string): string {
  return toSlashes(path.relative(folder, file)) || '.';
}

/** The nearest folder that holds all of the folders. */
export function commonFolder(folders: readonly string[]): string {
  let common = (folders[0] ?? '/').split('/');
  for (const folder of folders) {
    const parts = folder.split('/');
    const length = common.findIndex((part, index) => parts[index] !== part);
    if (length >= 0) common = common.slice(0, length);
  }
  return common.join('/') || '/';
}

/** Whether `file` is `folder` or lies in it. */
export function isInside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
