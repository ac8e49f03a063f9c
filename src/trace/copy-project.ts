/**
 * A copy of the project in which files can be changed.
 *
 * In: the folder that everything the command needs lies in, a new folder. Out: the copy. Packages are links to the ones that
 * are installed; a package that is a link into the project (a workspace) leads to its copy.
 * Leaves to others: which folder that is (`record.ts`), what is changed in it (`instrument.ts`).
 */
import fs from 'node:fs';
import path from 'node:path';

const PACKAGES = 'node_modules';
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '.hg', '.svn']);

export function copyProject(from: string, to: string): void {
  copyFolder(from, to, { from, to });
}

interface Roots {
  readonly from: string;
  readonly to: string;
}

function copyFolder(from: string, to: string, roots: Roots): void {
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (LEFT_OUT.has(entry.name)) continue;
    if (entry.name === PACKAGES) linkPackages(source, target, roots);
    else if (entry.isDirectory()) copyFolder(source, target, roots);
    else if (entry.isSymbolicLink()) fs.symlinkSync(linkTarget(source, roots), target);
    else if (entry.isFile()) fs.copyFileSync(source, target, fs.constants.COPYFILE_FICLONE);
  }
}

/** A folder of links, so that what tools write beside the packages stays in the copy. */
function linkPackages(from: string, to: string, roots: Roots): void {
  if (fs.statSync(from, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  fs.mkdirSync(to, { recursive: true });
  for (const name of fs.readdirSync(from)) {
    // Caches of tools; `.bin` holds the commands, the others what package managers need.
    if (name === '.cache' || name.startsWith('.vite')) continue;
    const source = path.join(from, name);
    if (name.startsWith('@')) linkPackages(source, path.join(to, name), roots);
    else link(source, path.join(to, name), roots);
  }
}

function link(source: string, target: string, roots: Roots): void {
  if (!fs.existsSync(source)) return;
  const real = fs.realpathSync(source);
  const own = isInside(real, roots.from) && !real.split(path.sep).includes(PACKAGES);
  // Junctions need no privileges on Windows.
  fs.symlinkSync(own ? path.join(roots.to, path.relative(roots.from, real)) : real, target, fs.statSync(real).isDirectory() ? 'junction' : 'file');
}

/** Where a link of the project leads, from its copy: within the project to the copy of what it named. */
function linkTarget(source: string, roots: Roots): string {
  const written = fs.readlinkSync(source);
  const absolute = path.resolve(path.dirname(source), written);
  if (isInside(absolute, roots.from)) return path.isAbsolute(written) ? path.join(roots.to, path.relative(roots.from, absolute)) : written;
  return absolute;
}

function isInside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}
