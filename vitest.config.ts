import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'plugins/*/src/**/*.test.ts',
            'scripts/**/*.test.ts',
            // Of what `plugins create` writes.
            'packages/cli/templates/*/src/**/*.test.ts',
          ],
          testTimeout: 20_000,
          pool: 'forks',
          // Vitest would leave a core free, and much of a file's time is waiting.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: 'forks',
          // Each file has machines of its own, and a fifth of two cores was idle with two.
          maxWorkers: 3,
        },
      },
    ],
  },
})
