import js from '@eslint/js'
import tseslint from 'typescript-eslint'

/** Which packages of ours a package may import (docs/adr/0001). */
const MAY_IMPORT = {
  'packages/core': [],
  'packages/proto': ['core'],
  'packages/testkit': ['core'],
  'packages/process-runtime': ['core'],
  'packages/p2p': ['core', 'proto'],
  'packages/daemon': ['core', 'proto', 'p2p'],
  'packages/controller': ['core', 'proto', 'p2p'],
  'packages/cli': ['core', 'controller', 'daemon'],
  'plugins/runtime-cgroups': ['core', 'process-runtime'],
  'plugins/runtime-process': ['core', 'process-runtime'],
  'plugins/health-http': ['core'],
  'plugins/health-basic': ['core'],
  'plugins/logs-loki': ['core'],
  'plugins/logs-s3': ['core'],
}

const layering = Object.entries(MAY_IMPORT).map(([dir, allowed]) => ({
  files: [`${dir}/src/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^@p2p-playground/(?!(?:${[...allowed, '-'].join('|')})(?:/|$))`,
            message: `${dir} may import: ${allowed.join(', ') || 'none of our packages'}.`,
          },
          { regex: '^@p2p-playground/p2p/testing$', message: 'It is for tests.' },
        ],
      },
    ],
  },
}))

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      '**/node_modules/',
      'packages/proto/src/gen/',
      'bench/out/',
      'examples/hello-*/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts'] } },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
    },
  },
  {
    // winston's types reach winston-transport by another path than ours; transports are instances of it at run time.
    files: ['packages/daemon/src/logs/daemon-logger.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  ...layering,
  {
    // Tests may use the contract suites, fakes and hosts for tests.
    files: ['**/*.test.ts', '**/*.test.support.ts', 'packages/controller/src/testing/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    // These are as strangers would write them: what packages export, and only those meant for plugins.
    files: ['examples/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^@p2p-playground/(?!(?:core|testkit|testkit/contracts)$)',
              message: 'An example imports @p2p-playground/core and @p2p-playground/testkit.',
            },
            { regex: '^\\.\\./\\.\\./', message: 'An example is a package of its own.' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        AbortSignal: 'readonly',
        AbortController: 'readonly',
        fetch: 'readonly',
      },
    },
  },
)
