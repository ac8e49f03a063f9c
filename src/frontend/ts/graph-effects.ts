/**
 * Writes to the graph: to a property tagged `@graphState`, to the list it holds, or to a local alias of that list.
 *
 * In: assignments and calls. Out: `GraphWrite`s with whether the graph was asserted writable on every way there.
 * Leaves to others: initialisers (they make a list, they do not change one), helpers the list is handed to.
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import type { State } from './facts.ts';
import { skipTypes } from './traverse.ts';
import type { Walk } from './walk.ts';

/** Methods that change the array, Map or Set that they are called on. */
export const MUTATORS: ReadonlySet<string> = new Set(['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'copyWithin', 'set', 'add', 'delete', 'clear']);

export class GraphEffects {
  private readonly walk: Walk;
  private readonly ts: Compiler;

  constructor(walk: Walk) {
    this.walk = walk;
    this.ts = walk.ts;
  }

  /** An assignment, increment or deletion of `target`. */
  write(target: ts.Expression, place: ts.Node, state: State): void {
    if (this.walk.project.graphState.size === 0 || this.walk.dry > 0) return;
    const { ts } = this;
    const e = skipTypes(ts, target);
    if (ts.isArrayLiteralExpression(e)) {
      for (const element of e.elements) this.write(ts.isSpreadElement(element) ? element.expression : element, place, state);
      return;
    }
    if (ts.isObjectLiteralExpression(e)) {
      for (const member of e.properties) if (ts.isPropertyAssignment(member)) this.write(member.initializer, place, state);
      return;
    }
    if (ts.isObjectLiteralExpression(e)) {
      for (const part of e.properties) if (ts.isPropertyAssignment(part)) this.write(part.initializer, place, state);
      return;
    }
    let property = this.graphProperty(e);
    if (property === null && (ts.isPropertyAccessExpression(e) || ts.isElementAccessExpression(e))) property = this.list(e.expression);
    if (property !== null) this.report(place, property, state);
  }

  /** A call of a method that changes the list, or of `Object.assign` onto it or its holder. */
  call(node: ts.CallExpression, callee: ts.Expression, state: State): void {
    if (this.walk.project.graphState.size === 0 || this.walk.dry > 0 || !this.ts.isPropertyAccessExpression(callee)) return;
    const { ts } = this;
    if (MUTATORS.has(callee.name.text)) {
      const property = this.list(callee.expression);
      if (property !== null) this.report(node, property, state);
      return;
    }
    const [target, ...parts] = node.arguments;
    if (callee.name.text !== 'assign' || !ts.isIdentifier(callee.expression) || callee.expression.text !== 'Object' || target === undefined) return;
    const property = this.list(target) ?? this.assignedProperty(target, parts);
    if (property !== null) this.report(node, property, state);
  }

  private assignedProperty(target: ts.Expression, parts: readonly ts.Expression[]): string | null {
    const { ts, walk } = this;
    for (const part of parts) {
      const literal = skipTypes(ts, part);
      if (!ts.isObjectLiteralExpression(literal)) continue;
      for (const property of literal.properties) {
        const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : null;
        if (name === null || !walk.project.graphState.has(name)) continue;
        const member = walk.symbols.checker.getPropertyOfType(walk.symbols.checker.getTypeAtLocation(target), name);
        if (member !== undefined && walk.symbols.tagsOf(member).graphState === true) return name;
      }
    }
    return null;
  }

  /** The name of the tagged property that an access means. */
  private graphProperty(e: ts.Expression): string | null {
    const { ts, walk } = this;
    const name = ts.isPropertyAccessExpression(e) ? e.name.text : ts.isElementAccessExpression(e) && ts.isStringLiteralLike(e.argumentExpression) ? e.argumentExpression.text : null;
    if (name === null || !walk.project.graphState.has(name)) return null;
    const symbol = walk.symbols.meaning(e);
    return symbol !== null && walk.symbols.tagsOf(symbol).graphState === true ? name : null;
  }

  /** The tagged property whose list an expression is: the access itself, or a local that holds it. */
  private list(expression: ts.Expression, depth = 0): string | null {
    const { ts, walk } = this;
    const e = skipTypes(ts, expression);
    const direct = this.graphProperty(e);
    if (direct !== null || !ts.isIdentifier(e) || depth > 3) return direct;
    const declaration = walk.symbols.meaning(e)?.valueDeclaration;
    if (declaration === undefined) return null;
    if (ts.isVariableDeclaration(declaration)) return declaration.initializer === undefined ? null : this.list(declaration.initializer, depth + 1);
    if (!ts.isBindingElement(declaration) || !ts.isObjectBindingPattern(declaration.parent)) return null;
    const property = declaration.propertyName ?? declaration.name;
    if (!ts.isIdentifier(property) || !walk.project.graphState.has(property.text)) return null;
    const member = walk.symbols.checker.getPropertyOfType(walk.symbols.checker.getTypeAtLocation(declaration.parent), property.text);
    return member !== undefined && walk.symbols.tagsOf(member).graphState === true ? property.text : null;
  }

  private report(place: ts.Node, property: string, state: State): void {
    const { walk } = this;
    walk.graphWrites.push({ owner: walk.body.key, span: walk.span(place), property, asserted: state.every((way) => way.graphWritable) });
  }
}
