/** Backends with the node that they are for: opened along. Apart from `registry.ts`, so that the open path can do without this file. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvUnref } from '../graph/nodes.ts';
import type { BlockBackend } from '../model/backend.ts';
import {
  BDRV_O_NO_IO, BDRV_O_NO_SHARE, BDRV_O_RDWR, BDRV_O_RESIZE, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED,
  type OpenFlags,
} from '../model/constants.ts';
import type { ChildPermissions } from '../model/driver.ts';
import type { BlockOptions } from '../model/options.ts';
import { bdrvOpen } from '../open/open.ts';
import { blkNewWithBs } from './registry.ts';

/**
 * Opens a node and makes a backend with it. The flags say what the backend asks for: to read unless `BDRV_O_NO_IO`, to write with
 * `BDRV_O_RDWR`, to resize with `BDRV_O_RESIZE`; others may do anything, unless `BDRV_O_NO_SHARE`.
 *
 * @throws BlockError
 * @globalState
 */
export async function blkNewOpen(filename: string | null, reference: string | null, options: BlockOptions | null, flags: OpenFlags): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('blkNewOpen');
  const bs = await bdrvOpen(filename, reference, options, flags);
  try {
    const { perm, shared } = permissionsOf(flags);
    return await blkNewWithBs(bs, perm, shared);
  } finally {
    await bdrvUnref(bs);
  }
}

function permissionsOf(flags: OpenFlags): ChildPermissions {
  let perm = 0;
  if ((flags & BDRV_O_NO_IO) === 0) {
    perm |= BLK_PERM_CONSISTENT_READ;
    if ((flags & BDRV_O_RDWR) !== 0) perm |= BLK_PERM_WRITE;
  }
  if ((flags & BDRV_O_RESIZE) !== 0) perm |= BLK_PERM_RESIZE;
  return { perm, shared: (flags & BDRV_O_NO_SHARE) === 0 ? BLK_PERM_ALL : BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED };
}
