/**
 * Every function and slot with its class, where the class comes from, and what its use says where it has none.
 *
 * In: models. Out: an `Inventory` of the files the check is about: named functions, with or without a body, and slots.
 * Leaves to others: callbacks without a name and module bodies, which have no tag to carry; printing (`report`).
 */
import type { Inventory, InventoryFunction, InventorySlot } from '../../model/questions.ts';
import type { FunctionNode, SlotNode } from '../../model/rule.ts';
import { nameOf } from '../../propagate/search.ts';
import type { Model } from '../model.ts';
import { inferredIn } from './inference.ts';
import { isNameless, placeOf } from './names.ts';
import { comparePlaces, compareText } from './order.ts';

export function buildInventory(models: readonly Model[]): Inventory {
  const inferred = inferredIn(models);
  const exporters = exportersOf(models);
  const members = membersOfSlots(models);
  const functions = new Map<string, FunctionNode>();
  const slots = new Map<string, SlotNode>();
  for (const { program, reported } of models) {
    for (const fn of program.functions) if (reported.has(fn.file) && !isNameless(fn.summary.name) && !functions.has(fn.summary.key)) functions.set(fn.summary.key, fn);
    for (const slot of program.slots) if (reported.has(slot.file) && slot.summary.slot && !slots.has(slot.summary.key)) slots.set(slot.summary.key, slot);
  }
  return {
    functions: inOrder([...functions.values()]).map((fn) => functionEntry(fn, inferred(fn), exporters.get(fn.summary.key) ?? [])),
    slots: inOrder([...slots.values()]).map((slot) => slotEntry(slot, members.get(slot.summary.key) ?? [])),
  };
}

/** By place, whatever project it was found in. */
function inOrder<Node extends FunctionNode | SlotNode>(nodes: readonly Node[]): Node[] {
  return nodes.map((node) => ({ node, place: placeOf(node) })).sort((a, b) => comparePlaces(a.place, b.place) || compareText(a.place.key, b.place.key)).map(({ node }) => node);
}

function functionEntry(fn: FunctionNode, inferred: InventoryFunction['inferred'], exportedFrom: readonly string[]): InventoryFunction {
  const { summary, classification: { class: tag, why, coroutine } } = fn;
  return { function: summary.name, file: fn.file, line: summary.nameSpan.line, class: tag, why, coroutine, inferred, assertion: assertionOf(fn), exportedFrom, hasBody: summary.hasBody };
}

function slotEntry({ file, summary: { table, name, span }, classification: { class: tag, coroutine } }: SlotNode, members: readonly string[]): InventorySlot {
  return { table, slot: name, file, line: span.line, class: tag, coroutine, members };
}

/** The first assertion about the thread. */
export function assertionOf({ summary }: FunctionNode): InventoryFunction['assertion'] {
  for (const { kind } of summary.assertions) if (kind !== 'graphWritable') return kind;
  return null;
}

/** By key of the function: the API modules that export it. */
export function exportersOf(models: readonly Model[]): ReadonlyMap<string, readonly string[]> {
  const exporters = new Map<string, Set<string>>();
  for (const { program } of models) {
    for (const { file, exports } of program.files) for (const { key } of exports) exporters.set(key, (exporters.get(key) ?? new Set()).add(file));
  }
  return sortedLists(exporters);
}

/** By key of the slot: names of the functions that are put in, there or in a slot that implements it, and of methods that do. */
export function membersOfSlots(models: readonly Model[]): ReadonlyMap<string, readonly string[]> {
  const members = new Map<string, Set<string>>();
  const add = (slot: string, name: string): void => { members.set(slot, (members.get(slot) ?? new Set()).add(name)); };
  for (const { program, analysis } of models) {
    for (const { slot, member } of analysis.slotFillings) for (const key of [slot.summary.key, ...program.implementedBy(slot.summary.key)]) add(key, member.name);
    for (const fn of program.functions) if (fn.summary.container !== undefined) for (const key of program.implementedBy(fn.summary.key)) add(key, nameOf(fn));
  }
  return sortedLists(members);
}

function sortedLists(sets: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, readonly string[]> {
  return new Map([...sets].map(([key, set]) => [key, [...set].sort(compareText)]));
}
