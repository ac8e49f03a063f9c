/**
 * Compressed clusters, as bytes.
 *
 * In: the data of a cluster. Out: it compressed, if that makes it shorter; and back. Leaves to others: where it is kept.
 *
 * Deflate has a window of 4 KiB (12 bits), as the format demands. The host's library does the work in threads of its own.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { hostOperation } from '../../contexts/coroutine.ts';
import { blockError } from '../../model/errors.ts';
import type { CompressionType } from './header.ts';

type Transform = (data: Uint8Array, options?: object) => Promise<Uint8Array>;

/** A function of the host's compression library; older releases have no Zstandard. */
type ZstdFunction = (data: Uint8Array, callback: (error: Error | null, result: Buffer) => void) => void;

const deflate = promisify(zlib.deflateRaw) as Transform;
const inflate = promisify(zlib.inflateRaw) as Transform;
const WINDOW_BITS = 12;

function zstd(name: 'zstdCompress' | 'zstdDecompress'): Transform {
  const library = zlib as unknown as Partial<Record<typeof name, ZstdFunction>>;
  const transform = library[name];
  if (transform === undefined) throw blockError('ENOTSUP', 'compression_type zstd needs a release of Node.js that has Zstandard (22.15 or later)');
  return promisify(transform);
}

/** @throws BlockError `ENOTSUP` where this host can't do that compression */
export function checkCompressionType(type: CompressionType): void {
  if (type === 'zstd') zstd('zstdDecompress');
}

/** Compresses the data of a cluster; `null` if it does not get shorter. */
export async function compress(type: CompressionType, data: Uint8Array): Promise<Uint8Array | null> {
  const transform = type === 'zlib' ? deflate : zstd('zstdCompress');
  const packed = await transformed(transform(data, type === 'zlib' ? { windowBits: WINDOW_BITS } : undefined), 'A cluster can not be compressed');
  return packed.length < data.length ? packed : null;
}

/**
 * Unpacks a cluster.
 *
 * @param packed - may go on behind the end of the packed data
 * @throws BlockError `EIO` where it is no such data, or not of a cluster's length
 */
export async function decompress(type: CompressionType, packed: Uint8Array, clusterSize: number): Promise<Uint8Array> {
  const transform = type === 'zlib' ? inflate : zstd('zstdDecompress');
  const options = type === 'zlib' ? { windowBits: WINDOW_BITS, maxOutputLength: clusterSize, finishFlush: zlib.constants.Z_SYNC_FLUSH } : undefined;
  const data = await transformed(transform(packed, options), 'A compressed cluster can not be unpacked');
  if (data.length !== clusterSize) throw blockError('EIO', `A compressed cluster holds ${data.length} bytes instead of ${clusterSize}`);
  return data;
}

/** The library's result, or the failure in the words of the block layer. */
function transformed(result: Promise<Uint8Array>, failure: string): Promise<Uint8Array> {
  return hostOperation(result.catch((error: unknown) => {
    throw blockError('EIO', failure, error);
  }));
}
