/**
 * What editors show beside functions.
 *
 * In: models, and a function or slot in them. Out: its class and what reaches it, as a line above it or as the words of a hover.
 */
import type ts from 'typescript';
import type { Model } from '../engine/model.ts';
import { rootNames } from '../engine/questions/card.ts';
import { inferredIn } from '../engine/questions/inference.ts';
import { isNameless, placeOf } from '../engine/questions/names.ts';
import type { NamedPlace } from '../model/questions.ts';
import type { FunctionNode, SlotNode } from '../model/rule.ts';
import type { EditedProject } from '../project/edited-projects.ts';
import { relativePath } from '../project/paths.ts';
import { Source } from '../repair/source.ts';
import { CLASS_NAMES, COROUTINE_NAMES, counted, WHY } from '../report/words.ts';

export interface LineAbove {
  readonly place: NamedPlace;
  readonly text: string;
}

/** Functions of a file that have a class, or that roots reach. */
export function linesAbove(models: readonly Model[], file: string): LineAbove[] {
  const functions = new Map<string, FunctionNode>();
  for (const { program } of models) {
    for (const fn of program.functions) if (fn.file === file && fn.summary.hasBody && !isNameless(fn.summary.name)) functions.set(fn.summary.key, fn);
  }
  const inferred = inferredIn(models);
  return [...functions.values()].flatMap((fn) => {
    const place = placeOf(fn);
    const roots = rootNames(models, place.key).io.length;
    const guess = place.class === null ? inferred(fn).class : null;
    if (place.class === null && guess === null && roots === 0) return [];
    const words = [
      ...(place.class === null ? [] : [CLASS_NAMES[place.class]]),
      ...(guess === null ? [] : [`${CLASS_NAMES[guess]} ${WHY.inferred}`]),
      ...(roots === 0 ? [] : [`reached from ${counted(roots, 'I/O root')}`]),
    ];
    return [{ place, text: words.join(', ') }];
  });
}

/** Markdown. */
export function describe(models: readonly Model[], node: FunctionNode | SlotNode): string {
  const { key, function: name, class: tag, why } = placeOf(node);
  const { coroutine } = node.classification;
  const { io, main } = rootNames(models, key);
  return [
    `**${name}**: ${tag === null ? 'no class of its own' : `${CLASS_NAMES[tag]} ${WHY[why]}`}${coroutine === null ? '' : `; ${COROUTINE_NAMES[coroutine]}`}`,
    ...(io.length === 0 ? [] : [`Off the main thread from ${listed(io)}`]),
    ...(main.length === 0 ? [] : [`In the main thread from ${listed(main)}`]),
  ].join('\n\n');
}

const MOST_LISTED = 8;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).map((name) => `\`${name}\``).join(', ');
  return names.length > MOST_LISTED ? `${shown} and ${String(names.length - MOST_LISTED)} more` : shown;
}

/** The function or slot that the name at a place declares or refers to. */
export function functionAt({ compiler, program, model }: EditedProject, root: string, source: ts.SourceFile, index: number): FunctionNode | SlotNode | null {
  const checker = program.getTypeChecker();
  const node = new Source(compiler, program, source).nodeAt(index);
  if (!compiler.isIdentifier(node) && !compiler.isPrivateIdentifier(node)) return null;
  const found = checker.getSymbolAtLocation(node);
  const symbol = found !== undefined && (found.flags & compiler.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(found) : found;
  for (const declaration of symbol?.declarations ?? []) {
    const file = declaration.getSourceFile();
    const { line, character } = file.getLineAndCharacterOfPosition((compiler.getNameOfDeclaration(declaration) ?? declaration).getStart(file));
    const name = relativePath(root, file.fileName);
    const declared = [...model.program.functions, ...model.program.slots].find((candidate) => {
      if (candidate.file !== name) return false;
      const place = placeOf(candidate);
      return place.line === line + 1 && place.column === character + 1;
    });
    if (declared !== undefined) return declared;
  }
  return null;
}
