/**
 * The inventory: as a table for people, with figures at its end, and as JSON for programs.
 *
 * In: an `Inventory`. Out: text that ends with a newline; the same inventory gives the same bytes.
 */
import picocolors from 'picocolors';
import type { Inventory, InventoryFunction, InventorySlot } from '../model/questions.ts';
import type { ClassTag } from '../model/summary.ts';
import { jsonDocument } from './json-document.ts';
import { visible } from './visible.ts';
import { CLASS_NAMES, COROUTINE_NAMES, counted, number } from './words.ts';

type Colours = ReturnType<typeof picocolors.createColors>;

export function formatInventoryJson({ functions, slots }: Inventory): string {
  return jsonDocument({
    functions: functions.map(({ function: name, file, line, class: tag, why, coroutine, inferred, assertion, exportedFrom }) => ({
      function: name, file, line, class: tag, why, coroutine, inferred: { class: inferred.class, coroutine: inferred.coroutine }, assertion, exportedFrom,
    })),
    slots: slots.map(({ table, slot, file, line, class: tag, coroutine, members }) => ({ table, slot, file, line, class: tag, coroutine, members })),
  });
}

export function formatInventoryTable(inventory: Inventory, colour: boolean): string {
  const c = picocolors.createColors(colour);
  return `${[...fileParts(inventory, c), figures(inventory, c)].join('\n\n')}\n`;
}

interface Row {
  readonly line: number;
  readonly name: string;
  readonly class: string;
  readonly known: boolean;
  readonly rest: string;
}

const WHY_SHORT: Readonly<Record<InventoryFunction['why'], string>> = { declared: '', inherited: ', inherited', module: ', module', model: ', model', inferred: '' };

/** One part for each file; the widths are those of its longest entries, within reason. */
function fileParts({ functions, slots }: Inventory, c: Colours): string[] {
  const byFile = new Map<string, Row[]>();
  const add = (file: string, row: Row): void => {
    const rows = byFile.get(file);
    if (rows === undefined) byFile.set(file, [row]);
    else rows.push(row);
  };
  for (const fn of functions) add(fn.file, { line: fn.line, name: visible(fn.function), class: classText(fn), known: fn.class !== null, rest: notesOf(fn) });
  for (const slot of slots) add(slot.file, { line: slot.line, name: visible(nameOfSlot(slot)), class: slot.class === null ? '-' : CLASS_NAMES[slot.class], known: slot.class !== null, rest: slotNotes(slot) });
  return [...byFile].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, rows]) => {
    const sorted = rows.sort((a, b) => a.line - b.line);
    const width = (pick: (row: Row) => string, most: number): number => Math.min(most, Math.max(...sorted.map((row) => pick(row).length)));
    const lineWidth = width((row) => String(row.line), 6);
    const nameWidth = width((row) => row.name, 32);
    const classWidth = width((row) => row.class, 24);
    return [c.bold(c.cyan(visible(file))), ...sorted.map((row) => {
      const tag = row.class.padEnd(classWidth);
      return `  ${c.dim(String(row.line).padStart(lineWidth))}  ${row.name.padEnd(nameWidth)}  ${row.known ? tag : c.dim(tag)}  ${row.rest}`.trimEnd();
    })].join('\n');
  });
}

function classText({ class: tag, why, inferred }: InventoryFunction): string {
  if (tag !== null) return `${CLASS_NAMES[tag]}${WHY_SHORT[why]}`;
  return inferred.class === null ? '-' : `- (${CLASS_NAMES[inferred.class]} by its use)`;
}

function notesOf({ class: tag, coroutine, inferred, assertion, hasBody, exportedFrom }: InventoryFunction): string {
  return [
    ...(coroutine === null ? [] : [COROUTINE_NAMES[coroutine]]),
    ...(inferred.coroutine === null ? [] : ['coroutine by its use']),
    ...(assertion !== null ? ['asserts'] : tag === 'globalState' && hasBody ? ['no assertion'] : []),
    ...(hasBody ? [] : ['no body']),
    ...(exportedFrom.length > 0 ? ['API'] : []),
  ].join(', ');
}

function slotNotes({ coroutine, members }: InventorySlot): string {
  return [...(coroutine === null ? [] : [COROUTINE_NAMES[coroutine]]), `slot of ${counted(members.length, 'member')}`].join(', ');
}

function nameOfSlot({ table, slot }: InventorySlot): string {
  return table === slot ? slot : `${table}.${slot}`;
}

function figures({ functions, slots }: Inventory, c: Colours): string {
  const classified = functions.filter((fn) => fn.class !== null);
  const kinds = (Object.keys(CLASS_NAMES) as ClassTag[]).map((tag) => ({ tag, count: functions.filter((fn) => fn.class === tag).length })).filter(({ count }) => count > 0);
  const open = functions.filter((fn) => fn.class === null);
  const ofGlobalState = functions.filter((fn) => fn.class === 'globalState' && fn.hasBody);
  const api = functions.filter((fn) => fn.exportedFrom.length > 0);
  const use = [
    ...among(open.filter((fn) => fn.inferred.class === 'globalState').length, 'reach Global State code'),
    ...among(open.filter((fn) => fn.inferred.class === 'io').length, 'are needed by I/O code'),
  ];
  const coroutines = functions.filter((fn) => fn.coroutine !== null).length;
  const unsaid = functions.filter((fn) => fn.inferred.coroutine !== null).length;
  return [
    `${c.bold(counted(functions.length, 'function'))}, ${share(classified.length, functions.length)} with a class${kinds.length === 0 ? '' : `: ${kinds.map(({ tag, count }) => `${number(count)} ${CLASS_NAMES[tag]}`).join(', ')}`}.`,
    ...(use.length === 0 ? [] : [`Of the others, ${use.join(', ')}.`]),
    ...(coroutines + unsaid === 0 ? [] : [`${counted(coroutines, 'function')} with a coroutine tag${unsaid === 0 ? '' : `, ${number(unsaid)} more by ${unsaid === 1 ? 'its' : 'their'} use`}.`]),
    `${counted(ofGlobalState.length, 'Global State function')} with a body, ${share(ofGlobalState.filter((fn) => fn.assertion === 'globalState').length, ofGlobalState.length)} with an assertion.`,
    `${counted(api.length, 'exported function')} of API modules, ${share(api.filter((fn) => fn.class !== null).length, api.length)} with a class.`,
    `${counted(slots.length, 'slot')}, ${share(slots.filter((slot) => slot.class !== null).length, slots.length)} with a class.`,
  ].join('\n');
}

function among(count: number, what: string): string[] {
  return count === 0 ? [] : [`${number(count)} ${what}`];
}

function share(part: number, whole: number): string {
  return whole === 0 ? 'none' : `${number(part)} (${String(Math.floor((100 * part) / whole))} %)`;
}
