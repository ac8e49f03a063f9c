/**
 * The compiler's view of the file system.
 *
 * In: compiler options, further names for tags, texts that take the place of files, and what was parsed before. Out: a host that reads the disk, with the
 * standard library from the bundled compiler.
 * Leaves to others: which files to read (`load-program.ts`).
 */
import { getLibFiles, libFolderInMemoryPath, ts, type typescript } from './compiler.ts';
import type { ParsedFiles } from './parsed-files.ts';

export interface SourceHost extends typescript.CompilerHost {
  /** The file that is being parsed right now. */
  readonly parsing: { file: string | null };
}

/**
 * `useSourceOfProjectReferenceRedirect` is what editors use, so that a reference leads to source instead of to a declaration
 * file that may not exist.
 */
export function createSourceHost(options: typescript.CompilerOptions, furtherTags: readonly string[] = [], texts: ReadonlyMap<string, string> = new Map(), parsed?: ParsedFiles): SourceHost {
  const tagged = new RegExp(String.raw`@(?:${[...OUR_TAGS, ...furtherTags].join('|')})\b`);
  const host = ts.createCompilerHost(options);
  const parsing: SourceHost['parsing'] = { file: null };
  const readDisk = host.readFile.bind(host);
  const onDisk = host.fileExists.bind(host);
  const disk = { fileExists: (file: string) => texts.has(file) || onDisk(file), readFile: (file: string) => texts.get(file) ?? readDisk(file) };
  return Object.assign(host, {
    parsing,
    useSourceOfProjectReferenceRedirect: () => true,
    getDefaultLibLocation: () => libFolderInMemoryPath,
    getDefaultLibFileName: (asked: typescript.CompilerOptions) => `${libFolderInMemoryPath}/${ts.getDefaultLibFileName(asked)}`,
    fileExists: (file: string) => libraryText(file) !== undefined || disk.fileExists(file),
    readFile: (file: string) => libraryText(file) ?? disk.readFile(file),
    getSourceFile: (file: string, settings: typescript.ScriptTarget | typescript.CreateSourceFileOptions) => {
      const parse = (): typescript.SourceFile | undefined => {
        const library = libraryText(file);
        const text = library ?? disk.readFile(file);
        if (text === undefined) return undefined;
        parsing.file = file;
        const given = typeof settings === 'object' ? settings : { languageVersion: settings };
        const needsComments = library === undefined && (!isPackageDeclaration(file) || tagged.test(text));
        const source = ts.createSourceFile(file, text, needsComments ? given : { ...given, jsDocParsingMode: ts.JSDocParsingMode.ParseNone });
        parsing.file = null;
        return source;
      };
      return parsed === undefined ? parse() : parsed.recall(file, texts.get(file), parse);
    },
  });
}

/** Where a declaration file of a package has none of these, its comments need not be parsed. */
const OUR_TAGS = ['globalState', 'io', 'ioOrGs', 'common', 'coroutine', 'coroutineMixed', 'coroutineWrapper', 'noCoroutine', 'runs', 'mainThreadCheck',
  'coroutineCheck', 'asserts', 'switchesTo', 'permissionApi', 'graphState', 'drainBegin', 'drainEnd'];

function isPackageDeclaration(file: string): boolean {
  return file.includes('/node_modules/') && /\.d\.[cm]?ts$/.test(file);
}

const library = new Map<string, string>();

/** The bundled compiler carries its library as text, not as files. */
function libraryText(file: string): string | undefined {
  if (!file.startsWith(libFolderInMemoryPath)) return undefined;
  if (library.size === 0) {
    for (const { fileName, text } of getLibFiles()) library.set(`${libFolderInMemoryPath}/${fileName}`, text);
  }
  return library.get(file);
}
