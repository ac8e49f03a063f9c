/**
 * Which tags functions and slots are to get.
 *
 * In: models, and where tags come from: a list, the names of API modules, inference. Out: wishes; a tag that stands there already is none.
 * What of a list cannot be granted is told.
 */
import type { Analysis, FunctionNode, SlotNode } from '../model/rule.ts';
import type { AssertionKind, ClassTag, CoroutineTag } from '../model/summary.ts';
import type { Finding } from '../model/finding.ts';
import { isNameless } from '../engine/questions/names.ts';
import { apiFunctions, AT_HOME } from '../../rules/api-modules.ts';
import type { Model } from '../engine/model.ts';
import type { ListEntry } from './list.ts';

export interface Wish {
  readonly node: FunctionNode | SlotNode;
  readonly class: ClassTag | null;
  readonly coroutine: CoroutineTag | null;
}

/** What a list says, for one project. */
export interface ListWishes {
  readonly tags: readonly Wish[];
  /** Assertions that the list asks for, by key of the function. */
  readonly assertions: ReadonlyMap<string, Exclude<AssertionKind, 'graphWritable'>>;
  /** Entries that the project has a function for, if only one whose class is that of its slot; and those that it has several for. */
  readonly found: ReadonlySet<ListEntry>;
  readonly ambiguous: ReadonlySet<ListEntry>;
  /** Sentences about tags that say something else. */
  readonly conflicts: readonly string[];
}

export function wishesOfList(model: Model, list: readonly ListEntry[]): ListWishes {
  const { program: { functions, slots } } = model;
  const byName = new Map<string, (FunctionNode | SlotNode)[]>();
  const add = (name: string, node: FunctionNode | SlotNode): void => {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [node]);
    else known.push(node);
  };
  const others = new Map<string, FunctionNode>();
  for (const fn of functions) {
    if (takesTag(fn)) add(fn.summary.name, fn);
    else others.set(fn.summary.name, fn);
  }
  for (const slot of slots) if (slot.summary.slot && slot.summary.external !== true) add(`${slot.summary.table}.${slot.summary.name}`, slot);

  const modules = exportingModules(model);
  const tags: Wish[] = [];
  const assertions = new Map<string, Exclude<AssertionKind, 'graphWritable'>>();
  const found = new Set<ListEntry>();
  const ambiguous = new Set<ListEntry>();
  const conflicts: string[] = [];
  for (const entry of list) {
    const nodes = chosen(entry, byName.get(entry.name) ?? [], modules);
    const other = others.get(entry.name);
    if (nodes.length > 0 || other !== undefined) found.add(entry);
    if (nodes.length === 0) {
      if (entry.assertion !== null && other !== undefined && (entry.file ?? other.file) === other.file) assertions.set(other.summary.key, entry.assertion);
      continue;
    }
    if (new Set(nodes.map(({ file }) => file)).size > 1 && entry.file === null) {
      ambiguous.add(entry);
      continue;
    }
    for (const node of nodes) {
      if (!model.reported.has(node.file)) continue;
      const { class: own, coroutine: ownCoroutine } = node.summary.tags;
      const { classification } = node;
      const wantsClass = entry.class !== null && classification.class !== entry.class;
      const wantsCoroutine = entry.coroutine !== null && classification.coroutine !== entry.coroutine;
      if (wantsClass && own !== undefined) conflicts.push(`${entry.name} (${node.file}) is tagged @${own}, and the list says ${entry.class}.`);
      if (wantsCoroutine && ownCoroutine !== undefined) conflicts.push(`${entry.name} (${node.file}) is tagged @${ownCoroutine}, and the list says ${entry.coroutine}.`);
      const wish = { node, class: wantsClass && own === undefined ? entry.class : null, coroutine: wantsCoroutine && ownCoroutine === undefined ? entry.coroutine : null };
      if (wish.class !== null || wish.coroutine !== null) tags.push(wish);
      if (entry.assertion !== null && 'hasBody' in node.summary && node.summary.hasBody) assertions.set(node.summary.key, entry.assertion);
    }
  }
  return { tags, assertions, found, ambiguous, conflicts };
}

/** Those in the file or module that the entry names; where none is there, all that have the name. */
function chosen({ file, module }: ListEntry, nodes: readonly (FunctionNode | SlotNode)[], modules: ReadonlyMap<string, ReadonlySet<string>>): readonly (FunctionNode | SlotNode)[] {
  const inFile = file === null ? [] : nodes.filter((node) => node.file === file);
  if (inFile.length > 0) return inFile;
  const inModule = module === null ? [] : nodes.filter((node) => baseName(node.file) === module || modules.get(node.summary.key)?.has(module) === true);
  return inModule.length > 0 ? inModule : nodes;
}

function exportingModules({ program }: Model): ReadonlyMap<string, ReadonlySet<string>> {
  const modules = new Map<string, Set<string>>();
  for (const { file, exports } of program.files) {
    for (const { key } of exports) modules.set(key, (modules.get(key) ?? new Set()).add(baseName(file)));
  }
  return modules;
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/(?:\.d)?\.[^.]+$/, '');
}

/** A function that somebody can tag where it is written: it has a name, and is not one of a table's. */
function takesTag({ summary }: FunctionNode): boolean {
  return !isNameless(summary.name) && summary.kind !== 'module' && summary.kind !== 'initializer' && summary.literalMember !== true;
}

/** Exported functions of API modules without a class get that of their module. One that modules of two kinds export gets none. */
export function wishesOfModules({ analysis, reported }: Model): Wish[] {
  const wanted = new Map<FunctionNode, ClassTag | null>();
  for (const { fn, module } of apiFunctions(analysis)) {
    if (fn.classification.class !== null || !reported.has(fn.file) || !takesTag(fn)) continue;
    const tag = AT_HOME[module][0] ?? null;
    const known = wanted.get(fn);
    wanted.set(fn, known === undefined || known === tag ? tag : null);
  }
  return [...wanted].filter(([, tag]) => tag !== null).map(([node, tag]) => ({ node, class: tag, coroutine: null }));
}

/** What `suggest-class` says of functions without a class of their own. */
export function wishesOfInference({ analysis }: Model, findings: readonly Finding[]): Wish[] {
  const places = functionsByPlace(analysis);
  return findings.filter(({ rule }) => rule === 'suggest-class').flatMap(({ file, line, column, target }): Wish[] => {
    const node = places.get(placeKey(file, line, column));
    if (node === undefined) return [];
    if (target === '@coroutine') return node.summary.tags.coroutine === undefined ? [{ node, class: null, coroutine: 'coroutine' }] : [];
    if (node.classification.class !== null) return [];
    return target === '@globalState' || target === '@io' ? [{ node, class: target === '@io' ? 'io' : 'globalState', coroutine: null }] : [];
  });
}

export function functionsByPlace({ functions }: Analysis): ReadonlyMap<string, FunctionNode> {
  return new Map(functions.map((fn) => [placeKey(fn.file, fn.summary.nameSpan.line, fn.summary.nameSpan.column), fn]));
}

export function placeKey(file: string, line: number, column: number): string {
  return `${file}:${String(line)}:${String(column)}`;
}
