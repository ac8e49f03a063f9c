/**
 * Functions that assume nothing about where they run. Re-exports only (seed patch 2).
 */
export { bdrvGetFullBackingFilename, bdrvGetFullBackingFilenameFromFilename, pathCombine, pathHasProtocol, pathIsAbsolute } from './open/filenames.ts';
export { bdrvParseAio } from './open/open-flags.ts';
