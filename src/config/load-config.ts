/**
 * Finds and reads the configuration of a project.
 *
 * In: the project's folder, or the file the user named. Out: a complete `Config`, or a `ConfigError` in one sentence.
 * Leaves to others: what the file may say (`schema.ts`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { lilconfig, lilconfigSync } from 'lilconfig';
import type * as Jiti from 'jiti';
import { defaultConfig, type Config } from '../model/config.ts';
import { ConfigError } from '../model/errors.ts';
import { completeConfig } from './complete-config.ts';
import { validateConfig } from './schema.ts';
import type { UserConfig } from './user-config.ts';

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs', 'json'] as const;
const SEARCH_PLACES = [...EXTENSIONS.map((extension) => `gsio.config.${extension}`), 'package.json'];

/** The configuration for a project, searched from its folder upward; the defaults where there is none. */
export async function findConfig(folder: string, ruleIds: readonly string[]): Promise<Config> {
  const found = await search(folder);
  if (found === null) return defaultConfig;
  return completeConfig(validateConfig(found.value, ruleIds, nameFor(found.file, folder)));
}

const modules = new Map<string, { readonly state: string; readonly value: unknown }>();

/**
 * As `findConfig`, for those who cannot wait, and without the defaults. The file is searched each time; a module is loaded
 * again when it has been written since.
 */
export function findConfigNow(folder: string, ruleIds: readonly string[]): UserConfig {
  const loadModule = (file: string): unknown => {
    const { mtimeMs, size } = fs.statSync(file);
    const state = `${String(mtimeMs)} ${String(size)}`;
    const known = modules.get(file);
    if (known?.state === state) return known.value;
    const value = readNow(file, nameFor(file, folder), requireModule);
    modules.set(file, { state, value });
    return value;
  };
  const loaders = Object.fromEntries(EXTENSIONS.map((extension) => [`.${extension}`, extension === 'json' ? (file: string) => readNow(file, nameFor(file, folder), readJson) : loadModule]));
  const found = lilconfigSync('gsio', { searchPlaces: SEARCH_PLACES, loaders, stopDir: path.parse(folder).root, cache: false, ignoreEmptySearchPlaces: false }).search(folder);
  return found === null ? {} : validateConfig(found.config, ruleIds, nameFor(found.filepath, folder));
}

/** The configuration in a file that the user named; `written` is how. */
export async function loadConfig(absolute: string, ruleIds: readonly string[], written: string): Promise<Config> {
  const name = path.basename(absolute);
  if (!fs.existsSync(absolute)) {
    throw new ConfigError('config-not-found', `The configuration file ${written} does not exist.`, 'Check the path after --config; it is relative to the current folder.');
  }
  if (!fs.statSync(absolute).isFile()) {
    throw new ConfigError('config-not-found', `The configuration ${written} is a folder, not a file.`, 'Name the file itself after --config.');
  }
  let value = await readModule(absolute, written);
  if (name === 'package.json') {
    value = typeof value === 'object' && value !== null && 'gsio' in value ? value.gsio : {};
  }
  return completeConfig(validateConfig(value, ruleIds, written));
}

async function search(folder: string): Promise<{ file: string; value: unknown } | null> {
  const read = (file: string): Promise<unknown> => readModule(file, nameFor(file, folder));
  const loaders = Object.fromEntries([...EXTENSIONS.map((extension) => `.${extension}`)].map((extension) => [extension, read]));
  const searcher = lilconfig('gsio', { searchPlaces: SEARCH_PLACES, loaders, stopDir: path.parse(folder).root, cache: false, ignoreEmptySearchPlaces: false });
  const found = await searcher.search(folder);
  return found === null ? null : { file: found.filepath, value: found.config };
}

async function readModule(file: string, name: string): Promise<unknown> {
  try {
    return file.endsWith('.json') ? readJson(file) : await importModule(file);
  } catch (error) {
    throw unreadable(error, file, name);
  }
}

function readNow(file: string, name: string, read: (file: string) => unknown): unknown {
  try {
    return read(file);
  } catch (error) {
    throw unreadable(error, file, name);
  }
}

function unreadable(error: unknown, file: string, name: string): ConfigError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigError('unreadable-config', `${name} cannot be loaded: ${firstSentence(reason, file)}`, 'Mend the file, or name another one with --config.');
}

function readJson(file: string): unknown {
  return JSON.parse(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
}

/** `gsio` is bound to the part of it that configurations need, so that they load where it is not installed, and fast. */
async function importModule(file: string): Promise<unknown> {
  return defaultExport(await loaderFrom(await import('jiti')).import(file));
}

/** The package of the loader is only read where there is a module to load. */
function requireModule(file: string): unknown {
  return defaultExport(loaderFrom(createRequire(import.meta.url)('jiti') as typeof Jiti)(file));
}

function loaderFrom({ createJiti }: typeof Jiti): Jiti.Jiti {
  return createJiti(import.meta.url, { fsCache: false, moduleCache: false, alias: { gsio: ownModule('user-config') } });
}

function defaultExport(module: unknown): unknown {
  if (typeof module === 'object' && module !== null && 'default' in module) return module.default;
  throw new Error('it has no default export');
}

function ownModule(name: string): string {
  return fileURLToPath(new URL(`./${name}${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url));
}

function firstSentence(reason: string, file: string): string {
  const line = reason.split('\n').map((part) => part.trim()).find((part) => part !== '') ?? 'unknown reason';
  const short = line.replaceAll(file, path.basename(file)).replace(/[.\s]+$/, '');
  return `${short}.`;
}

/** As a user would write it: relative to the project where that is not longer. */
function nameFor(file: string, folder: string): string {
  const relative = path.relative(folder, file).split(path.sep).join('/');
  return relative.startsWith('../../..') ? file.split(path.sep).join('/') : relative;
}
