import { valid as validSemver } from 'semver'
import * as v from 'valibot'
import {
  LEAST_MEMORY_BYTES,
  byteSize,
  cpuCores,
  duration,
  durationOfAtLeast,
  memorySize,
  port,
  timestamp,
} from '../config/schema-parts.js'
import { checkSchema } from '../config/check-schema.js'
import { parseYaml, sourceText } from '../config/strict-yaml.js'
import { PlaygroundError } from '../errors.js'
import type { RestartPolicy } from '../reconcile/restart-policy.js'
import type { UpdateRules } from '../reconcile/update-rules.js'
import { UPDATE_POLICIES } from './app-record.js'
import type { RunLimits } from '../contracts/runtime.js'
import { APP_NAME } from './app-name.js'
import { VARIABLE_NAME } from './variable-name.js'

export { KNOWN_REFERENCES, REFERENCE, expandedParts } from './references.js'

/** manifest.yaml of a package, with durations in milliseconds and sizes in bytes. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  /** A path inside the package, or one per platform (`linux-x64`). */
  readonly entrypoint: string | Readonly<Record<string, string>>
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workDir: string | undefined
  /** 0 asks for a free port. */
  readonly ports: Readonly<Record<string, number>>
  readonly resources: RunLimits
  readonly runtime: string | undefined
  readonly healthCheck: HealthCheckSpec | undefined
  readonly restart: RestartPolicy
  readonly update: UpdateRules
  readonly scripts: { readonly preStart: string | undefined; readonly postStop: string | undefined }
  /** Names of `env` entries whose values are hidden in every log. */
  readonly secrets: readonly string[]
  readonly createdAtMs: number | undefined
}

export interface HealthCheckSpec {
  readonly type: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly retries: number
  readonly startPeriodMs: number
  /** The keys that belong to the plugin. */
  readonly spec: Readonly<Record<string, unknown>>
}

const innerPath = v.pipe(
  v.string(),
  v.check(isInnerPath, 'must be a relative path inside the package, without ".."'),
)

const env = v.record(
  v.pipe(
    v.string(),
    v.regex(VARIABLE_NAME, 'must be letters, digits and "_", and begin with no digit'),
  ),
  v.pipe(
    v.string(),
    v.check((value) => !value.includes('\0'), 'must not hold a NUL'),
  ),
)

const described = <Schema extends v.GenericSchema<unknown, unknown>>(
  schema: Schema,
  text: string,
): Schema => v.pipe(schema, v.description(text)) as unknown as Schema

/** What has bounds is given to those that hold it. */
type AsNumber = v.GenericSchema<unknown, number>

/** Less is a load on the app and the node, and no check is done in no time. */
const LEAST_CHECK_MS = 100

const healthCheckWith = (pause: AsNumber) =>
  v.looseObject({
    type: v.string(),
    interval: described(v.optional(pause, '10s'), 'Between two checks; at least 100ms.'),
    timeout: described(v.optional(pause, '5s'), 'For one check; at least 100ms.'),
    retries: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 3),
    start_period: v.optional(duration, '0s'),
  })

const restart = v.strictObject({
  policy: v.optional(v.picklist(['always', 'on-failure', 'never']), 'on-failure'),
  delay: v.optional(duration, '1s'),
  backoff_max: v.optional(duration, '1m'),
  max_attempts: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 5),
  window: v.optional(duration, '10m'),
})

const update = v.strictObject({
  policy: v.optional(v.picklist(UPDATE_POLICIES)),
  max_wait: v.optional(duration),
  healthy_after: v.optional(duration, '10s'),
  deadline: v.optional(duration, '60s'),
  watch: v.optional(duration, '60s'),
  auto_rollback: v.optional(v.boolean(), true),
})

const resourcesWith = (memory: AsNumber) =>
  v.strictObject({
    cpu_limit: v.optional(cpuCores),
    memory_limit: v.optional(memory),
    pids_limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
    cpu: v.optional(cpuCores),
    memory: v.optional(memory),
  })

