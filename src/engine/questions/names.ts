/**
 * What a name given by a user stands for.
 *
 * In: models, and a name as reports show it: `fuseSetattr`, `Disk.read`, `<module>`; with `FILE#` before it where it fits several.
 * Out: the functions, slots and library functions it fits. Leaves to others: what to say when that is not exactly one (`cli`).
 */
import type { NamedPlace } from '../../model/questions.ts';
import type { FunctionNode, SlotNode } from '../../model/rule.ts';
import { nameOf } from '../../propagate/search.ts';
import type { Model } from '../model.ts';
import { comparePlaces, compareText } from './order.ts';

/** Sorted by place. Library functions count only where nothing of the program has the name. */
export function lookUp(models: readonly Model[], written: string): NamedPlace[] {
  const found = new Map<string, NamedPlace>();
  const add = (place: NamedPlace): void => { if (!found.has(place.key)) found.set(place.key, place); };
  const fits = fitter(written);
  for (const { program } of models) {
    for (const node of [...program.functions, ...program.slots]) if (fits(node.file, nameOf(node), pathOf(node))) add(placeOf(node));
  }
  if (found.size === 0) {
    for (const { flow } of models) {
      for (const target of flow.targets) {
        if (target.kind !== 'external' || !fits(target.module, target.name, target.name)) continue;
        const why = target.tags.fromModel === true ? 'model' : 'declared';
        add({ key: `${target.module}#${target.name}`, function: target.name, file: target.module, line: 0, column: 0, class: target.tags.class ?? null, why });
      }
    }
  }
  return [...found.values()].sort((a, b) => comparePlaces(a, b) || compareText(a.key, b.key));
}

/** The names of the program's own functions and slots that can be asked for. */
export function knownNames(models: readonly Model[]): string[] {
  const names = models.flatMap(({ program }) => [...program.functions, ...program.slots].map(nameOf));
  return [...new Set(names)].filter((name) => !isNameless(name)).sort(compareText);
}

/** A function without a name of its own is called after its place: `outer/callback@12`. */
export function isNameless(name: string): boolean {
  return /(?:^|[./])(?:callback|function|class)@\d+(?:~\d+)?$/.test(name) || name === '<module>' || name.endsWith('.<fields>');
}

export function placeOf(node: FunctionNode | SlotNode): NamedPlace {
  const span = 'nameSpan' in node.summary ? node.summary.nameSpan : node.summary.span;
  const { class: tag, why } = node.classification;
  return { key: node.summary.key, function: nameOf(node), file: node.file, line: span.line, column: span.column, class: tag, why };
}

/** The name within the file that tells a getter from a setter, and a static member from another. */
function pathOf({ file, summary }: FunctionNode | SlotNode): string {
  return summary.key.slice(file.length + 1);
}

type Fits = (file: string, name: string, path: string) => boolean;

/** A name may itself hold a `#` (`Disk.#open`), so every `#` may be the one behind the file. */
function fitter(written: string): Fits {
  const readings: Fits[] = [(_, name, path) => name === written || path === written];
  for (let at = written.indexOf('#'); at > 0; at = written.indexOf('#', at + 1)) {
    const wantedFile = written.slice(0, at).replace(/^\.\//, '');
    const wantedName = written.slice(at + 1);
    readings.push((file, name, path) => (name === wantedName || path === wantedName) && (file === wantedFile || file.endsWith(`/${wantedFile}`)));
  }
  return (file, name, path) => readings.some((fits) => fits(file, name, path));
}
