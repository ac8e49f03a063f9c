/**
 * Functions for drivers that assume nothing about where they run. Re-exports only (seed patch 7).
 */
export { childBs } from './graph/child-bs.ts';
export { blockDriverCanCompress } from './open/drivers.ts';
export { bdrvParseFilenameStripPrefix, getTmpFilename, isWindowsDrive } from './open/filenames.ts';
export { bdrvCheckQiovRequest, bdrvCheckRequest } from './requests/checks.ts';
