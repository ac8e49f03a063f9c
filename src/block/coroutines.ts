/**
 * I/O functions that only the block layer itself uses, and their wrappers. Re-exports only (seed patch 20).
 */
export { blkCoDoIoctl } from './backend/requests.ts';
export { blkDoIoctl } from './backend/wrappers.ts';
export { bdrvCoCheck, bdrvCoInvalidateCache } from './requests/wrappers.ts';
