import type { Schema } from './schema.js'

export interface HealthTarget<Spec> {
  readonly spec: Spec
  /** Of the app's main process. */
  readonly pid: number
  /** Port name to number, as the instance got them. */
  readonly ports: Readonly<Record<string, number>>
}

export type HealthResult =
  | { readonly healthy: true; readonly detail?: string | undefined }
  | { readonly healthy: false; readonly detail: string }

/** One kind of health check. Interval, timeout and thresholds belong to the prober, not here. */
export interface HealthChecker<Spec> {
  /** Validates the keys of `health_check` that are this checker's own. */
  readonly spec: Schema<Spec>
  /** Looks once; several looks may run at a time. An unhealthy app is a result, not an error. Aborted by `signal` at the time-out. */
  check(target: HealthTarget<Spec>, signal: AbortSignal): Promise<HealthResult>
}
