export { withClashes } from './clashes.js'
export { examinePlugins } from './examine-plugins.js'
export type { ExaminedPlugin, Examination } from './examination.js'
