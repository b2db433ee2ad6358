// Writes docs/error-codes.md from the table in @p2p-playground/core. Needs a build.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_TABLE } from '@p2p-playground/core/errors'
import { format, resolveConfig } from 'prettier'
import { ROOT } from './steps.mjs'

const path = join(ROOT, 'docs/error-codes.md')
const rows = Object.entries(ERROR_TABLE).map(
  ([code, { exit, grpc, http, retry }]) =>
    `| \`${code}\` | ${exit} | ${http} | ${grpc} | ${retry ? 'yes' : ''} |`,
)
const text = `# Error codes

Made by \`npm run docs\` from packages/core/src/errors.ts. A code, once published, is not used for anything else.
What to do about them: [troubleshooting.md](troubleshooting.md). HTTP and gRPC are what a code means on an API.

Exit codes of the CLI: 0 good, 1 error, 2 usage or configuration, 3 some nodes failed, 4 failed and rolled back, 5 not in time, 6 refused.

| code | exit | HTTP | gRPC | another try can help |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }))
