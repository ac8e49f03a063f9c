/**
 * One source file as the repairs look at it: nodes at places, indentation, line ends, the habits of its author.
 *
 * In: a file of a program. Out: answers, and edits put together.
 */
import { createWrappedNode, Node, type SourceFile } from 'ts-morph';
import type { typescript } from '../project/compiler.ts';
import type { Span } from '../model/summary.ts';

/** What takes the place of the text from `start` to `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export type FunctionWithBody = Node & { getBody(): Node | undefined };

export class Source {
  readonly file: SourceFile;
  readonly text: string;
  readonly checker: typescript.TypeChecker;
  readonly lineBreak: string;
  private habit: { readonly unit: string; readonly semicolon: string } | null = null;

  constructor(program: typescript.Program, source: typescript.SourceFile) {
    this.checker = program.getTypeChecker();
    // The compiler of the program is the one inside ts-morph.
    this.file = createWrappedNode(source, { typeChecker: this.checker });
    this.text = source.text;
    this.lineBreak = this.text.includes('\r\n') ? '\r\n' : '\n';
  }

  /** The function that takes exactly this place. */
  functionAt(span: Span): FunctionWithBody | null {
    return this.around(this.offset(span.line, span.column), (node): node is FunctionWithBody => isFunction(node) && node.getStart() === this.offset(span.line, span.column) && node.getEnd() === this.offset(span.endLine, span.endColumn));
  }

  /** The innermost node at the place that `accepts`, looking outwards. */
  around<Found extends Node>(offset: number, accepts: (node: Node) => node is Found): Found | null {
    for (let at: Node | undefined = this.file.getDescendantAtPos(offset); at !== undefined; at = at.getParent()) if (accepts(at)) return at;
    return null;
  }

  offset(line: number, column: number): number {
    return this.file.compilerNode.getPositionOfLineAndCharacter(line - 1, column - 1);
  }

  lineStart(offset: number): number {
    return this.text.lastIndexOf('\n', offset - 1) + 1;
  }

  /** The blanks at the start of the line. */
  indentation(offset: number): string {
    return /^[ \t]*/.exec(this.text.slice(this.lineStart(offset), offset))?.[0] ?? '';
  }

  /** Whether nothing but blanks stands before it on its line. */
  startsLine(offset: number): boolean {
    return this.text.slice(this.lineStart(offset), offset).trim() === '';
  }

  /** What one level of indentation is here; two blanks where nothing is indented. */
  get unit(): string {
    return this.habits().unit;
  }

  /** `;`, or nothing where statements end without. */
  get semicolon(): string {
    return this.habits().semicolon;
  }

  private habits(): { readonly unit: string; readonly semicolon: string } {
    if (this.habit !== null) return this.habit;
    const blanks = [...this.text.matchAll(/^([ \t]+)[^\s*]/gm)].map(([, blank]) => blank ?? '').sort((a, b) => a.length - b.length);
    const ends = this.file.getStatements().filter((node) => Node.isImportDeclaration(node) || Node.isExpressionStatement(node) || Node.isVariableStatement(node) || Node.isExportDeclaration(node));
    const bare = ends.filter((node) => !node.getText().endsWith(';')).length;
    this.habit = { unit: blanks[0] ?? '  ', semicolon: bare > ends.length / 2 ? '' : ';' };
    return this.habit;
  }
}

export function isFunction(node: Node): node is FunctionWithBody {
  return Node.isFunctionLikeDeclaration(node) || Node.isFunctionExpression(node) || Node.isArrowFunction(node);
}

/** All edits at once; those at one place keep their order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const sorted = edits.map((edit, index) => ({ edit, index })).sort((a, b) => a.edit.start - b.edit.start || a.index - b.index).map(({ edit }) => edit);
  let result = '';
  let at = 0;
  for (const { start, end, text: inserted } of sorted) {
    if (start < at) continue;
    result += text.slice(at, start) + inserted;
    at = end;
  }
  return result + text.slice(at);
}
