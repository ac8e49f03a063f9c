import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests that build a program or start the command wait for the compiler, not for a clock.
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
