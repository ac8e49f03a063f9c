/**
 * `blk-img snapshot`: internal snapshots of an image.
 *
 * In: an image, and what to do: list, create, apply, delete. Out: the list; the image is changed.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkBs } from '../backend/settings.ts';
import type { SnapshotInfo } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotFind, bdrvSnapshotFindByIdAndName, bdrvSnapshotGoto, bdrvSnapshotList } from '../snapshot/snapshot.ts';
import { addCommand, withImage } from './command.ts';
import { ImgFailure, messageOf } from './failure.ts';
import { snapshotTable } from './human.ts';
import type { Done } from './main.ts';
import { FOR_WRITING } from './open-image.ts';
import type { Streams } from './streams.ts';

interface SnapshotOptions {
  readonly list?: boolean;
  readonly apply?: string;
  readonly create?: string;
  readonly delete?: string;
  readonly imageOpts?: boolean;
  readonly format?: string;
  readonly forceShare?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addSnapshot(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addSnapshot');
  addCommand(program, 'snapshot', 'List, create, apply or delete internal snapshots.')
    .argument('<filename>')
    .option('-l, --list', 'list the snapshots')
    .option('-a, --apply <snapshot>', 'go back to a snapshot')
    .option('-c, --create <snapshot>', 'create a snapshot')
    .option('-d, --delete <snapshot>', 'delete a snapshot')
    .option('-q, --quiet', 'print only errors')
    .option('--image-opts', 'the image is given as a list of options')
    .option('-U, --force-share', 'others may write to the image')
    .action(async (filename: string, options: SnapshotOptions) => {
      const asked = [options.list, options.apply, options.create, options.delete].filter((one) => one !== undefined);
      if (asked.length > 1) throw new ImgFailure("Cannot mix '-l', '-a', '-c', '-d'");
      const listing = asked.length === 0 || options.list === true;
      const image = { name: filename, imageOpts: options.imageOpts, forceShare: options.forceShare, flags: listing ? 0 : FOR_WRITING };
      await withImage(image, async (blk) => {
        const bs = blkBs(blk);
        if (bs === null) throw new ImgFailure('The image has no medium');
        await act(bs, options, streams);
      });
      done(0);
    });
}

/** @globalState */
async function act(bs: BlockDriverState, options: SnapshotOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('act');
  if (options.create !== undefined) await create(bs, options.create);
  else if (options.apply !== undefined) await apply(bs, options.apply);
  else if (options.delete !== undefined) await remove(bs, options.delete);
  else await list(bs, streams);
}

/** @globalState */
async function list(bs: BlockDriverState, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('list');
  const snapshots = await bdrvSnapshotList(bs);
  if (snapshots.length > 0) streams.out(snapshotTable(snapshots));
}

/** @globalState */
async function create(bs: BlockDriverState, name: string): Promise<void> {
  GLOBAL_STATE_CODE('create');
  const now = Date.now();
  const info: SnapshotInfo = {
    idStr: '', name, vmStateSize: 0, dateSec: Math.floor(now / 1000), dateNsec: (now % 1000) * 1_000_000, vmClockNsec: 0n, icount: null,
  };
  try {
    await bdrvSnapshotCreate(bs, info);
  } catch (error) {
    throw new ImgFailure(`Could not create snapshot '${name}': ${messageOf(error)}`);
  }
}

/** @globalState */
async function apply(bs: BlockDriverState, name: string): Promise<void> {
  GLOBAL_STATE_CODE('apply');
  try {
    await bdrvSnapshotGoto(bs, name);
  } catch (error) {
    throw new ImgFailure(`Could not apply snapshot '${name}': ${messageOf(error)}`);
  }
}

/** @globalState */
async function remove(bs: BlockDriverState, name: string): Promise<void> {
  GLOBAL_STATE_CODE('remove');
  const snapshot = (await bdrvSnapshotFind(bs, name)) ?? (await bdrvSnapshotFindByIdAndName(bs, name, null));
  if (snapshot === null) throw new ImgFailure(`Could not delete snapshot '${name}': snapshot not found`);
  try {
    await bdrvSnapshotDelete(bs, snapshot.idStr, snapshot.name);
  } catch (error) {
    throw new ImgFailure(`Could not delete snapshot '${name}': ${messageOf(error)}`);
  }
}
