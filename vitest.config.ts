import { defineConfig } from 'vitest/config'

// CI reads the counts from a JSON report.
const { VITEST_JSON } = process.env

export default defineConfig({
  test: {
    // A Worker writes a line for every request.
    onConsoleLog: (log) => !log.split('\n').every((line) => line === '' || line.startsWith('{"event":"request"')),
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A busy machine takes its time.
    expect: { poll: { timeout: 30_000 } },
    reporters: VITEST_JSON ? ['default', ['json', { outputFile: VITEST_JSON }]] : ['default'],
  },
})
