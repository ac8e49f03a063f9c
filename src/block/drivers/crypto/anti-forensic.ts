/**
 * The anti-forensic splitter of LUKS: a key is spread over many stripes, and can't be had once any of them is gone.
 *
 * In: a key, or its stripes. Out: the other. Leaves to others: encryption and storage of the stripes.
 * Source: "TKS1, an anti-forensic, two level, and iterated key setup scheme", C. Fruhwirth; LUKS on-disk format 1.2.3.
 *
 * Worked example with 3 stripes: s1 and s2 are random; d1 = H(s1), d2 = H(d1 xor s2); s3 = d2 xor key. Merging computes d2 again.
 */
import { createHash, randomBytes } from 'node:crypto';

/** @common */
export function afSplit(key: Uint8Array, stripes: number, hash: string): Uint8Array {
  const result = new Uint8Array(key.length * stripes);
  result.set(randomBytes(key.length * (stripes - 1)));
  result.set(xor(foldStripes(result, key.length, stripes - 1, hash), key), key.length * (stripes - 1));
  return result;
}

/** @common */
export function afMerge(stripesData: Uint8Array, keyLength: number, stripes: number, hash: string): Uint8Array {
  const folded = foldStripes(stripesData, keyLength, stripes - 1, hash);
  return xor(folded, stripesData.subarray(keyLength * (stripes - 1), keyLength * stripes));
}

function foldStripes(data: Uint8Array, length: number, count: number, hash: string): Uint8Array {
  let folded: Uint8Array = new Uint8Array(length);
  for (let stripe = 0; stripe < count; stripe++) folded = diffuse(xor(folded, data.subarray(stripe * length, (stripe + 1) * length)), hash);
  return folded;
}

/** Each part of a hash's length is replaced by the hash of its number and itself, cut to its length. */
function diffuse(data: Uint8Array, hash: string): Uint8Array {
  const size = createHash(hash).digest().length;
  const result = new Uint8Array(data.length);
  const number = Buffer.alloc(4);
  for (let offset = 0, index = 0; offset < data.length; offset += size, index++) {
    number.writeUInt32BE(index);
    const part = data.subarray(offset, offset + size);
    result.set(createHash(hash).update(number).update(part).digest().subarray(0, part.length), offset);
  }
  return result;
}

/** @io */
function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0));
}
