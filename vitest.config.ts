import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Fixtures that run import the runtime as a user does; they get the sources, not the last build.
  resolve: { alias: { 'gsio/runtime': new URL('./src/runtime/index.ts', import.meta.url).pathname } },
  test: {
    include: ['test/**/*.test.ts'],
    // Tests that build a program or start the command wait for the compiler, not for a clock.
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
