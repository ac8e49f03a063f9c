/** Backends for tests: opened from options, and closed when the test has run. */
import { afterEach } from 'vitest';
import { blkGetRefcnt, blkNewOpen, blkUnref } from '../../../src/block/block-backend-global-state.ts';
import { blkBs, blkPread } from '../../../src/block/block-backend-io.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_RESIZE, BDRV_O_UNMAP, type OpenFlags } from '../../../src/block/model/constants.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';

export const READ_WRITE = BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP;

/** Gives a function that opens backends; they are closed after each test. */
export function backends(): (options: BlockOptions, flags?: OpenFlags, filename?: string | null) => Promise<BlockBackend> {
  const opened: BlockBackend[] = [];
  afterEach(async () => {
    for (const blk of opened.splice(0).reverse()) if (blkGetRefcnt(blk) > 0) await blkUnref(blk);
  });
  return async (options, flags = READ_WRITE, filename = null) => {
    const blk = await blkNewOpen(filename, null, options, flags);
    opened.push(blk);
    return blk;
  };
}

/** The node of a backend that has one. */
export function nodeOf(blk: BlockBackend): BlockDriverState {
  const bs = blkBs(blk);
  if (bs === null) throw new Error('The backend is empty.');
  return bs;
}

/** The bytes of a range. */
export async function readAt(blk: BlockBackend, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes, 0xee);
  await blkPread(blk, offset, buffer);
  return buffer;
}
