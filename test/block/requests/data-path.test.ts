/** Reads and writes of any shape, against a plain buffer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blkFlush, blkPdiscard, blkPread, blkPwrite, blkPwriteZeroes } from '../../../src/block/backend/wrappers.ts';
import { memoryBackend } from '../support/backend.ts';

const DISK = 32 * 1024;

type Step =
  | { readonly kind: 'read' | 'zero' | 'discard'; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: number; readonly value: number }
  | { readonly kind: 'flush' };

const range = fc.nat(DISK).chain((offset) => fc.nat(Math.min(DISK - offset, 9000)).map((bytes) => ({ offset, bytes })));
const step: fc.Arbitrary<Step> = fc.oneof(
  range.map((where) => ({ kind: 'read' as const, ...where })),
  range.map((where) => ({ kind: 'zero' as const, ...where })),
  fc.tuple(range, fc.integer({ min: 1, max: 255 })).map(([where, value]) => ({ kind: 'write' as const, ...where, value })),
  fc.constant({ kind: 'flush' as const }),
);

describe('requests of any shape equal a plain buffer', () => {
  test('over disks of any alignment and transfer limit', async () => {
    await fc.assert(fc.asyncProperty(
      fc.record({ shift: fc.integer({ min: 0, max: 12 }), blocks: fc.nat(3), canWriteZeroes: fc.boolean(), hasFua: fc.boolean() }),
      fc.array(step, { maxLength: 20 }),
      async ({ shift, blocks, canWriteZeroes, hasFua }, steps) => {
        const align = 2 ** shift;
        const model = Buffer.alloc(DISK).map((_, index) => index % 251);
        const { blk, disk, close } = await memoryBackend(Uint8Array.from(model), { requestAlignment: align, maxTransfer: blocks * Math.max(align, 512), canWriteZeroes, hasFua });
        for (const one of steps) {
          if (one.kind === 'read') {
            const buffer = Buffer.alloc(one.bytes, 0xee);
            await blkPread(blk, one.offset, buffer);
            expect(buffer.equals(model.subarray(one.offset, one.offset + one.bytes))).toBe(true);
          } else if (one.kind === 'write') {
            await blkPwrite(blk, one.offset, Buffer.alloc(one.bytes, one.value), 0);
            model.fill(one.value, one.offset, one.offset + one.bytes);
          } else if (one.kind === 'zero') {
            await blkPwriteZeroes(blk, one.offset, one.bytes, 0);
            model.fill(0, one.offset, one.offset + one.bytes);
          } else if (one.kind === 'flush') {
            await blkFlush(blk);
          }
        }
        expect(Buffer.from(disk.data).equals(model)).toBe(true);
        await close();
      },
    ), { numRuns: 150 });
  });
});

test('discards come to the driver in pieces that it can take', async () => {
  const { blk, disk, close } = await memoryBackend(DISK, { requestAlignment: 512 });
  await blkPdiscard(blk, 100, 2000);
  expect(disk.log.filter((request) => request.type === 'discard')).toMatchObject([{ offset: 512, bytes: 1536 }]);
  await close();
});
