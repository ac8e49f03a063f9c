/**
 * Block status: where the content of a range comes from, without reading it.
 *
 * In: a node, a range. Out: flags for the first part of it, and where it lies in which file. Leaves to others: what the drivers know.
 *
 * DATA, ZERO and OFFSET_VALID mean together (`map` is the offset in `file`):
 *
 *     DATA  ZERO  OFFSET_VALID
 *      t     t     t    reads as zero, and so does the file at `map`
 *      t     f     t    the content is what the file has at `map`
 *      f     t     t    allocated, reads as zero; the file need not be zero at `map`
 *      f     f     t    allocated, the content comes from the backing node; what the file has at `map` means nothing
 *      t     t     f    reads as zero; where it lies is not known
 *      t     f     f    the content comes from a file or an offset that is not known
 *      f     t     f    not allocated, or not known where; reads as zero
 *      f     f     f    not allocated, or not known where; the content comes from the backing node
 *
 * A driver says these three for its own layer. Added here are ALLOCATED (this layer decides the content), EOF (the part reaches the end),
 * and ZERO for what no layer has.
 */
import { qemuInCoroutine } from '../contexts/execution.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { bdrvCowBs, bdrvFilterBs, bdrvFilterOrCowBs } from '../graph/chain-links.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import { alignDown, alignUp } from '../model/arithmetic.ts';
import {
  BDRV_BLOCK_ALLOCATED, BDRV_BLOCK_DATA, BDRV_BLOCK_EOF, BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_RAW, BDRV_BLOCK_RECURSE, BDRV_BLOCK_ZERO, type BlockStatusFlags,
} from '../model/constants.ts';
import type { BlockDriver, DriverBlockStatus } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { AllocationStatus } from '../model/queries.ts';
import { bdrvBscFill, bdrvBscIsData } from './block-status-cache.ts';
import { bdrvCheckRequest, noMedium } from './checks.ts';
import { bdrvGetlength } from './length.ts';

export { bdrvBscFill, bdrvBscInvalidateRange, bdrvBscIsData } from './block-status-cache.ts';

/** A status, and how many nodes of the chain were asked for it. */
type ChainStatus = DriverBlockStatus & { readonly depth: number };

/**
 * The status of the first part of a range in this node alone.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvBlockStatus(bs: BlockDriverState, offset: number, bytes: number): Promise<DriverBlockStatus> {
  return bdrvBlockStatusAbove(bs, bdrvFilterOrCowBs(bs), offset, bytes);
}

/**
 * The status of the first part of a range in the chain from `bs` down to `base`, but not in `base`.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvBlockStatusAbove(bs: BlockDriverState, base: BlockDriverState | null, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const { flags, pnum, map, file } = await chainStatus(bs, base, false, true, offset, bytes);
  return { flags, pnum, map, file };
}

/**
 * Whether this node decides the content of the first part of a range.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvIsAllocated(bs: BlockDriverState, offset: number, bytes: number): Promise<AllocationStatus> {
  const { flags, pnum } = await chainStatus(bs, bs, true, false, offset, bytes);
  return { allocated: (flags & BDRV_BLOCK_ALLOCATED) !== 0, pnum };
}

/**
 * Whether one of the nodes from `top` down to `base` decides the content of the first part of a range.
 *
 * @returns also which one: 1 for `top`, 2 for the node below, 0 for none
 * @io
 * @coroutineMixed
 */
export async function bdrvIsAllocatedAbove(
  top: BlockDriverState, base: BlockDriverState | null, includeBase: boolean, offset: number, bytes: number,
): Promise<AllocationStatus & { readonly depth: number }> {
  const { flags, pnum, depth } = await chainStatus(top, base, includeBase, false, offset, bytes);
  const allocated = (flags & BDRV_BLOCK_ALLOCATED) !== 0;
  return { allocated, pnum, depth: allocated ? depth : 0 };
}

/**
 * Whether a range is known to read as zero; `false` also where only reading could tell.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoIsZeroFast(bs: BlockDriverState, offset: number, bytes: number): Promise<boolean> {
  if (bytes === 0) return true;
  const { flags, pnum } = await coChainStatus(bs, null, false, false, offset, bytes);
  return pnum === bytes && (flags & BDRV_BLOCK_ZERO) !== 0;
}

/**
 * @io
 * @coroutineMixed
 */
