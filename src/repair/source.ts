/**
 * A file as the repairs look at it: nodes at places, indentation, lines.
 *
 * In: a parsed file, the program it belongs to, and their compiler. Out: answers about its text and tree.
 */
import type ts from 'typescript';
import type { Finding } from '../model/finding.ts';

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A function that may have a body. */
export type FunctionNode = ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration | ts.ConstructorDeclaration | ts.AccessorDeclaration;

export class Source {
  readonly ts: typeof ts;
  readonly file: ts.SourceFile;
  readonly text: string;
  private readonly program: ts.Program;

  constructor(compiler: typeof ts, program: ts.Program, file: ts.SourceFile) {
    this.ts = compiler;
    this.program = program;
    this.file = file;
    this.text = file.text;
  }

  startOf({ line, column }: Finding): number {
    return this.file.getPositionOfLineAndCharacter(line - 1, column - 1);
  }

  endOf({ endLine, endColumn }: Finding): number {
    return this.file.getPositionOfLineAndCharacter(endLine - 1, endColumn - 1);
  }

  lineOf(index: number): number {
    return this.file.getLineAndCharacterOfPosition(index).line;
  }

  lineStart(index: number): number {
    return this.file.getPositionOfLineAndCharacter(this.lineOf(index), 0);
  }

  /** The innermost node whose text holds the index. */
  nodeAt(index: number): ts.Node {
    let found: ts.Node = this.file;
    for (let inner: ts.Node | undefined = found; inner !== undefined;) {
      found = inner;
      inner = this.ts.forEachChild(found, (child) => (this.startOfNode(child) <= index && index < child.end ? child : undefined));
    }
    return found;
  }

  /** The text of an element begins where its parent's tag ends: blanks are part of it. */
  private startOfNode(node: ts.Node): number {
    return this.ts.isJsxText(node) ? node.pos : node.getStart(this.file);
  }

  /** The innermost node at the finding that `accepts`, looking outwards. */
  around<Found extends ts.Node>(finding: Finding, accepts: (node: ts.Node) => node is Found): Found | null {
    for (let at = this.nodeAt(this.startOf(finding)); ; at = at.parent) {
      if (accepts(at)) return at;
      if (this.ts.isSourceFile(at)) return null;
    }
  }

  isFunction(node: ts.Node): node is FunctionNode {
    const { ts: compiler } = this;
    return compiler.isFunctionDeclaration(node) || compiler.isFunctionExpression(node) || compiler.isArrowFunction(node) || compiler.isMethodDeclaration(node)
      || compiler.isConstructorDeclaration(node) || compiler.isGetAccessorDeclaration(node) || compiler.isSetAccessorDeclaration(node);
  }

  /** The blanks at the start of the line. */
  indentation(index: number): string {
    return /^[ \t]*/.exec(this.text.slice(this.lineStart(index)))?.[0] ?? '';
  }

  /** The line break of the file. */
  get lineBreak(): string {
    return this.text.includes('\r\n') ? '\r\n' : '\n';
  }

  isDirective(statement: ts.Statement): boolean {
    return this.ts.isExpressionStatement(statement) && this.ts.isStringLiteral(statement.expression);
  }

  /** Behind the last directive that the statements begin with; null where there is none. */
  endOfDirectives(statements: readonly ts.Statement[]): number | null {
    const next = statements.findIndex((statement) => !this.isDirective(statement));
    const count = next < 0 ? statements.length : next;
    return count === 0 ? null : (statements[count - 1] as ts.Statement).end;
  }

  /** What the file itself, or another one that it can see, declares under a name that is written at a node. */
  meaning(name: string, user: ts.Node): ts.Symbol | undefined {
    const { Value, Type, Namespace, Alias } = this.ts.SymbolFlags;
    return this.program.getTypeChecker().getSymbolsInScope(user, Value | Type | Namespace | Alias).find((symbol) => symbol.name === name);
  }
}
