/**
 * qcow2 images for tests: in memory, or in files of a temporary folder.
 *
 * In: creation options, a node's options. Out: open images with the few calls that tests make again and again. Leaves to others: disks
 * (`memory-driver.ts`), qemu-img (`qemu.ts`).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blkPdiscard, blkPread, blkPwrite, blkPwriteCompressed, blkPwriteZeroes, blkFlush, blkTruncate } from '../../../src/block/backend/wrappers.ts';
import type { BdrvCheckMode, OpenFlags } from '../../../src/block/model/constants.ts';
import type { BdrvCheckResult } from '../../../src/block/model/driver.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import type { Qcow2State } from '../../../src/block/drivers/qcow2/state.ts';
import { bdrvQcow2 } from '../../../src/block/drivers/qcow2/driver.ts';
import { bdrvCreate } from '../../../src/block/open/create.ts';
import { bdrvCheck, emptyCheckResult } from '../../../src/block/requests/wrappers.ts';
import { nodeBackend, registerDrivers, type TestBackend } from './backend.ts';
import { memoryDiskOf } from './memory-driver.ts';

/** An open image. */
export interface TestImage extends Omit<TestBackend, 'disk'> {
  readonly state: Qcow2State;
  read(offset: number, bytes: number): Promise<Buffer>;
  write(offset: number, data: Uint8Array): Promise<void>;
  writeCompressed(offset: number, data: Uint8Array): Promise<void>;
  writeZeroes(offset: number, bytes: number, flags?: number): Promise<void>;
  discard(offset: number, bytes: number): Promise<void>;
  flush(): Promise<void>;
  resize(size: number): Promise<void>;
  check(fix?: BdrvCheckMode): Promise<BdrvCheckResult>;
}

/** Makes an image at `filename`: a path, `memory:NAME` or `crash:NAME`. */
export async function createImage(filename: string, options: BlockOptions): Promise<void> {
  registerDrivers();
  await bdrvCreate(bdrvQcow2, filename, options);
}

/** The node options of a file name. */
export function fileOptions(filename: string): BlockOptions {
  const [protocol, name] = /^(memory|crash):(.*)$/.exec(filename)?.slice(1) ?? ['file', filename];
  return { 'file.driver': protocol ?? 'file', 'file.filename': name ?? filename };
}

/** Opens an image for reading and writing. */
export async function openImage(filename: string, options: BlockOptions = {}, flags?: OpenFlags): Promise<TestImage> {
  const backend = await nodeBackend({ driver: 'qcow2', ...fileOptions(filename), ...options }, flags);
  const { blk, bs } = backend;
  return {
    ...backend,
    get state() {
      return bs.opaque as Qcow2State;
    },
    async read(offset, bytes) {
      const buffer = Buffer.alloc(bytes);
      await blkPread(blk, offset, buffer);
      return buffer;
    },
    write: (offset, data) => blkPwrite(blk, offset, data, 0),
    writeCompressed: (offset, data) => blkPwriteCompressed(blk, offset, data),
    writeZeroes: (offset, bytes, writeFlags = 0) => blkPwriteZeroes(blk, offset, bytes, writeFlags),
    discard: (offset, bytes) => blkPdiscard(blk, offset, bytes),
    flush: () => blkFlush(blk),
    resize: (size) => blkTruncate(blk, size, false, 'off', 0),
    async check(fix = 0) {
      const result = emptyCheckResult();
      await bdrvCheck(bs, result, fix);
      return result;
    },
  };
}

/** A folder for the files of a test. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'gsio-qcow2-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes the content of a disk in memory to a file. */
  dump(disk: string, name: string): string {
    const path = this.file(name);
    writeFileSync(path, memoryDiskOf(disk).data);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
