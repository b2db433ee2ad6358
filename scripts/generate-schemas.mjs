// Writes the JSON Schemas and docs/configuration.md from the definitions that configuration is checked against.
// Needs a build.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { toJsonSchema } from '@valibot/to-json-schema'
import { format, resolveConfig } from 'prettier'
import { controllerSchema } from '../packages/controller/dist/config/index.js'
import { manifestSchema } from '../packages/core/dist/model/manifest.js'
import { daemonSchema } from '../packages/daemon/dist/config/schema.js'
import { ROOT } from './steps.mjs'

const FILES = [
  {
    name: 'daemon.yaml',
    about: 'The node on a machine. Without the file the defaults hold.',
    schema: daemonSchema,
    path: 'packages/daemon/schema/daemon.schema.json',
  },
  {
    name: 'controller.yaml',
    about:
      'What commands on a machine use. Without the file `signing.key` and `swarm.key` of the home are used when they are there.',
    schema: controllerSchema,
    path: 'packages/controller/schema/controller.schema.json',
  },
  {
    name: 'manifest.yaml',
    about: 'At the root of an application. Keys that begin with `x-` are free.',
    schema: manifestSchema,
    path: 'packages/core/schema/manifest.schema.json',
  },
]

const sections = []
for (const file of FILES) {
  const schema = toJsonSchema(file.schema, { typeMode: 'input', errorMode: 'ignore' })
  schema.title = file.name
  if (file.name === 'manifest.yaml') schema.patternProperties = { '^x-': {} }
  await emit(file.path, `${JSON.stringify(schema, null, 2)}\n`)
  sections.push(`## ${file.name}\n\n${file.about}\n\n${table(schema)}`)
}

await emit(
  'docs/configuration.md',
  `# Configuration

<!-- Made by scripts/generate-schemas.mjs from the definitions that the files are checked against. -->

All files are YAML. An unknown key is an error that names file, line and column. Durations are written \`250ms\`, \`10s\`,
\`5m\`, \`1h30m\`; sizes \`512Ki\`, \`100Mi\`, \`10MB\`. \`\${VAR}\` and \`\${VAR:-default}\` in values come from the environment.
Relative paths begin at the file. Editors complete the keys with the JSON Schemas that the packages ship, for example
\`# yaml-language-server: $schema=node_modules/@p2p-playground/daemon/schema/daemon.schema.json\`.

The first of these is taken, for each of daemon.yaml and controller.yaml:

1. what \`--config\` names: a file, or a directory with the file in it. It must exist;
2. what \`$P2P_PLAYGROUND_CONFIG\` names, in the same way. Where it is the other one's file, that beside it;
3. the file in \`$P2P_PLAYGROUND_HOME\`, when that is set. **The search ends there, whether there is one or not**: several nodes
   on one machine, each with a home, share nothing by accident. Without the file the defaults hold;
4. the file in the XDG configuration directory: \`$XDG_CONFIG_HOME/p2p-playground\`, or \`~/.config/p2p-playground\`;
5. the file in \`/etc/p2p-playground\`.

In a directory that is named (1 and 2) the two files count differently. A daemon, and what says how a daemon would be
(\`config show\`, \`invite\`, \`verify\`, \`plugins doctor\`), does not run on the defaults there, which are open to all: without daemon.yaml,
or the one for the environment, it is \`CONFIG_NOT_FOUND\`. Commands do without controller.yaml: the defaults hold.

With \`--env NAME\` or \`$P2P_PLAYGROUND_ENV\` the file \`daemon.NAME.yaml\` beside \`daemon.yaml\` is laid over it: maps merge,
lists replace. \`p2p-playground config show\` prints the effective values with their origins. \`config check\` says what is
wrong, and whether the plugins, keys and users that are named are there.

${sections.join('\n\n')}
`,
)

async function emit(path, text) {
  const target = join(ROOT, path)
  const options = await resolveConfig(target)
  const pretty = await format(text, { ...options, filepath: target })
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, pretty)
  console.log(`wrote ${path}`)
}

function table(schema) {
  const rows = [...rowsOf(schema, '')].map(
    ({ key, type, fallback, text }) => `| \`${key}\` | ${type} | ${fallback} | ${text} |`,
  )
  return ['| key | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function* rowsOf(schema, prefix) {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`
    const inner = property.properties === undefined ? property.items : property
    const nested = inner?.properties === undefined ? undefined : inner
    if (nested === undefined || property.description !== undefined) {
      yield {
        key,
        type: typeOf(property),
        fallback:
          property.default === undefined || isEmptyMap(property.default)
            ? ''
            : `\`${JSON.stringify(property.default)}\``,
        text: (property.description ?? '').replaceAll('|', '\\|'),
      }
    }
    if (nested !== undefined)
      yield* rowsOf(nested, property.properties === undefined ? `${key}[]` : key)
  }
}

function typeOf(property) {
  if (property.enum !== undefined) return property.enum.map((value) => `\`${value}\``).join(', ')
  if (property.anyOf !== undefined) return [...new Set(property.anyOf.map(typeOf))].join(' or ')
  if (property.type === 'array') return `list of ${typeOf(property.items ?? {})}`
  if (property.type === 'object') return 'map'
  return property.type ?? 'any'
}

function isEmptyMap(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length === 0
  )
}
