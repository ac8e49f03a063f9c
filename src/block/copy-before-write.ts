/**
 * Global State functions of the copy-before-write filter. Re-exports only (seed patch 19).
 */
export { bdrvCbwAppend, bdrvCbwDrop } from './drivers/copy-before-write/driver.ts';