function chainStatus(bs: BlockDriverState, base: BlockDriverState | null, includeBase: boolean, wantZero: boolean, offset: number, bytes: number): Promise<ChainStatus> {
  if (qemuInCoroutine()) return coChainStatus(bs, base, includeBase, wantZero, offset, bytes);
  return runCoWrapper(bs.aioContext, () => coChainStatus(bs, base, includeBase, wantZero, offset, bytes));
}

/**
 * Asks down the chain until a layer decides the content.
 *
 * @param wantZero - whether the answer has to be exact about zeroes, or only about allocation
 * @io
 * @coroutine
 */
async function coChainStatus(bs: BlockDriverState, base: BlockDriverState | null, includeBase: boolean, wantZero: boolean, offset: number, bytes: number): Promise<ChainStatus> {
  bdrvCheckRequest(offset, bytes);
  if (!includeBase && bs === base) return { flags: 0, pnum: bytes, map: 0, file: null, depth: 0 };
  const top = await nodeStatus(bs, wantZero, offset, bytes);
  if (top.pnum === 0 || (top.flags & BDRV_BLOCK_ALLOCATED) !== 0 || bs === base) return { ...top, depth: 1 };
  const end = (top.flags & BDRV_BLOCK_EOF) !== 0 ? offset + top.pnum : null;
  const found = await statusBelow(bs, base, includeBase, wantZero, offset, { ...top, depth: 1 });
  const flags = found.flags & ~BDRV_BLOCK_EOF;
  // The end that counts is that of the top: layers below may be shorter or longer.
  return { ...found, flags: offset + found.pnum === end ? flags | BDRV_BLOCK_EOF : flags };
}

/**
 * @io
 * @coroutine
 */
async function statusBelow(bs: BlockDriverState, base: BlockDriverState | null, includeBase: boolean, wantZero: boolean, offset: number, top: ChainStatus): Promise<ChainStatus> {
  let found = top;
  for (let node = bdrvFilterOrCowBs(bs); node && (includeBase || node !== base); node = bdrvFilterOrCowBs(node)) {
    const { pnum: bytes, depth } = found;
    const here = await nodeStatus(node, wantZero, offset, bytes);
    // This layer ends before: what the layers above leave to it reads as zero, as if it were allocated here.
    if (here.pnum === 0) return { flags: BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED, pnum: bytes, map: 0, file: node, depth: depth + 1 };
    found = { ...here, depth: depth + 1 };
    if ((here.flags & BDRV_BLOCK_ALLOCATED) !== 0 || node === base) break;
  }
  return found;
}

/**
 * The status in one node, and in what it passes on to.
 *
 * @io
 * @coroutine
 */
async function nodeStatus(bs: BlockDriverState, wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const length = await bdrvGetlength(bs);
  if (offset >= length) return { flags: BDRV_BLOCK_EOF, pnum: 0, map: 0, file: null };
  if (bytes === 0) return { flags: 0, pnum: 0, map: 0, file: null };
  bdrvIncInFlight(bs);
  try {
    const status = await statusBeforeEnd(bs, wantZero, offset, Math.min(bytes, length - offset));
    const flags = status.flags & ~(BDRV_BLOCK_EOF | BDRV_BLOCK_RECURSE);
    return { ...status, flags: offset + status.pnum === length ? flags | BDRV_BLOCK_EOF : flags };
  } finally {
    bdrvDecInFlight(bs);
  }
}

/**
 * @io
 * @coroutine
 */
