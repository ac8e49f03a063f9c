/**
 * Tags in doc comments.
 *
 * In: the node that a function or slot is, and tags. Out: the edit that puts them into its doc comment, or gives it one; nothing where
 * they stand there already.
 */
import { Node, type JSDoc } from 'ts-morph';
import type { Edit, Source } from './source.ts';

/** `tags` with their `@`. */
export function addTags(holder: Node, tags: readonly string[], source: Source): Edit | null {
  const carrier = carrierOf(holder);
  const docs = Node.isJSDocable(carrier) ? carrier.getJsDocs().filter((doc) => !isModuleComment(doc, source)) : [];
  const doc = docs.at(-1);
  const written = new Set(docs.flatMap((each) => each.getTags().map((tag) => `@${tag.getTagName()}`)));
  const fresh = tags.filter((tag) => !written.has(tag.split(' ')[0] ?? tag));
  if (fresh.length === 0) return null;
  return doc === undefined ? newComment(carrier, fresh, source) : intoComment(doc, fresh, source);
}

/** What a doc comment for the node stands at: the statement of a variable, the property of a function. */
function carrierOf(holder: Node): Node {
  const parent = holder.getParent();
  if (parent === undefined || !(Node.isArrowFunction(holder) || Node.isFunctionExpression(holder) || Node.isParenthesizedExpression(holder) || Node.isAsExpression(holder)
    || Node.isSatisfiesExpression(holder) || Node.isVariableDeclaration(holder) || Node.isBinaryExpression(holder))) return holder;
  if (Node.isVariableDeclaration(holder)) {
    const statement = holder.getVariableStatement();
    return statement?.getDeclarations().length === 1 ? statement : holder;
  }
  if (Node.isVariableDeclaration(parent) || Node.isParenthesizedExpression(parent) || Node.isAsExpression(parent) || Node.isSatisfiesExpression(parent)) return carrierOf(parent);
  if (Node.isBinaryExpression(parent)) return carrierOf(parent);
  if (Node.isPropertyAssignment(parent) || Node.isPropertyDeclaration(parent) || Node.isExportAssignment(parent) || Node.isExpressionStatement(parent)) return parent;
  return holder;
}

/** The first comment of a file speaks of the file where it says `@module`. */
function isModuleComment(doc: JSDoc, source: Source): boolean {
  return doc.getTags().some((tag) => tag.getTagName() === 'module') && source.text.slice(0, doc.getStart()).replace(/^#!.*/, '').trim() === '';
}

function newComment(carrier: Node, tags: readonly string[], source: Source): Edit {
  const start = carrier.getStart();
  if (!source.startsLine(start)) return { start, end: start, text: `/** ${tags.join(' ')} */ ` };
  const indent = source.indentation(start);
  const [only] = tags;
  const text = tags.length === 1 && only !== undefined ? `/** ${only} */` : block([], tags, indent, source);
  return { start, end: start, text: `${text}${source.lineBreak}${indent}` };
}

/** In front of the first tag, where tags have lines of their own; else as the last lines. */
function intoComment(doc: JSDoc, tags: readonly string[], source: Source): Edit {
  const text = doc.getText();
  const indent = source.indentation(doc.getStart());
  const [first] = doc.getTags();
  if (!text.includes('\n')) {
    const content = text.slice(3, -2).trim();
    const lines = content === '' ? [] : [content];
    const whole = lines.length === 0 && tags.length === 1 ? `/** ${tags.join('')} */` : block(lines, tags, indent, source, first === undefined && separatesTags(source));
    return { start: doc.getStart(), end: doc.getEnd(), text: source.startsLine(doc.getStart()) ? whole : `/** ${tags.join(' ')} ${content} */` };
  }
  if (first !== undefined && /^[ \t]*\*?[ \t]*$/.test(source.text.slice(source.lineStart(first.getStart()), first.getStart()))) {
    const lead = source.text.slice(source.lineStart(first.getStart()), first.getStart());
    return { start: first.getStart(), end: first.getStart(), text: tags.map((tag) => `${tag}${source.lineBreak}${lead}`).join('') };
  }
  const end = doc.getEnd() - 2;
  const contentEnd = source.text.slice(0, end).trimEnd().length;
  const content = source.text.slice(doc.getStart(), contentEnd);
  const isSeparated = /^\/\*\*[\s*]*$/.test(content) || /\n[ \t]*\*$/.test(content);
  const separator = separatesTags(source) && first === undefined && !isSeparated ? `${source.lineBreak}${indent} *` : '';
  return { start: contentEnd, end, text: `${separator}${tags.map((tag) => `${source.lineBreak}${indent} * ${tag}`).join('')}${source.lineBreak}${indent} ` };
}

function block(content: readonly string[], tags: readonly string[], indent: string, source: Source, separated = false): string {
  const lines = [...content.map((line) => ` * ${line}`), ...(separated && content.length > 0 ? [' *'] : []), ...tags.map((tag) => ` * ${tag}`)];
  return ['/**', ...lines, ' */'].join(`${source.lineBreak}${indent}`);
}

/** Whether the file has empty lines between what comments say and their tags. */
function separatesTags({ text }: Source): boolean {
  return /\n[ \t]*\*[ \t]*\S[^\n]*\n[ \t]*\*[ \t]*\r?\n[ \t]*\*[ \t]*@\w/.test(text);
}
