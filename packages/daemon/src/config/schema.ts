import { LOG_KINDS, SANDBOX_MODES, UPDATE_POLICIES, nodeNameProblem } from '@p2p-playground/core'
import * as v from 'valibot'
import {
  byteSize,
  cpuCores,
  memorySize,
  p2pSchema,
  stringMap,
  trustedKeySchema,
} from '@p2p-playground/core/config'

const count = v.pipe(v.number(), v.integer(), v.minValue(1))

const pluginEntry = v.union([
  v.string(),
  v.strictObject({
    use: v.pipe(v.string(), v.description('npm package of the plugin.')),
    config: v.optional(
      v.pipe(v.record(v.string(), v.unknown()), v.description("The plugin's own keys.")),
      {},
    ),
    optional: v.optional(
      v.pipe(v.boolean(), v.description('Go on without it when it fails.')),
      false,
    ),
  }),
])

const logSink = v.union([
  v.string(),
  v.strictObject({
    name: v.pipe(v.string(), v.description('Name of the log sink.')),
    kinds: v.optional(
      v.pipe(
        v.array(v.picklist(LOG_KINDS)),
        v.minLength(1),
        v.description('What it gets: `app`, `daemon`, `event`.'),
      ),
      [...LOG_KINDS],
    ),
  }),
])

function nameOfSink(sink: string | { readonly name: string }): string {
  return typeof sink === 'string' ? sink : sink.name
}

const limits = v.strictObject({
  cpu: v.optional(v.pipe(cpuCores, v.description('Cores for an app that asks for none.'))),
  memory: v.optional(v.pipe(memorySize, v.description('Memory for an app that asks for none.'))),
  pids: v.optional(v.pipe(count, v.description('Processes for an app that asks for none.'))),
})

/** The definition that daemon.yaml is checked against; the JSON Schema and the reference are made from it. */
export const daemonSchema = v.strictObject({
  node: v.optional(
    v.strictObject({
      name: v.optional(
        v.pipe(
          v.string(),
          v.check(
            (name) => nodeNameProblem(name) === undefined,
            ({ input }) => nodeNameProblem(input) ?? '',
          ),
          v.description('Name of the node, without commas; default: the host name.'),
        ),
      ),
      labels: v.optional(v.pipe(stringMap, v.description('Labels to select nodes by.')), {}),
    }),
    {},
  ),
  p2p: v.optional(p2pSchema, {}),
  security: v.optional(
    v.strictObject({
      trusted_public_keys: v.optional(
        v.pipe(
          v.array(trustedKeySchema),
          v.description('Keys whose packages run and whose holders may command.'),
        ),
        [],
      ),
      revoked_keys: v.optional(
        v.pipe(
          v.array(v.string()),
          v.description('Keys that are refused: as a public_key, or by fingerprint.'),
        ),
        [],
      ),
    }),
    {},
  ),
  runtime: v.optional(
    v.strictObject({
      default: v.optional(
        v.pipe(v.string(), v.description('Runtime of apps that name none.')),
        'process',
      ),
      app_dir: v.optional(
        v.pipe(v.string(), v.description('Where apps are; default under the home.')),
      ),
      log_dir: v.optional(
        v.pipe(v.string(), v.description('Where logs are; default under the home.')),
      ),
      max_apps: v.optional(v.pipe(count, v.description('Apps that this node takes.')), 10),
      keep_versions: v.optional(
        v.pipe(
          count,
          v.description('Versions kept per app, with those that something needs beside.'),
        ),
        5,
      ),
      sandbox: v.optional(
        v.pipe(
          v.picklist(SANDBOX_MODES),
          v.description(
            'Read-only system, own /proc and /tmp, no capabilities (needs bubblewrap): where it can be had, always, or never.',
          ),
        ),
        'off',
      ),
      update_policy: v.optional(
        v.pipe(
          v.picklist(UPDATE_POLICIES),
          v.description('When a new version takes over, where its manifest does not say.'),
        ),
        'immediate',
      ),
      default_limits: v.optional(limits, {}),
      user: v.optional(
        v.pipe(
          v.union([
            v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][\w.@-]*$/, 'must be a name or a uid')),
            v.pipe(v.number(), v.integer(), v.minValue(0)),
          ]),
          v.description(
            'Whom apps run as: a name, a uid, or `dynamic` for a uid of its own for each app. The daemon must be root.',
          ),
        ),
      ),
    }),
    {},
  ),
  logging: v.optional(
    v.strictObject({
      level: v.optional(
        v.pipe(
          v.picklist(['debug', 'info', 'warn', 'error']),
          v.description("Of the daemon's own log."),
        ),
        'info',
      ),
      max_size: v.optional(
        v.pipe(byteSize, v.description('Log kept per app; the oldest goes beyond it.')),
        '100Mi',
      ),
      max_age_days: v.optional(
        v.pipe(v.number(), v.minValue(0.01), v.description('Age at which logs go.')),
        7,
      ),
      sinks: v.optional(
        v.pipe(
          v.array(logSink),
          v.check(
            (sinks) => new Set(sinks.map(nameOfSink)).size === sinks.length,
            'must name each sink once',
          ),
          v.description(
            'Log sinks to ship to: names that plugins give them, or maps `{ name, kinds }` with some of `app`, `daemon`, `event`.',
          ),
        ),
        [],
      ),
      max_unshipped: v.optional(
        v.pipe(
          byteSize,
          v.description(
            'Log kept per app where a sink has not had what is beyond max_size; default: twice that.',
          ),
        ),
      ),
      redact: v.optional(
        v.pipe(
          v.array(v.pipe(v.string(), v.check(isPattern, 'must be a regular expression'))),
          v.description('Patterns that logs never show.'),
        ),
        [],
      ),
    }),
    {},
  ),
  plugins: v.optional(
    v.pipe(v.array(pluginEntry), v.description('Plugin packages beside the built-in ones.')),
    [],
  ),
})

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    // The check's message says it.
    return false
  }
}