async function statusBeforeEnd(bs: BlockDriverState, wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const { drv } = bs;
  if (!drv) throw noMedium();
  const filtered = bdrvFilterBs(bs);
  if (!drv.bdrvCoBlockStatus && !filtered) return allData(bs, drv, offset, bytes);
  const align = bs.bl.requestAlignment;
  const start = alignDown(offset, align);
  const aligned = drv.bdrvCoBlockStatus
    ? await driverStatus(bs, drv, wantZero, start, alignUp(offset + bytes, align) - start)
    : { flags: BDRV_BLOCK_RAW | BDRV_BLOCK_OFFSET_VALID, pnum: bytes + offset - start, map: start, file: filtered };
  const status = {
    ...aligned,
    pnum: Math.min(aligned.pnum - (offset - start), bytes),
    map: (aligned.flags & BDRV_BLOCK_OFFSET_VALID) !== 0 ? aligned.map + offset - start : 0,
  };
  if ((status.flags & BDRV_BLOCK_RAW) === 0) return zeroesInFile(bs, wantZero, { ...status, flags: status.flags | await layerFlags(bs, drv, wantZero, offset, status.flags) });
  if (!status.file) throw new Error(`The driver ${drv.formatName} passes a status request on to no node.`);
  return nodeStatus(status.file, wantZero, status.map, status.pnum);
}

/** A driver that does not know its allocation has everything allocated. @io */
function allData(bs: BlockDriverState, drv: BlockDriver, offset: number, bytes: number): DriverBlockStatus {
  const flags = BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED;
  if (drv.protocolName === undefined) return { flags, pnum: bytes, map: 0, file: null };
  return { flags: flags | BDRV_BLOCK_OFFSET_VALID, pnum: bytes, map: offset, file: bs };
}

/**
 * Asks the driver; for protocols, what is known to be data is kept: the host is slow to ask, and a format above asks again and again.
 *
 * @io
 * @coroutine
 */
async function driverStatus(bs: BlockDriverState, drv: BlockDriver, wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const isProtocol = bs.children.length === 0;
  const known = isProtocol ? bdrvBscIsData(bs, offset) : null;
  if (known !== null) return { flags: BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID, pnum: known, map: offset, file: bs };
  const generation = bs.writeGen;
  const status = await drv.bdrvCoBlockStatus?.(bs, wantZero, offset, bytes);
  if (!status || status.pnum <= 0 || status.pnum % bs.bl.requestAlignment !== 0) {
    throw new Error(`The driver ${drv.formatName} says nothing useful about the status of ${offset}+${bytes}.`);
  }
  // A discard that came meanwhile may have made a hole of it.
  const isData = wantZero && status.flags === (BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID);
  if (isProtocol && isData && generation === bs.writeGen) bdrvBscFill(bs, offset, status.pnum);
  return status;
}

/**
 * What a driver's answer means for its layer.
 *
 * @io
 * @coroutine
 */
async function layerFlags(bs: BlockDriverState, drv: BlockDriver, wantZero: boolean, offset: number, flags: BlockStatusFlags): Promise<BlockStatusFlags> {
  if ((flags & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO)) !== 0) return BDRV_BLOCK_ALLOCATED;
  if (drv.supportsBacking !== true) return 0;
  const backing = bdrvCowBs(bs);
  if (!backing) return BDRV_BLOCK_ZERO;
  return wantZero && await isBeyondEnd(backing, offset) ? BDRV_BLOCK_ZERO : 0;
}

/**
 * @io
 * @coroutine
 */
async function isBeyondEnd(bs: BlockDriverState, offset: number): Promise<boolean> {
  try {
    return offset >= await bdrvGetlength(bs);
  } catch {
    return false;
  }
}

/**
 * Looks for holes where a format has its data, if the format does not know them itself.
 *
 * @io
 * @coroutine
 */
async function zeroesInFile(bs: BlockDriverState, wantZero: boolean, status: DriverBlockStatus): Promise<DriverBlockStatus> {
  const { flags, pnum, map, file } = status;
  const asked = BDRV_BLOCK_RECURSE | BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID;
  if (!wantZero || !file || file === bs || (flags & (asked | BDRV_BLOCK_ZERO)) !== asked) return status;
  try {
    const below = await nodeStatus(file, wantZero, map, pnum);
    // A format may have data that its file does not reach yet: it reads as zero.
    if ((below.flags & BDRV_BLOCK_EOF) !== 0 && (below.pnum === 0 || (below.flags & BDRV_BLOCK_ZERO) !== 0)) return { ...status, flags: flags | BDRV_BLOCK_ZERO };
    return { ...status, pnum: below.pnum, flags: flags | (below.flags & BDRV_BLOCK_ZERO) };
  } catch {
    // More than was asked for: worth having, but no reason to fail.
    return status;
  }
}
