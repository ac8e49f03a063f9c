/** Debian's qemu-img and qemu-io, where they are installed: what the block layer is compared with. */
import { execFileSync, spawnSync } from 'node:child_process';

/** Whether qemu-img and qemu-io can be run; tests that need them are skipped only where they truly are absent. */
export const hasQemuImg = ['qemu-img', 'qemu-io'].every((tool) => spawnSync(tool, ['--version']).status === 0);

/** What qemu-img prints. */
export function qemuImg(...args: readonly string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What qemu-io prints. */
export function qemuIo(...args: readonly string[]): string {
  return execFileSync('qemu-io', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Makes a LUKS image. qemu-img measures its speed first, which fails now and then on a busy machine: then it is asked again. */
export function qemuCreateLuks(...args: readonly string[]): void {
  for (let attempt = 1; ; attempt++) {
    try {
      qemuImg('create', '-f', 'luks', ...args);
      return;
    } catch (error) {
      if (attempt === 20 || !String(error).includes('Unable to get accurate CPU usage')) throw error;
    }
  }
}
