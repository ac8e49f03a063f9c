/**
 * Makes the compiler's program of a project.
 *
 * In: a `Project`. Out: a program whose calls into referenced projects lead to source, and the files that are the project's own.
 * Leaves to others: type errors (the user's compiler reports those), reading the program (`frontend/ts`).
 */
import path from 'node:path';
import { ProjectError } from '../model/errors.ts';
import { diagnosticText, ts, type typescript } from './compiler.ts';
import type { Project } from './find-projects.ts';
import type { ParsedFiles } from './parsed-files.ts';
import { relativePath } from './paths.ts';
import { createSourceHost } from './source-host.ts';

export interface LoadedProgram {
  readonly program: typescript.Program;
  /** Absolute names of the files whose findings belong to the project. */
  readonly ownFiles: ReadonlySet<string>;
}

/** Nothing is written, and no library is checked. */
const OPTIONS: typescript.CompilerOptions = {
  noEmit: true,
  skipLibCheck: true,
  skipDefaultLibCheck: true,
  composite: false,
  incremental: false,
  declaration: false,
  declarationMap: false,
  emitDeclarationOnly: false,
};

/** What is left of an earlier program of the same project, so that the next one takes from it what is unchanged. */
export interface Earlier {
  readonly parsed: ParsedFiles;
  /** Absent where files have come or gone, or packages have changed: then all imports are resolved anew. */
  readonly program?: typescript.Program | undefined;
}

/** `furtherTags` are names that the configuration gives to tags, `texts` what is to be read in place of files. */
export function loadProgram(project: Project, root: string, furtherTags: readonly string[], texts?: ReadonlyMap<string, string>, earlier?: Earlier): LoadedProgram {
  const { commandLine } = project;
  const options = { ...commandLine.options, ...OPTIONS };
  delete options.tsBuildInfoFile;
  const host = createSourceHost(options, furtherTags, texts, earlier?.parsed);
  const program = withinStack(() => host.parsing.file, root, () => {
    const made = ts.createProgram({
      rootNames: commandLine.fileNames,
      options,
      host,
      ...(commandLine.projectReferences === undefined ? {} : { projectReferences: commandLine.projectReferences }),
      ...(earlier?.program === undefined ? {} : { oldProgram: earlier.program }),
    });
    // The checker binds all files, which gives every node its parent.
    made.getTypeChecker();
    return made;
  });
  const ownFiles = ownFilesOf(program, project);
  rejectSyntaxErrors(program, ownFiles, root);
  return { program, ownFiles };
}

/** Deep nesting exhausts the stack of a compiler that works by recursion; that is told, not thrown. */
export function withinStack<Result>(currentFile: () => string | null, root: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError && /call stack/i.test(error.message))) throw error;
    const file = currentFile();
    const subject = file === null ? 'A source file' : relativePath(root, file);
    throw new ProjectError('nested-too-deeply', `${subject} is nested too deeply to be analysed.`, 'Such files are mostly generated: exclude them in the tsconfig.json, or split the expression.');
  }
}

/** What the tsconfig lists, and what that imports, but for files that belong to a package or to another project. */
function ownFilesOf(program: typescript.Program, project: Project): Set<string> {
  const listed = new Set(project.commandLine.fileNames);
  const ownFolders = new Map<string, boolean>();
  const own = program.getSourceFiles().filter((file) => {
    const { fileName } = file;
    if (project.referencedFiles.has(fileName) || fileName.endsWith('.json')) return false;
    if (listed.has(fileName)) return true;
    if (program.isSourceFileDefaultLibrary(file) || program.isSourceFileFromExternalLibrary(file) || fileName.includes('/node_modules/')) return false;
    return isOwnFolder(path.posix.dirname(fileName), project.folder, ownFolders);
  });
  return new Set(own.map((file) => file.fileName));
}

/** As in an editor, a file belongs to the nearest tsconfig.json above it; where there is none, to the project that imports it. */
function isOwnFolder(folder: string, projectFolder: string, known: Map<string, boolean>): boolean {
  const answer = known.get(folder);
  if (answer !== undefined) return answer;
  const parent = path.posix.dirname(folder);
  const own = folder === projectFolder || (!ts.sys.fileExists(`${folder}/tsconfig.json`) && (parent === folder || isOwnFolder(parent, projectFolder, known)));
  known.set(folder, own);
  return own;
}

/** Errors 8000 to 8999 are about types in JavaScript; the syntax is understood all the same. */
function isSyntaxError(problem: typescript.Diagnostic): boolean {
  return problem.category === ts.DiagnosticCategory.Error && (problem.code < 8000 || problem.code > 8999);
}

function rejectSyntaxErrors(program: typescript.Program, ownFiles: ReadonlySet<string>, root: string): void {
  const problems: typescript.DiagnosticWithLocation[] = [];
  for (const file of program.getSourceFiles()) {
    if (ownFiles.has(file.fileName)) problems.push(...program.getSyntacticDiagnostics(file).filter(isSyntaxError));
  }
  const [first] = problems;
  if (first === undefined) return;
  const { line, character } = ts.getLineAndCharacterOfPosition(first.file, first.start);
  const others = problems.length - 1;
  const more = others === 0 ? '' : ` (and ${String(others)} other syntax error${others === 1 ? '' : 's'})`;
  throw new ProjectError(
    'syntax-error',
    `${relativePath(root, first.file.fileName)}:${String(line + 1)}:${String(character + 1)} is not valid ${/\.[cm]?jsx?$/.test(first.file.fileName) ? 'JavaScript' : 'TypeScript'}: ${diagnosticText(first)}${more}.`,
    'Mend the syntax first; what a broken file calls cannot be known.',
  );
}
