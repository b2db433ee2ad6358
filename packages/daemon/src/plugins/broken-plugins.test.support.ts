import { BROKEN_CONFIGS } from './broken-configs.test.support.js'
import { BROKEN_PACKAGES } from './broken-packages.test.support.js'
import type { BrokenPlugin } from './broken-plugin.test.support.js'
import { BROKEN_SHAPES } from './broken-shapes.test.support.js'

/** All of them, in the order of the steps at which they show. */
export const BROKEN_PLUGINS: readonly BrokenPlugin[] = [
  ...BROKEN_PACKAGES,
  ...BROKEN_SHAPES,
  ...BROKEN_CONFIGS,
]