const schemaWith = (pause: AsNumber, memory: AsNumber) =>
  v.strictObject({
    name: described(
      v.pipe(
        v.string(),
        v.regex(APP_NAME, 'must be lower-case letters, digits and dashes, at most 63'),
      ),
      'Name of the app.',
    ),
    version: described(
      v.pipe(
        v.string(),
        v.check(
          (text) => validSemver(text) === text,
          'must be a version like 1.2.3 (https://semver.org)',
        ),
      ),
      'Version of the app, strict semver.',
    ),
    description: described(v.optional(v.string(), ''), 'Text for people.'),
    entrypoint: described(
      v.union([innerPath, v.record(v.string(), innerPath)]),
      'Program inside the package, or one per platform: {linux-x64: bin/app, linux-arm64: …}.',
    ),
    args: described(
      v.optional(v.array(v.string()), []),
      'Arguments; ${port.NAME} and the like are expanded.',
    ),
    env: described(v.optional(env, {}), 'Environment; the same expansion.'),
    work_dir: described(v.optional(innerPath), 'Working directory inside the package.'),
    ports: described(
      v.optional(
        v.record(
          v.pipe(v.string(), v.regex(APP_NAME, 'must be lower-case letters, digits and dashes')),
          port,
        ),
        {},
      ),
      'Port names and numbers; 0 asks for a free one.',
    ),
    resources: described(
      v.optional(resourcesWith(memory), {}),
      'cpu_limit ("1.0", "500m"), memory_limit (512Mi), pids_limit.',
    ),
    runtime: described(v.optional(v.string()), 'Runtime plugin; default from daemon.yaml.'),
    health_check: described(
      v.optional(healthCheckWith(pause)),
      'How the node tells whether the app is well.',
    ),
    restart: described(v.optional(restart, {}), 'What happens when the app ends.'),
    update: described(v.optional(update, {}), 'How a new version replaces this one.'),
    scripts: described(
      v.optional(
        v.strictObject({ pre_start: v.optional(innerPath), post_stop: v.optional(innerPath) }),
        {},
      ),
      'Hooks around a run.',
    ),
    secrets: described(
      v.optional(v.array(v.string()), []),
      'Names of env entries to hide in logs.',
    ),
    created_at: described(v.optional(timestamp), 'When it was made, RFC 3339.'),
  })

/** The definition that manifest.yaml is checked against; the JSON Schema and the reference are made from it. */
export const manifestSchema = schemaWith(durationOfAtLeast(LEAST_CHECK_MS), memorySize)

const raised = (schema: AsNumber, least: number) =>
  v.pipe(
    schema,
    v.transform((value) => Math.max(value, least)),
  )

const admittedSchema = schemaWith(
  raised(duration, LEAST_CHECK_MS),
  raised(byteSize, LEAST_MEMORY_BYTES),
)

/**
 * Reads manifest.yaml. Keys that begin with `x-` are free.
 * @throws CONFIG_YAML, CONFIG_UNKNOWN_KEY, CONFIG_INVALID with file:line:column
 */
export function parseManifest(text: string, file: string): Manifest {
  return parseWith(manifestSchema, { text, file })
}

/**
 * The same for a package that this node took in before: an earlier version knew no bounds, and what is beyond them now must
 * not keep it from running. It is raised to the bound.
 */
export function parseAdmittedManifest(text: string, file: string): Manifest {
  return parseWith(admittedSchema, { text, file, listsAsMaps: true })
}

function parseWith(
  schema: typeof manifestSchema,
  {
    text,
    file,
    listsAsMaps,
  }: { readonly text: string; readonly file: string; readonly listsAsMaps?: boolean },
): Manifest {
  const source = parseYaml(text, file)
  const value = withoutExtensions(source.value)
  if (isObject(value) && typeof value['version'] === 'number') {
    const written = sourceText(text, ['version']) ?? String(value['version'])
    throw new PlaygroundError('CONFIG_INVALID', `version ${written} is read as a number`, {
      at: source.positionOf(['version']),
      hint: `Put it in quotes and write three parts: version: "${written}.0".`,
    })
  }
  return toManifest(checkSchema(schema, value, source.positionOf, { listsAsMaps }))
}

function toManifest(raw: v.InferOutput<typeof manifestSchema>): Manifest {
  const { health_check: health, restart: restarts, update: updates } = raw
  return {
    name: raw.name,
    version: raw.version,
    description: raw.description,
    entrypoint: raw.entrypoint,
    args: raw.args,
    env: raw.env,
    workDir: raw.work_dir,
    ports: raw.ports,
    resources: {
      cpuCores: raw.resources.cpu_limit ?? raw.resources.cpu,
      memoryBytes: raw.resources.memory_limit ?? raw.resources.memory,
      pids: raw.resources.pids_limit,
    },
    runtime: raw.runtime,
    healthCheck: health === undefined ? undefined : toHealthCheck(health),
    restart: {
      policy: restarts.policy,
      delayMs: restarts.delay,
      backoffMaxMs: restarts.backoff_max,
      maxAttempts: restarts.max_attempts,
      windowMs: restarts.window,
    },
    update: {
      policy: updates.policy,
      maxWaitMs: updates.max_wait,
      healthyAfterMs: updates.healthy_after,
      deadlineMs: updates.deadline,
      watchMs: updates.watch,
      autoRollback: updates.auto_rollback,
    },
    scripts: { preStart: raw.scripts.pre_start, postStop: raw.scripts.post_stop },
    secrets: raw.secrets,
    createdAtMs: raw.created_at,
  }
}

function toHealthCheck(raw: v.InferOutput<ReturnType<typeof healthCheckWith>>): HealthCheckSpec {
  const { type, interval, timeout, retries, start_period, ...spec } = raw
  return {
    type,
    intervalMs: interval,
    timeoutMs: timeout,
    retries,
    startPeriodMs: start_period,
    spec,
  }
}

function withoutExtensions(value: unknown): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('x-')))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isInnerPath(path: string): boolean {
  return (
    path !== '' && !path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..')
  )
}
